//! `[training]` of a run's configuration: loss, optimizer, budget. Not here: what
//! values are allowed (module `rules`).

use karhunen_net::{Preconditioning, Share};
use serde::{Deserialize, Serialize};

/// Where in time the loss looks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum TimeDensity {
    /// Uniform in t, as published.
    Uniform,
    /// Uniform in the log-SNR.
    LogSnr,
    /// ln(b/a) normal with this mean and standard deviation, cut to the path's range.
    LogNormal {
        /// Mean of ln(b/a).
        mean: f64,
        /// Standard deviation of ln(b/a).
        deviation: f64,
    },
    /// Each mode where it is decided: [`crate::batch::times`].
    Modes {
        /// Mean of ln(b/a) − ln r, r the data's standard deviation over the noise's in a mode.
        mean: f64,
        /// Standard deviation of ln(b/a) − ln r.
        deviation: f64,
        /// A mode of variance c counts c^weight.
        weight: f64,
    },
}

/// How the learning rate goes on once it has risen to its peak.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum Rate {
    /// Stays at its peak and falls linearly to 0 in the last part of the steps. A level that begins
    /// late still learns at the full rate.
    Trapezoid {
        /// Part of all steps over which it falls.
        cooldown: f64,
    },
    /// Falls as a cosine from the peak to 0.
    Cosine,
}

/// `[training]`: loss, optimizer, budget.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainingConfig {
    /// The affine part before the network.
    pub preconditioning: Preconditioning,
    /// How much of the data a noisy field is taken to tell: `"total"`, the data's share of its variance, or
    /// `"explained"`, what the best linear denoiser explains of the data.
    pub share: Share,
    /// Fields a step.
    pub batch: usize,
    /// Pieces that a batch is cut into, whose gradients are summed in one fixed tree, so that any number of ranks gives
    /// the same bits ([`crate::batch::pieces`]); one where nothing is asked for, or as many as suit the batch where a run is begun
    /// by the ranks of a job. A run may change it whenever it is resumed: it changes the rounding alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pieces: Option<usize>,
    /// Steps over all levels.
    pub steps: usize,
    /// Wall-clock budget instead of steps; planned in steps before the first one and again as the run goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Peak learning rate of AdamW.
    pub learning_rate: f64,
    /// Part of all steps over which the rate rises from 0.
    pub warmup: f64,
    /// What the rate does then.
    pub rate: Rate,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// Largest norm of the gradient.
    pub clip: f64,
    /// Lengths of the averages of the weights, relative to the steps done; the first is the model's
    /// unless another is asked for.
    pub ema: Vec<f64>,
    /// Times in the run at which the averages are stored, the end among them: more of them make
    /// averages of other lengths more exact afterwards.
    pub snapshots: usize,
    /// When a level ends.
    pub switching: Switching,
    /// Part of the steps behind the first level that go back to a coarser one.
    pub replay: f64,
    /// Part of labelled fields whose label the network does not see, so that it also learns the law of
    /// all classes together: what `sample --guidance` needs.
    pub label_dropout: f64,
    /// Where in time the loss looks.
    pub time_density: TimeDensity,
    /// Held-out fields in the validation loss, at most.
    pub validation_fields: usize,
    /// Validations over the run.
    pub validations: usize,
    /// Seconds between checkpoints.
    pub checkpoint_seconds: f64,
    /// Whether event files for TensorBoard are written ([`crate::run::tensorboard`]). A run may change it whenever it is
    /// resumed.
    #[serde(skip_serializing_if = "is_not")]
    pub tensorboard: bool,
}

/// Leaves a key out that is not asked for.
fn is_not(asked: &bool) -> bool {
    !asked
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            preconditioning: Preconditioning::Wiener,
            share: Share::Total,
            batch: 32,
            pieces: None,
            steps: 4000,
            seconds: None,
            learning_rate: 2e-3,
            warmup: 0.03,
            rate: Rate::Trapezoid { cooldown: 0.1 },
            weight_decay: 1e-4,
            clip: 1.0,
            ema: vec![0.05, 0.1],
            snapshots: 4,
            switching: Switching::Shares,
            replay: 0.1,
            label_dropout: 0.1,
            time_density: TimeDensity::Modes { mean: -1.0, deviation: 1.2, weight: 0.5 },
            validation_fields: 128,
            validations: 10,
            checkpoint_seconds: 120.0,
            tensorboard: false,
        }
    }
}

/// What ends a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Switching {
    /// Its share of the steps.
    Shares,
    /// That it gains less than the finer levels promise: [`crate::run::switching`].
    Automatic,
}
