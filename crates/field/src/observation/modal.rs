//! The operator of whole fields on a coarser grid, mode by mode: one number a mode, without mixing.

use super::Operator;
use crate::Grid;
use crate::resample::{copied_modes, overlay_modes};

/// u ↦ h_k u_k for the modes k of a coarser grid, channel by channel.
#[derive(Debug)]
pub(super) struct Modal {
    from: Grid,
    own: Grid,
    /// Channels of u, and those that are observed.
    channels: usize,
    first: usize,
    seen: usize,
    /// h_k of the coarser grid.
    factors: Vec<f64>,
}

impl Modal {
    pub(super) fn new(
        from: Grid,
        channels: usize,
        own: Grid,
        seen: std::ops::Range<usize>,
        factors: Vec<f64>,
    ) -> Self {
        Self { from, own, channels, first: seen.start, seen: seen.len(), factors }
    }

    /// The observed channels of `[channel, mode]`.
    fn seen_of<'a>(&self, modes: &'a [f64]) -> &'a [f64] {
        let count = self.from.mode_count();
        &modes[self.first * count..(self.first + self.seen) * count]
    }
}

impl Operator for Modal {
    fn rows(&self) -> usize {
        self.seen * self.own.mode_count()
    }

    fn apply(&self, modes: &[f64]) -> Vec<f64> {
        let mut seen = copied_modes(&self.from, self.seen_of(modes), &self.own);
        seen.iter_mut().zip(self.factors.iter().cycle()).for_each(|(x, h)| *x *= h);
        seen
    }

    fn adjoint(&self, weights: &[f64]) -> Vec<f64> {
        let (own, count) = (self.own.mode_count(), self.from.mode_count());
        let mut modes = vec![0.0; self.channels * count];
        for (i, channel) in weights.chunks_exact(own).enumerate() {
            let scaled: Vec<f64> = channel.iter().zip(&self.factors).map(|(w, h)| w * h).collect();
            let at = (self.first + i) * count;
            overlay_modes(&self.own, &scaled, &self.from, &mut modes[at..at + count]);
        }
        modes
    }

    fn diagonal(&self, variances: &[f64]) -> Option<Vec<f64>> {
        let mut seen = copied_modes(&self.from, self.seen_of(variances), &self.own);
        seen.iter_mut().zip(self.factors.iter().cycle()).for_each(|(v, h)| *v *= h * h);
        Some(seen)
    }
}
