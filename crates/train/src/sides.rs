//! Which part of a source trains and which is held out.
//!
//! Neighbouring slices resemble each other and random patches overlap, so what is held out of a stack
//! of images are whole blocks of slices with gaps around them, and what is held out of one large image
//! or volume are slabs of its slowest axis. Other fields stand for themselves: a seeded shuffle.

use std::ops::Range;

use karhunen_field::ModeNoise;
use karhunen_field::noise::stream;
use karhunen_formats::{FieldSource, split_blocks};

use crate::TrainError;
use crate::config::DataConfig;

/// Blocks held out of a stack: spread over it, so that validation sees all of it.
const BLOCKS: usize = 2;

/// One side of a split.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Side {
    /// Fields of the source.
    pub items: Vec<usize>,
    /// Where on the slowest axis patches may lie; anywhere if none.
    pub slabs: Option<Vec<Range<usize>>>,
}

impl Side {
    /// All of a source.
    pub fn all(count: usize) -> Self {
        Self { items: (0..count).collect(), slabs: None }
    }
}

/// (training, validation), and what was done in words.
///
/// # Errors
/// [`TrainError::Data`] if one side would be empty or thinner than a patch; those of
/// [`split_blocks`].
pub(crate) fn split(
    config: &DataConfig,
    fields: &dyn FieldSource,
    patch: Option<&[usize]>,
    seed: u64,
) -> Result<(Side, Side, Option<String>), TrainError> {
    let (total, dim) = (fields.count(), fields.points().len());
    let (keep, hold, note) = match patch {
        Some(patch) if total == 1 => return slabs(config, fields.points(), patch),
        Some(_) if dim == 2 => {
            let positions: Vec<u64> = (0..total).map(|item| fields.position(item)).collect();
            let split = split_blocks(&positions, config.validation, BLOCKS, config.gap as u64)?;
            let note = format!(
                "{} of {total} images to train on, {} held out in blocks, {} left out around them",
                split.train.len(),
                split.validation.len(),
                total - split.train.len() - split.validation.len()
            );
            (split.train, split.validation, Some(note))
        }
        _ => {
            let (keep, hold) = shuffle_split(total, config.validation, seed);
            (keep, hold, None)
        }
    };
    // a patch of one volume is many fields, a whole field is one
    let least = if patch.is_some() { 1 } else { 2 };
    if keep.len() < least || hold.is_empty() {
        return Err(fail(
            config,
            format!(
                "{total} field(s) do not split into training and validation; more data, data.patch, or data.validation_source, are needed"
            ),
        ));
    }
    let side = |items| Side { items, slabs: None };
    Ok((side(keep), side(hold), note))
}

/// The sides of one large field.
fn slabs(
    config: &DataConfig,
    points: &[usize],
    patch: &[usize],
) -> Result<(Side, Side, Option<String>), TrainError> {
    let (length, thick) = (points[0], patch.first().copied().unwrap_or(1));
    let held = (config.validation * length as f64).round() as usize;
    if held < thick {
        return Err(fail(
            config,
            format!(
                "data.validation = {} holds {held} of {length} slices out, fewer than a patch of {thick}; raise it to {:.3}, or cut smaller patches",
                config.validation,
                thick as f64 / length as f64
            ),
        ));
    }
    let positions: Vec<u64> = (0..length as u64).collect();
    let blocks = (held / thick).min(BLOCKS);
    let split = split_blocks(&positions, config.validation, blocks, config.gap as u64)?;
    let (keep, hold) = (runs(&split.train), runs(&split.validation));
    if keep.iter().all(|slab| slab.len() < thick) {
        return Err(fail(
            config,
            format!(
                "slices {keep:?} are left to train on, nowhere {thick} in a row as a patch needs; lower data.validation or data.gap, or cut smaller patches"
            ),
        ));
    }
    let note = format!(
        "slices {keep:?} of the slowest axis to train on, {hold:?} held out, {} left out around them",
        length - split.train.len() - split.validation.len()
    );
    let side = |slabs| Side { items: vec![0], slabs: Some(slabs) };
    Ok((side(keep), side(hold), Some(note)))
}

/// Runs of consecutive numbers.
fn runs(rising: &[usize]) -> Vec<Range<usize>> {
    rising.chunk_by(|a, b| *b == a + 1).map(|run| run[0]..run[0] + run.len()).collect()
}

/// A seeded shuffle cut in two: (training, validation).
fn shuffle_split(total: usize, fraction: f64, seed: u64) -> (Vec<usize>, Vec<usize>) {
    let mut order: Vec<usize> = (0..total).collect();
    let uniforms = ModeNoise::new(seed).uniforms(total, 0, stream::VALIDATION + (1 << 20));
    for i in (1..total).rev() {
        order.swap(i, (uniforms[i] * (i + 1) as f64) as usize);
    }
    let held = ((total as f64 * fraction).round() as usize).clamp(1, total.max(1));
    let keep = order.split_off(held.min(order.len()));
    (keep, order)
}

fn fail(config: &DataConfig, message: String) -> TrainError {
    TrainError::Data { source_name: config.source.to_string(), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(validation: f64, gap: usize) -> DataConfig {
        DataConfig { validation, gap, ..DataConfig::default() }
    }

    #[test]
    fn one_volume_is_split_by_slabs_thicker_than_patches_and_apart() {
        for (length, thick, validation, gap, blocks) in
            [(400, 64, 0.2, 16, 1), (400, 32, 0.2, 16, 2), (97, 5, 0.3, 4, 2), (12, 3, 0.25, 0, 1)]
        {
            let (keep, hold, _) =
                slabs(&config(validation, gap), &[length, 9], &[thick, 3]).unwrap();
            let (keep, hold) = (keep.slabs.unwrap(), hold.slabs.unwrap());
            assert_eq!(hold.len(), blocks);
            assert!(hold.iter().all(|slab| slab.len() >= thick), "{hold:?}");
            for (k, h) in keep.iter().flat_map(|k| hold.iter().map(move |h| (k, h))) {
                assert!(k.end + gap <= h.start || h.end + gap <= k.start, "{k:?} {h:?}");
            }
            // beside an end a block costs one gap, not two
            let lost = length - keep.iter().chain(&hold).map(|s| s.len()).sum::<usize>();
            assert_eq!(lost, blocks * gap);
        }
    }

    #[test]
    fn slabs_that_cannot_be_name_the_key() {
        let thin = slabs(&config(0.1, 8), &[400, 400], &[64, 64]).unwrap_err().to_string();
        assert!(thin.contains("data.validation = 0.1") && thin.contains("0.160"), "{thin}");
        let rest = slabs(&config(0.5, 30), &[100, 100], &[50, 50]).unwrap_err().to_string();
        assert!(rest.contains("data.gap"), "{rest}");
    }

    #[test]
    fn runs_are_what_is_consecutive() {
        assert_eq!(runs(&[0, 1, 2, 5, 7, 8]), [0..3, 5..6, 7..9]);
        assert!(runs(&[]).is_empty());
    }
}
