//! Splits files into a part that is trained on and a part that is held out.
//!
//! Neighbours resemble each other. Random slices of a volume, or random pictures of a stack, would
//! put near copies of training fields into the validation set. Blocks of neighbours are held out
//! instead. Several blocks are spread over a stack or an axis, and a gap around each belongs to
//! neither part. A suitable rule is chosen from the data ([`automatic`]); `data.hold_out` sets
//! another one.
//!
//! Module `sides_before` has the rules of earlier versions. Module `drift` measures how alike
//! neighbours are.

use std::ops::Range;

use karhunen_field::ModeNoise;
use karhunen_field::noise::stream;
use karhunen_formats::{FieldSource, Series};

use crate::TrainError;
use crate::config::DataConfig;
use crate::config::hold_out::{Blocks, HoldOut};
use crate::data::blocks::{Line, runs};
use crate::data::drift;
use crate::data::identity::Role;
use crate::data::split_before;

/// Default number of blocks held out: several, so that the validation set covers all of a stack.
const BLOCKS: usize = 4;
/// With fewer fields, a part of every field is held out instead of some whole fields.
const FEW: usize = 20;

/// One side of a split.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Side {
    /// Indices of the fields in the source.
    pub items: Vec<usize>,
    /// The slices of each field in which patches may lie; anywhere if none.
    pub slabs: Option<Slabs>,
}

/// Runs of slices.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Slabs {
    /// The axis of the slices.
    pub axis: usize,
    /// The runs of each field.
    pub of: Vec<Vec<Range<usize>>>,
}

impl Side {
    /// All fields of a source.
    pub fn all(count: usize) -> Self {
        Self::whole((0..count).collect())
    }

    /// Some whole fields.
    pub fn whole(items: Vec<usize>) -> Self {
        Self { items, slabs: None }
    }

    fn each(count: usize, axis: usize, slabs: &[Range<usize>]) -> Self {
        let of = vec![slabs.to_vec(); count];
        Self { items: (0..count).collect(), slabs: Some(Slabs { axis, of }) }
    }

    /// The side of the parts marked in `wanted`. Parts are fields, or slices along `axis`.
    pub fn of_parts(axis: Option<usize>, slices: usize, wanted: &[bool]) -> Self {
        let Some(axis) = axis else {
            return Self::whole((0..wanted.len()).filter(|i| wanted[*i]).collect());
        };
        let fields = wanted.chunks(slices.max(1)).enumerate().filter_map(|(item, wanted)| {
            let own: Vec<usize> = (0..wanted.len()).filter(|i| wanted[*i]).collect();
            (!own.is_empty()).then(|| (item, runs(&own)))
        });
        let (items, of) = fields.unzip();
        Self { items, slabs: Some(Slabs { axis, of }) }
    }
}

/// A split with its rule and notes.
#[derive(Debug, Clone)]
pub(crate) struct Division {
    /// What is trained on.
    pub keep: Side,
    /// What is held out.
    pub hold: Side,
    /// The rule that gives the same split again.
    pub rule: HoldOut,
    /// Notes on what was done.
    pub notes: Vec<String>,
}

impl Division {
    /// The axis whose slices are split; none if whole fields are split.
    pub fn axis(&self) -> Option<usize> {
        self.keep.slabs.as_ref().map(|slabs| slabs.axis)
    }

    /// The role of each part.
    pub fn roles(&self, count: usize, points: &[usize]) -> Vec<Role> {
        let slices = self.axis().map_or(1, |axis| points[axis]);
        let mut roles = vec![Role::Gap; count * slices];
        for (side, role) in [(&self.keep, Role::Training), (&self.hold, Role::HeldOut)] {
            for (at, item) in side.items.iter().enumerate() {
                let own = match &side.slabs {
                    None => std::iter::once(0..slices).collect(),
                    Some(slabs) => slabs.of[at].clone(),
                };
                own.into_iter().for_each(|s| {
                    roles[item * slices + s.start..item * slices + s.end].fill(role);
                });
            }
        }
        roles
    }
}

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

/// A seeded random split: (training, validation).
pub(crate) fn shuffled(total: usize, fraction: f64, seed: u64) -> (Vec<usize>, Vec<usize>) {
    let mut order: Vec<usize> = (0..total).collect();
    let uniforms = ModeNoise::new(seed).uniforms(total, 0, stream::VALIDATION + (1 << 20));
    for i in (1..total).rev() {
        order.swap(i, (uniforms[i] * (i + 1) as f64) as usize);
    }
    let held = ((total as f64 * fraction).round() as usize).clamp(1, total.max(1));
    let keep = order.split_off(held.min(order.len()));
    (keep, order)
}

pub(crate) fn fail(config: &DataConfig, message: String) -> TrainError {
    TrainError::Data { source_name: config.source.to_string(), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_become_sides_and_sides_roles() {
        let keep =
            Side::of_parts(Some(1), 4, &[true, true, false, false, false, false, false, true]);
        assert_eq!(
            (&keep.items[..], &keep.slabs.as_ref().unwrap().of[1]),
            (&[0, 1][..], &std::iter::once(3..4).collect())
        );
        let hold =
            Side::of_parts(Some(1), 4, &[false, false, false, true, true, false, false, false]);
        let division = Division { keep, hold, rule: HoldOut::Shuffled, notes: vec![] };
        let (t, h, g) = (Role::Training, Role::HeldOut, Role::Gap);
        assert_eq!(division.roles(2, &[9, 4]), [t, t, g, h, h, g, g, t]);
        let whole = Side::of_parts(None, 1, &[true, false, true]);
        assert_eq!(whole, Side::whole(vec![0, 2]));
    }
}
