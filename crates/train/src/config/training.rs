//! `[training]` of a run's configuration: loss, optimizer, budget. Not here: what
//! values are allowed (modules `rules` and `length`).

use karhunen_net::{Preconditioning, Share};
use serde::{Deserialize, Serialize};

use crate::config::length::{Length, Switching};

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

/// How matrices are updated that have at least 8 rows and columns and are at most four times as long as wide. All other arrays
/// are updated by AdamW.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerKind {
    /// By AdamW as well: each value by its own moments.
    #[default]
    AdamW,
    /// By Muon: a matrix moves along the orthogonal matrix that is nearest to its moment ([`karhunen_kernels::Muon`]).
    Muon,
}

/// Makes `[training]` of one list of keys, their types and their defaults: a struct for the code, which has
/// one [`Length`], and one for files, which have three keys for it.
macro_rules! training {
    ($($(#[$about:meta])* $key:ident: $type:ty = $default:expr,)*) => {
        /// `[training]`: loss, optimizer, budget.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(try_from = "Keys", into = "Keys")]
        pub struct TrainingConfig {
            /// How long the run is, and what ends its levels: `steps`, `seconds` and `switching` of a file.
            pub length: Length,
            $($(#[$about])* pub $key: $type,)*
        }

        impl Default for TrainingConfig {
            fn default() -> Self {
                Self { length: Length::default(), $($key: $default,)* }
            }
        }

        /// `[training]` as it is written.
        #[derive(Serialize, Deserialize)]
        #[serde(rename = "TrainingConfig", deny_unknown_fields, default)]
        struct Keys {
            // the first key, so that of two runs it is the first that differs: their ends may differ
            switching: Switching,
            #[serde(skip_serializing_if = "Option::is_none")]
            steps: Option<usize>,
            #[serde(skip_serializing_if = "Option::is_none")]
            seconds: Option<f64>,
            $($(#[$about])* $key: $type,)*
        }

        impl Default for Keys {
            fn default() -> Self {
                let (switching, steps, seconds) = (Switching::Shares, None, None);
                Self { switching, steps, seconds, $($key: $default,)* }
            }
        }

        impl TryFrom<Keys> for TrainingConfig {
            type Error = String;

            fn try_from(keys: Keys) -> Result<Self, String> {
                let length = Length::of_keys(keys.steps, keys.seconds, keys.switching)?;
                Ok(Self { length, $($key: keys.$key,)* })
            }
        }

        impl From<TrainingConfig> for Keys {
            fn from(training: TrainingConfig) -> Self {
                let (steps, seconds, switching) = training.length.keys();
                Self { switching, steps, seconds, $($key: training.$key,)* }
            }
        }
    };
}

training! {
    /// The affine part before the network.
    preconditioning: Preconditioning = Preconditioning::Wiener,
    /// How much of the data a noisy field is taken to tell: `"total"`, the data's share of its variance, or
    /// `"explained"`, what the best linear denoiser explains of the data.
    share: Share = Share::Total,
    /// Fields a step.
    batch: usize = 8,
    /// Pieces that a batch is cut into, whose gradients are summed in one fixed tree, so that any number of ranks gives
    /// the same bits ([`crate::batch::pieces`]); one where nothing is asked for, or as many as suit the batch where a run is begun
    /// by the ranks of a job. A run may change it whenever it is resumed: it changes the rounding alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pieces: Option<usize> = None,
    /// How the matrices of the network are updated. A new run of a nested network gets `"muon"` where nothing is asked
    /// for, a run of another network `"adamw"`; a run without the key goes on by AdamW.
    #[serde(skip_serializing_if = "Option::is_none")]
    optimizer: Option<OptimizerKind> = None,
    /// Peak learning rate.
    learning_rate: f64 = 2e-3,
    /// Part of all steps over which the rate rises from 0.
    warmup: f64 = 0.03,
    /// What the rate does then.
    rate: Rate = Rate::Trapezoid { cooldown: 0.1 },
    /// Decoupled weight decay.
    weight_decay: f64 = 1e-4,
    /// Largest norm of the gradient.
    clip: f64 = 1.0,
    /// Lengths of the averages of the weights, relative to the steps done; the first is the model's
    /// unless another is asked for.
    ema: Vec<f64> = vec![0.05, 0.1],
    /// Times in the run at which the averages are stored, the end among them: more of them make
    /// averages of other lengths more exact afterwards.
    snapshots: usize = 4,
    /// Part of the steps behind the first level that go back to a coarser one.
    replay: f64 = 0.1,
    /// Part of labelled fields whose label the network does not see, so that it also learns the law of
    /// all classes together: what `sample --guidance` needs.
    label_dropout: f64 = 0.1,
    /// Where in time the loss looks.
    time_density: TimeDensity = TimeDensity::Modes { mean: -1.0, deviation: 1.2, weight: 0.5 },
    /// Held-out fields in the validation loss, at most.
    validation_fields: usize = 128,
    /// Validations over the run.
    validations: usize = 10,
    /// Seconds between checkpoints.
    checkpoint_seconds: f64 = 120.0,
    /// Whether event files for TensorBoard are written ([`crate::run::tensorboard`]). A run may change it whenever it is
    /// resumed.
    #[serde(skip_serializing_if = "is_not")]
    tensorboard: bool = false,
}

/// Leaves a key out that is not asked for.
fn is_not(asked: &bool) -> bool {
    !asked
}
