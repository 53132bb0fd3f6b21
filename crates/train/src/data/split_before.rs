//! The hold-out rules of earlier versions, so that their runs keep the same split.
//!
//! If patches are cut from a stack of pictures, two blocks of it are held out. If they are cut from
//! one volume, two slabs along its first axis are. Otherwise whole fields are held out at random.

use karhunen_formats::{FieldSource, split_blocks};

use crate::TrainError;
use crate::config::DataConfig;
use crate::config::hold_out::HoldOut;
use crate::data::blocks::runs;
use crate::data::division::{Division, Side, Slabs, fail, shuffled};

/// Blocks held out of a stack.
const BLOCKS: usize = 2;

/// Splits by the rules of those versions.
///
/// # Errors
/// [`TrainError::Data`] if one side would be empty or thinner than a patch; errors of
/// [`split_blocks`].
pub(crate) fn split(
    config: &DataConfig,
    fields: &dyn FieldSource,
    patch: Option<&[usize]>,
    seed: u64,
) -> Result<Division, TrainError> {
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
            let (keep, hold) = shuffled(total, config.validation, seed);
            (keep, hold, None)
        }
    };
    let (keep, hold) = (Side::whole(keep), Side::whole(hold));
    Ok(Division { keep, hold, rule: HoldOut::TwoBlocks, notes: note.into_iter().collect() })
}

/// The sides of one large field.
fn slabs(config: &DataConfig, points: &[usize], patch: &[usize]) -> Result<Division, TrainError> {
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
    let side = |slabs| Side { items: vec![0], slabs: Some(Slabs { axis: 0, of: vec![slabs] }) };
    Ok(Division { keep: side(keep), hold: side(hold), rule: HoldOut::TwoBlocks, notes: vec![note] })
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
            let split = slabs(&config(validation, gap), &[length, 9], &[thick, 3]).unwrap();
            let of = |side: Side| side.slabs.unwrap().of.remove(0);
            let (keep, hold) = (of(split.keep), of(split.hold));
            assert_eq!(hold.len(), blocks);
            assert!(hold.iter().all(|slab| slab.len() >= thick), "{hold:?}");
            for (k, h) in keep.iter().flat_map(|k| hold.iter().map(move |h| (k, h))) {
                assert!(k.end + gap <= h.start || h.end + gap <= k.start, "{k:?} {h:?}");
            }
            // a block at an end costs one gap instead of two
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
}
