//! The straight path of flow matching: data and noise mixed linearly.

use serde::{Deserialize, Serialize};

use super::{Path, check_ends};
use crate::FieldError;

/// a = 1 − t, b = t on [t_min, T] inside (0, 1).
///
/// x = a X₀ + b η moves on straight lines with velocity η − X₀. The conditional mean of this
/// velocity is the probability flow. The path is not variance preserving: a² + b² is ½ in the
/// middle. `end` is t_min and `start` is T. Their defaults 0.01 and 0.99 give the same range of
/// signal-to-noise ratios as the other paths.
///
/// **Source** Lipman, Chen, Ben-Hamu, Nickel, Le, arXiv 2210.02747, with time running from data to
/// noise.
///
/// # Example
/// ```
/// use karhunen_field::path::{Flow, Path};
/// let path = Flow::default();
/// assert_eq!((path.signal(0.25), path.noise(0.25)), (0.75, 0.25));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Ends", into = "Ends")]
pub struct Flow {
    ends: Ends,
}

/// The parameters as written in a file, before they are checked.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Ends {
    end: f64,
    start: f64,
}

impl Default for Ends {
    fn default() -> Self {
        Self { end: 0.01, start: 0.99 }
    }
}

impl Flow {
    /// A path from its smallest time t_min and its largest time T.
    ///
    /// # Errors
    /// [`FieldError::Parameter`] unless 0 < `end` < `start` < 1.
    pub fn new(end: f64, start: f64) -> Result<Self, FieldError> {
        check_ends(end, start)?;
        Ok(Self { ends: Ends { end, start } })
    }
}

impl Path for Flow {
    fn signal(&self, t: f64) -> f64 {
        1.0 - t
    }

    fn noise(&self, t: f64) -> f64 {
        t
    }

    fn signal_rate(&self, _t: f64) -> f64 {
        -1.0
    }

    fn noise_rate(&self, _t: f64) -> f64 {
        1.0
    }

    fn start(&self) -> f64 {
        self.ends.start
    }

    fn end(&self) -> f64 {
        self.ends.end
    }

    /// Closed form: σ = t/(1 − t) = e^{−l/2}.
    fn time_of_log_snr(&self, log_snr: f64) -> f64 {
        // 1/(1 + e^{l/2}) is 0 or 1 at the extremes, never NaN
        (1.0 / (1.0 + (0.5 * log_snr).exp())).clamp(self.end(), self.start())
    }
}

impl TryFrom<Ends> for Flow {
    type Error = FieldError;
    fn try_from(e: Ends) -> Result<Self, FieldError> {
        Self::new(e.end, e.start)
    }
}

impl From<Flow> for Ends {
    fn from(path: Flow) -> Self {
        path.ends
    }
}
