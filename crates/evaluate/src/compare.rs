//! Compares several sets of samples with the same real fields.

use karhunen_field::{Ensemble, Grid};
use karhunen_train::TrainedModel;
use serde_json::{Value, json};

use crate::EvaluateError;
use crate::baselines::TRAINING;
use crate::distinguish::{Distinguish, Effort};
use crate::options::ReferenceOptions;
use crate::prepare::{Prepared, prepare};
use crate::progress::Progress;
use crate::ranking::{LEGEND, verdict};
use crate::real::Real;
use crate::rows::{Rows, on};
use crate::table::Table;

/// The comparison of several sets of samples and their baselines.
#[derive(Debug, Clone)]
pub struct Compared {
    /// One row for each set, then the surrogate (Gaussian fields with the data's mean and spectrum)
    /// and the training fields.
    pub table: Table,
    /// How well a network tells each set from real fields.
    pub told: Option<Distinguish>,
    /// Notes for the reader.
    pub notes: Vec<String>,
}

/// Compares sets of samples with real fields. All are brought to one grid, the finest on which no
/// set has to be refined. Each set contributes as many fields as the smallest set has. The
/// reference is prepared like the data of the first model.
///
/// # Errors
/// Errors of [`prepare`] and of the metrics; sets of two boxes or of one name.
pub fn compare(
    samples: Vec<(String, Ensemble)>,
    models: &[&TrainedModel],
    options: &ReferenceOptions,
    effort: Option<Effort>,
    progress: &dyn Progress,
) -> Result<Compared, EvaluateError> {
    let mut samples = samples;
    let count = samples.iter().map(|(_, fields)| fields.count()).min().unwrap_or(0);
    let common = common(&samples)?;
    for (_, fields) in &mut samples {
        *fields = on(&fields.slice(0..fields.count().min(count)), common)?;
    }
    let mut notes = Vec::new();
    let (name, first) = &samples[0];
    let Prepared { mut real, samples: brought, .. } =
        prepare(options, models, (name, first.clone()), &mut notes)?;
    for (_, fields) in &mut samples {
        *fields = on(fields, brought.grid)?;
        if !real.holes.is_empty() {
            real.see_through_holes(fields);
        }
    }
    let Real { reference, training, .. } = real;
    if let Some(effort) = effort {
        // too few fields are refused before the long work begins
        Distinguish::count(count, reference.count(), effort)?;
    }
    let first = models.first().copied();
    let mut rows = Rows::new(&reference, samples, first)?;
    rows.add_surrogate(first, options.seed)?;
    rows.add_training(training.as_ref())?;
    let table = rows.table(progress)?;
    notes.extend(table.parts_differ(TRAINING));
    let told = effort.map(|effort| rows.all_told_apart(effort, progress)).transpose()?;
    Ok(Compared { table, told, notes })
}

impl Compared {
    /// One JSON object: rows, networks, notes.
    pub fn to_json(&self) -> Value {
        json!({"rows": self.table.rows, "distinguish": self.told, "notes": self.notes})
    }

    /// As text: tables, a verdict for each row, and a legend.
    pub fn to_text(&self) -> String {
        let table = &self.table;
        let verdicts: Vec<String> =
            table.rows.iter().skip(1).map(|row| verdict(&row.name, &row.comparison)).collect();
        let mut parts =
            vec![table.in_floors(), verdicts.join("\n"), LEGEND.join("\n"), table.as_measured()];
        parts.extend(self.told.as_ref().map(Distinguish::to_text));
        parts.join("\n\n")
    }
}

/// The finest grid on which no candidate has to be refined.
fn common(candidates: &[(String, Ensemble)]) -> Result<Grid, EvaluateError> {
    let Some((name, first)) = candidates.first() else {
        return Err(EvaluateError::Count(0));
    };
    let mut points = first.grid.points();
    for (i, (other, fields)) in candidates.iter().enumerate().skip(1) {
        if candidates[..i].iter().any(|(name, _)| name == other) {
            return Err(EvaluateError::Twice(other.clone()));
        }
        if !fields.grid.same_box(&first.grid) || fields.channels != first.channels {
            let what = |e: &Ensemble| format!("{} channel(s) on {}", e.channels, e.grid);
            return Err(EvaluateError::TwoBoxes {
                name: other.clone(),
                here: what(fields),
                first: name.clone(),
                there: what(first),
            });
        }
        points.iter_mut().zip(fields.grid.points()).for_each(|(n, m)| *n = m.min(*n));
    }
    Ok(first.grid.with_points(&points)?)
}
