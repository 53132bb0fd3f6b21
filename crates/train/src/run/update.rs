//! What one update of the weights is told: its rate, and when each array began to learn.

use crate::config::{OptimizerKind, TrainingConfig};

/// Settings of one update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Update<'a> {
    /// How matrices are updated.
    pub optimizer: OptimizerKind,
    /// Learning rate r.
    pub rate: f64,
    /// Weight decay w.
    pub decay: f64,
    /// Largest gradient norm.
    pub clip: f64,
    /// Length of each average, relative to the updates done.
    pub lengths: &'a [f64],
    /// What the stages of a ladder begin with; arrays without an entry begin with the run.
    pub begins: Begins<'a>,
}

impl<'a> Update<'a> {
    /// An update by the settings of a run.
    pub fn of(training: &'a TrainingConfig, rate: f64, begins: Begins<'a>) -> Self {
        Self {
            optimizer: training.optimizer.unwrap_or_default(),
            rate,
            decay: training.weight_decay,
            clip: training.clip,
            lengths: &training.ema,
            begins,
        }
    }
}

/// When each array starts to learn: that of a stage of a ladder whose level comes later stays as it is
/// until then, and has a bias correction and a rise of its rate of its own.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Begins<'a> {
    /// Updates done before the first one of each array, in the arrays' order; empty where all begin
    /// with the run.
    pub updates: &'a [usize],
    /// Updates over which the rate of a late array rises to the others'.
    pub warmup: usize,
}

impl Begins<'_> {
    /// Updates of an array when `updates` have been done in all, and the factor of its rate.
    pub(super) fn of(&self, array: usize, updates: usize) -> (usize, f64) {
        match self.updates.get(array).copied().unwrap_or(0) {
            0 => (updates, 1.0),
            begin => {
                let own = updates.saturating_sub(begin);
                (own, (own as f64 / self.warmup.max(1) as f64).min(1.0))
            }
        }
    }
}
