//! Reads the class labels of fields, and counts the classes for the model.
//!
//! A label belongs to a whole field; patches have no labels. Classes are the numbers from 0 to the
//! largest label. The model stores how many training fields each class has.

use karhunen_field::ModeNoise;
use karhunen_field::noise::stream;
use karhunen_formats::FieldSource;

use crate::TrainError;

/// Number of pairs of a field and its label that are shown.
const SHOWN: usize = 3;

/// The labels of a source's fields, by order or by name; empty if no file of labels is named.
///
/// # Errors
/// [`TrainError::Data`] for another number of labels; errors while reading.
pub(crate) fn read(
    path: Option<&String>,
    source: &str,
    fields: &dyn FieldSource,
) -> Result<Vec<u32>, TrainError> {
    let Some(path) = path else { return Ok(Vec::new()) };
    let count = fields.count();
    let names: Vec<Option<&str>> = (0..count).map(|item| fields.name(item)).collect();
    let labels = karhunen_formats::read_labels_of(path, &names)?;
    if labels.len() == count {
        return Ok(labels);
    }
    Err(TrainError::LabelCount {
        source_name: path.clone(),
        message: format!(
            "{} labels, but {source} has {count} fields; give one label a field, in their order",
            labels.len()
        ),
    })
}

/// The labels of the first fields, if fields have names. The user sees here if files and labels are
/// in different orders.
pub(crate) fn pairs(labels: &[u32], fields: &dyn FieldSource) -> Option<String> {
    let pair = |(item, label): (usize, &u32)| Some(format!("{} = {label}", fields.name(item)?));
    let first: Option<Vec<String>> = labels.iter().take(SHOWN).enumerate().map(pair).collect();
    let first = first.filter(|first| !first.is_empty())?.join(", ");
    let more = if labels.len() > SHOWN { ", …" } else { "" };
    Some(format!("labels: {first}{more}"))
}

/// Number of fields of each class, from 0 to the largest label.
pub fn counts(labels: &[u32]) -> Vec<u64> {
    let classes = labels.iter().max().map_or(0, |largest| *largest as usize + 1);
    let mut counts = vec![0; classes];
    labels.iter().for_each(|label| counts[*label as usize] += 1);
    counts
}

/// The class of field `index` of a seed, random with the frequencies of the data; none for
/// unlabelled data.
///
/// It depends on (seed, index) alone, so it is the same on every grid and in every batch.
pub fn drawn(counts: &[u64], seed: u64, index: u64) -> Option<u32> {
    let total: u64 = counts.iter().sum();
    let uniform = ModeNoise::new(seed).uniforms(1, index, stream::CLASSES)[0];
    let mut left = uniform * total as f64;
    let chosen = counts.iter().position(|count| {
        left -= *count as f64;
        left < 0.0
    });
    // rounding may put the uniform number at the last partial sum
    let last = counts.iter().rposition(|count| *count > 0);
    chosen.or(last).map(|class| class as u32)
}

/// The classes with their numbers of fields, for people: `0 (5923), 1 (6742)`.
pub fn described(counts: &[u64]) -> String {
    let seen = counts.iter().enumerate().filter(|(_, count)| **count > 0);
    seen.map(|(class, count)| format!("{class} ({count})")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_go_to_the_largest_label() {
        assert_eq!(counts(&[3, 0, 3]), [1, 0, 0, 2]);
        assert!(counts(&[]).is_empty());
        assert_eq!(described(&[1, 0, 0, 2]), "0 (1), 3 (2)");
    }

    #[test]
    fn classes_are_drawn_by_their_frequencies() {
        let seen = [300, 0, 100];
        let drawn: Vec<u32> = (0..4000).filter_map(|i| drawn(&seen, 7, i)).collect();
        let found = counts(&drawn);
        assert_eq!((drawn.len(), found[1]), (4000, 0));
        // five standard errors of a binomial count: probability of a false alarm below 1e-6
        let spread = 5.0 * (4000.0f64 * 0.75 * 0.25).sqrt();
        assert!((found[0] as f64 - 3000.0).abs() < spread, "{found:?}");
        assert_eq!(super::drawn(&[], 7, 0), None);
        assert_eq!(super::drawn(&[0, 2, 0], 7, 1), Some(1));
    }
}
