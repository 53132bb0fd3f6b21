//! Fields of one level of the ladder, and what stands beside them.
//!
//! Not here: how batches are made of them (module `batch`).

use karhunen_field::Grid;

use crate::data::stock::Stock;

/// Fields of one level, `[sample, channel, point]`, normalised and projected.
#[derive(Debug, Clone)]
pub struct LevelData {
    /// The level's grid.
    pub grid: Grid,
    /// Channels of a field.
    pub channels: usize,
    /// The values.
    pub values: Stock,
    /// The class of each field; empty where there are none.
    pub labels: Vec<u32>,
    /// The part of each cell that was measured, relative to its mean over the training fields, like
    /// `values`; empty where nothing is missing.
    pub weights: Vec<f32>,
    /// `[sample, attribute]`, normalised; empty where there are none.
    pub attributes: Vec<f32>,
    /// Fields that are given beside these, `[sample, channel, point]`, normalised; empty where there are none.
    pub condition: Vec<f32>,
}

impl LevelData {
    /// Fields and nothing beside them.
    pub fn plain(grid: Grid, channels: usize, values: Vec<f32>) -> Self {
        Self::of(grid, channels, values.into())
    }

    /// The same of values wherever they lie.
    pub fn of(grid: Grid, channels: usize, values: Stock) -> Self {
        let (labels, weights, attributes, condition) = Default::default();
        Self { grid, channels, values, labels, weights, attributes, condition }
    }

    /// Channels of the fields that are given beside these.
    pub fn condition_channels(&self) -> usize {
        match self.count() {
            0 => 0,
            count => self.condition.len() / (count * self.grid.len()),
        }
    }

    /// Number of fields.
    pub fn count(&self) -> usize {
        self.values.len() / self.field_len()
    }

    /// The first `count` fields, or all where there are fewer.
    pub fn first(&self, count: usize) -> Self {
        self.select(0..count.min(self.count()))
    }

    /// `count` fields spread evenly over all, or all where there are fewer.
    pub fn evenly(&self, count: usize) -> Self {
        let (all, count) = (self.count(), count.min(self.count()));
        self.select((0..count).map(|i| i * all / count))
    }

    fn select(&self, fields: impl Iterator<Item = usize> + Clone) -> Self {
        let len = self.field_len();
        let of = |all: &[f32]| -> Vec<f32> {
            match all.is_empty() {
                true => Vec::new(),
                false => {
                    fields.clone().flat_map(|i| &all[i * len..(i + 1) * len]).copied().collect()
                }
            }
        };
        let labels = match self.labels.is_empty() {
            true => Vec::new(),
            false => fields.clone().map(|i| self.labels[i]).collect(),
        };
        let (attributes, condition) = (
            chosen(&self.attributes, self.count(), fields.clone()),
            chosen(&self.condition, self.count(), fields.clone()),
        );
        let (values, weights) = (of(&self.values).into(), of(&self.weights));
        Self { values, weights, labels, attributes, condition, ..*self }
    }

    /// Values of one field.
    pub fn field_len(&self) -> usize {
        self.channels * self.grid.len()
    }
}

/// What some of `count` fields have of numbers that are as many for each.
pub(crate) fn chosen(all: &[f32], count: usize, fields: impl Iterator<Item = usize>) -> Vec<f32> {
    let each = all.len().checked_div(count).unwrap_or_default();
    fields.flat_map(|i| &all[i * each..(i + 1) * each]).copied().collect()
}
