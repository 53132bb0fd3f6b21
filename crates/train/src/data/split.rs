//! Splits files into a part that is trained on and a part that is held out.
//!
//! Neighbours resemble each other. Random slices of a volume, or random pictures of a stack, would
//! put near copies of training fields into the validation set. Blocks of neighbours are held out
//! instead. Several blocks are spread over a stack or an axis, and a gap around each belongs to
//! neither part. A suitable rule is chosen from the data ([`automatic`]); `data.hold_out` sets
//! another one.
//!
//! Module `split_before` has the rules of earlier versions. Module `drift` measures how alike
//! neighbours are.

use karhunen_formats::{FieldSource, Series};

use crate::TrainError;
use crate::config::DataConfig;
use crate::config::hold_out::{Blocks, HoldOut};
use crate::data::blocks::{Line, runs};
use crate::data::division::{Division, Side, fail, shuffled};
use crate::data::{drift, split_before};

/// Default number of blocks held out: several, so that the validation set covers all of a stack.
const BLOCKS: usize = 4;

/// With fewer fields, a part of every field is held out instead of some whole fields.
const FEW: usize = 20;

/// Splits a source by `data.hold_out`, or by the rule that suits it.
///
/// # Errors
/// [`TrainError::Data`] if one side would be empty or thinner than a patch.
pub(crate) fn split(
    config: &DataConfig,
    fields: &dyn FieldSource,
    patch: Option<&[usize]>,
    seed: u64,
) -> Result<Division, TrainError> {
    let (total, dim) = (fields.count(), fields.points().len());
    let rule = match &config.hold_out {
        Some(rule) => rule.clone(),
        None => automatic(config, fields, patch)?,
    };
    let mut division = match &rule {
        HoldOut::TwoBlocks => split_before::split(config, fields, patch, seed)?,
        HoldOut::Shuffled => {
            let (keep, hold) = shuffled(total, config.validation, seed);
            let (keep, hold) = (Side::whole(keep), Side::whole(hold));
            Division { keep, hold, rule: rule.clone(), notes: vec![] }
        }
        HoldOut::Blocks(Blocks { axis: Some(axis), .. }) if *axis >= dim => {
            let message = format!("data.hold_out.axis = {axis}: its fields have {dim} axes");
            return Err(fail(config, message));
        }
        HoldOut::Blocks(Blocks { axis: Some(_), .. }) if patch.is_none() => {
            let message = "data.hold_out.axis holds out slices of every field: give data.patch, or \
                           leave the axis out";
            return Err(fail(config, message.into()));
        }
        HoldOut::Blocks(blocks) => in_blocks(config, fields, patch, blocks)?,
    };
    division.rule = rule;
    // one volume gives many patches, but a whole field is one field
    let least = if patch.is_some() { 1 } else { 2 };
    if division.keep.items.len() < least || division.hold.items.is_empty() {
        return Err(fail(
            config,
            format!(
                "{total} field(s) do not split into training and validation; more data, data.patch, or data.validation_source, are needed"
            ),
        ));
    }
    Ok(division)
}

/// Chooses the rule that suits a source.
///
/// | data | rule |
/// |---|---|
/// | labelled fields, pictures that form no series, or fields as far from their neighbours as from others | whole fields at random |
/// | fields that resemble their neighbours, pictures of a stack to cut patches from | blocks of the series |
/// | few large pictures or volumes to cut patches from | blocks of slices of each, along the axis with the smallest drift |
///
/// # Errors
/// Errors while reading.
fn automatic(
    config: &DataConfig,
    fields: &dyn FieldSource,
    patch: Option<&[usize]>,
) -> Result<HoldOut, TrainError> {
    let (total, points) = (fields.count(), fields.points());
    let series = HoldOut::Blocks(Blocks { blocks: Some(BLOCKS), ..Blocks::default() });
    let apart = fields.series() == Series::Apart;
    let Some(patch) = patch else {
        let alike = config.labels.is_none() && !apart && drift::neighbours_are_alike(fields)?;
        return Ok(if alike { series } else { HoldOut::Shuffled });
    };
    if total >= FEW {
        let stack = points.len() == 2 && !apart;
        return Ok(if stack { series } else { HoldOut::Shuffled });
    }
    if apart && total > 1 {
        return Ok(HoldOut::Shuffled);
    }
    // two patches must fit side by side
    let fits: Vec<usize> = (0..points.len()).filter(|a| points[*a] >= 2 * patch[*a]).collect();
    let axis = match fits[..] {
        [] if total > 1 => return Ok(HoldOut::Shuffled),
        [] => 0,
        [only] => only,
        _ => drift::steadiest(fields, &fits)?,
    };
    let held = (config.validation * points[axis] as f64).round() as usize;
    let blocks = (held / patch[axis]).clamp(1, BLOCKS);
    Ok(HoldOut::Blocks(Blocks { axis: Some(axis), blocks: Some(blocks), at: None }))
}

/// Blocks of the series, or of the slices of every field.
fn in_blocks(
    config: &DataConfig,
    fields: &dyn FieldSource,
    patch: Option<&[usize]>,
    rule: &Blocks,
) -> Result<Division, TrainError> {
    let total = fields.count();
    let positions: Vec<u64> = match rule.axis {
        Some(axis) => (0..fields.points()[axis] as u64).collect(),
        None => (0..total).map(|item| fields.position(item)).collect(),
    };
    let thick = rule.axis.and_then(|axis| Some(patch?[axis])).unwrap_or(1);
    let what = if rule.axis.is_some() { "slices" } else { "fields" };
    let line = Line { positions, thick, what, gap: config.gap as u64 };
    let found = line.divide(config.validation, rule);
    let (keep, hold, notes) = found.map_err(|message| fail(config, message))?;
    let (keep, hold) = match rule.axis {
        Some(axis) => {
            (Side::each(total, axis, &runs(&keep)), Side::each(total, axis, &runs(&hold)))
        }
        None => (Side::whole(keep), Side::whole(hold)),
    };
    Ok(Division { keep, hold, rule: HoldOut::Blocks(rule.clone()), notes })
}
