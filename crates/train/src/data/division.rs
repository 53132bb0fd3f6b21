//! The two sides of a split: what is trained on, and what is held out.

use std::ops::Range;

use karhunen_field::ModeNoise;
use karhunen_field::noise::stream;

use crate::TrainError;
use crate::config::DataConfig;
use crate::config::hold_out::HoldOut;
use crate::data::blocks::runs;
use crate::data::identity::Role;

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

    /// The same runs of slices of every field.
    pub fn each(count: usize, axis: usize, slabs: &[Range<usize>]) -> Self {
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
