//! Fields in the source's own values, split and on one grid: what is measured and normalised next.
//!
//! Not here: where they come from (module `load`), and what is measured of them (module `fit`).

use crate::config::hold_out::HoldOut;
use crate::data::level::LevelData;
use crate::data::origin::Origin;

/// Fields in the source's own values on one grid, before normalisation.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Fields to train on.
    pub training: LevelData,
    /// Held-out fields.
    pub validation: LevelData,
    /// The box they fill and, where they were identified, which they are; none of data made on the spot.
    pub origin: Option<Origin>,
    /// How the part held out was chosen.
    pub hold_out: Option<HoldOut>,
    /// What is to be added to the values of each channel, in double precision, to have the source's.
    pub offsets: Vec<f64>,
    /// What was done.
    pub notes: Vec<String>,
    /// Labels of the phases, rising, whose level sets the fields are; none of plain values.
    pub phases: Option<Vec<u8>>,
    /// Names of the attributes.
    pub attributes: Vec<String>,
    /// What is to be added to the channels of the fields that are given; empty where there are none.
    pub given_offsets: Vec<f64>,
}

impl Loaded {
    /// Fields of which nothing more is known, to whose channels `offsets` are to be added.
    pub(crate) fn plain(training: LevelData, validation: LevelData, offsets: Vec<f64>) -> Self {
        let (origin, hold_out, phases) = (None, None, None);
        let (notes, attributes, given_offsets) = Default::default();
        Self {
            training,
            validation,
            origin,
            hold_out,
            offsets,
            notes,
            phases,
            attributes,
            given_offsets,
        }
    }

    /// The same with nothing left to be added: in single precision, whatever digits that loses.
    pub fn in_own_values(mut self) -> Self {
        let none = vec![0.0; self.offsets.len()];
        rebase(&mut self.training, &self.offsets, &none);
        rebase(&mut self.validation, &self.offsets, &none);
        Self { offsets: none, ..self }
    }
}

/// Adds `from` − `to` to each channel: values that were less by `from` are then less by `to`.
pub(crate) fn rebase(data: &mut LevelData, from: &[f64], to: &[f64]) {
    let points = data.grid.len();
    for (i, block) in data.values.to_mut().chunks_exact_mut(points).enumerate() {
        let c = i % data.channels;
        let shift = from[c] - to[c];
        if shift != 0.0 {
            block.iter_mut().for_each(|v| *v = (f64::from(*v) + shift) as f32);
        }
    }
}

/// Gives fields their own values where a box holds no constants: there a number cannot be set apart.
pub(crate) fn settle(offsets: &mut Vec<f64>, parts: [&mut LevelData; 2]) {
    if parts[0].grid.holds_constants() {
        return;
    }
    let none = vec![0.0; offsets.len()];
    parts.into_iter().for_each(|part| rebase(part, offsets, &none));
    *offsets = none;
}
