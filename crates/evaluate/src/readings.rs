//! Applies a classifier to samples and to real fields, and compares the results.
//!
//! Features and class frequencies of samples are compared with those of real fields, in floors. If
//! the requested classes are known, the part of samples classified as requested is also given.

use karhunen_field::Ensemble;
use karhunen_field::metrics::{ReadingComparison, ReadingReference};
use karhunen_train::TrainedClassifier;
use serde::Serialize;

use crate::EvaluateError;

/// The results of one candidate.
#[derive(Debug, Clone, Serialize)]
struct Row {
    name: String,
    #[serde(flatten)]
    comparison: ReadingComparison,
    /// Part of the fields classified as the requested class.
    accuracy: Option<f64>,
}

/// The results of all candidates.
#[derive(Debug, Clone, Serialize)]
pub struct ReadTable {
    /// The grid of the classifier.
    grid: String,
    /// Part of `tested` labelled real fields that it classifies correctly.
    classifier_accuracy: f64,
    tested: usize,
    rows: Vec<Row>,
}

impl ReadTable {
    /// Classifies real fields and candidates, given in the data's own values. `labels` are the
    /// requested classes of the first candidate.
    ///
    /// # Errors
    /// Errors of the classifier and of the metrics; a number of labels other than that of the
    /// samples, or a class that the classifier does not know.
    pub fn new(
        classifier: &TrainedClassifier,
        real: &Ensemble,
        candidates: &[(String, Ensemble)],
        labels: Option<(&str, &[u32])>,
        seed: u64,
    ) -> Result<Self, EvaluateError> {
        let count = candidates.iter().map(|(_, e)| e.count()).min().unwrap_or(0);
        if let Some((name, labels)) = labels {
            check(name, labels, candidates.first().map_or(0, |(_, e)| e.count()), classifier)?;
        }
        let reference = classifier.read(real)?;
        let reference = ReadingReference::new(&reference, count, classifier.classes(), seed)?;
        let rows: Result<Vec<Row>, EvaluateError> = candidates
            .iter()
            .enumerate()
            .map(|(i, (name, fields))| {
                let read = classifier.read(fields)?;
                let accuracy = labels.filter(|_| i == 0).map(|(_, asked)| {
                    let right = read.classes.iter().zip(asked).filter(|(r, a)| r == a).count();
                    right as f64 / asked.len() as f64
                });
                let comparison = reference.compare(&read)?;
                Ok(Row { name: name.clone(), comparison, accuracy })
            })
            .collect();
        Ok(Self {
            grid: classifier.grid().to_string(),
            classifier_accuracy: classifier.accuracy,
            tested: classifier.tested,
            rows: rows?,
        })
    }

    /// As text, in the style of the table of statistics.
    pub fn to_text(&self) -> String {
        let mut lines = vec![
            format!(
                "as a classifier reads them at {} ({:.2} % right on {} real fields of known class)",
                self.grid,
                100.0 * self.classifier_accuracy,
                self.tested
            ),
            format!("{:<24} {:>17} {:>17} {:>17}", "", "features", "classes", "as asked for"),
        ];
        for row in &self.rows {
            let c = &row.comparison;
            let cell = |value: f64, floor: f64| format!("{value:.4} ({:.1}×)", value / floor);
            let asked = row.accuracy.map_or("–".into(), |a| format!("{:.1} %", 100.0 * a));
            lines.push(format!(
                "{:<24} {:>17} {:>17} {asked:>17}",
                row.name,
                cell(c.feature_distance, c.feature_distance_floor),
                cell(c.class_distance, c.class_distance_floor),
            ));
        }
        lines.join("\n")
    }
}

/// Checks that there is one label for each sample, of a class that the classifier knows.
fn check(
    name: &str,
    labels: &[u32],
    count: usize,
    classifier: &TrainedClassifier,
) -> Result<(), EvaluateError> {
    if labels.len() != count {
        let (name, labels) = (name.to_string(), labels.len());
        return Err(EvaluateError::LabelCount { name, labels, samples: count });
    }
    let known = |label: &u32| classifier.counts.get(*label as usize).is_some_and(|n| *n > 0);
    match labels.iter().find(|label| !known(label)) {
        Some(label) => Err(EvaluateError::UnknownClass { name: name.into(), label: *label }),
        None => Ok(()),
    }
}
