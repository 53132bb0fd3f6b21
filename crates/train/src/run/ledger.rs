//! A ledger of the run: the cost and the losses of each level.

use serde::{Deserialize, Serialize};

/// Totals of one level.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// Grid, as text.
    pub grid: String,
    /// Steps taken.
    pub steps: usize,
    /// Fields seen.
    pub samples: usize,
    /// Seconds of training steps, without validation and checkpoints.
    pub seconds: f64,
    /// Floating-point operations of the network's products (forward once, backward twice).
    pub flops: f64,
    /// Mean training loss of the level's last steps (exponential window of about 100).
    pub loss: f64,
    /// Last validation loss at the finest level, measured while this level was trained on.
    pub validation_loss: Option<f64>,
    /// Updates done when this level was first trained on.
    #[serde(default)]
    pub begun: usize,
}

/// One entry a level, coarse first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// The levels.
    pub levels: Vec<LedgerEntry>,
}

impl LedgerEntry {
    /// Records one step.
    pub fn add(&mut self, samples: usize, seconds: f64, flops: f64, loss: f64) {
        self.steps += 1;
        self.samples += samples;
        self.seconds += seconds;
        self.flops += flops;
        let weight = (1.0 / self.steps as f64).max(0.01);
        self.loss += weight * (loss - self.loss);
    }
}

impl Ledger {
    /// Seconds in training steps over all levels.
    pub fn seconds(&self) -> f64 {
        self.levels.iter().map(|l| l.seconds).sum()
    }
}
