//! The operator of fields observed on a grid of their own: the cells of their restriction to it.

use super::Operator;
use crate::resample::copied_modes;
use crate::{Grid, Transform};

/// u ↦ (P u)(x_j) at cells of a grid, where P is the restriction to the modes of that grid.
#[derive(Debug)]
pub(super) struct Cells {
    /// Grid of u.
    from: Grid,
    transform: Transform,
    channels: usize,
    /// (channel, flat cell), by rising channel.
    seen: Vec<(usize, usize)>,
}

impl Cells {
    pub(super) fn new(from: Grid, channels: usize, own: Grid, seen: Vec<(usize, usize)>) -> Self {
        Self { from, transform: Transform::new(own), channels, seen }
    }
}

impl Operator for Cells {
    fn rows(&self) -> usize {
        self.seen.len()
    }

    fn gain(&self) -> Option<f64> {
        // where a grid has as many modes as cells, its rows are orthogonal
        let own = self.transform.grid();
        (own.len() == own.mode_count()).then_some(own.len() as f64)
    }

    fn apply(&self, modes: &[f64]) -> Vec<f64> {
        let own = self.transform.grid();
        let count = self.from.mode_count();
        let mut values = vec![Vec::new(); self.channels];
        let value = |&(channel, cell): &(usize, usize)| {
            if values[channel].is_empty() {
                let channel_modes = &modes[channel * count..(channel + 1) * count];
                let restricted = copied_modes(&self.from, channel_modes, own);
                values[channel] = self.transform.synthesise_channels(&restricted);
            }
            values[channel][cell]
        };
        self.seen.iter().map(value).collect()
    }

    fn adjoint(&self, weights: &[f64]) -> Vec<f64> {
        let own = self.transform.grid();
        let mut cells = vec![Vec::new(); self.channels];
        for (&(channel, cell), weight) in self.seen.iter().zip(weights) {
            if cells[channel].is_empty() {
                cells[channel] = vec![0.0; own.len()];
            }
            // the analysis transform divides by the number of cells
            cells[channel][cell] = weight * own.len() as f64;
        }
        let back = |values: &Vec<f64>| match values.is_empty() {
            true => vec![0.0; self.from.mode_count()],
            false => copied_modes(own, &self.transform.analyse_channels(values), &self.from),
        };
        cells.iter().flat_map(back).collect()
    }
}
