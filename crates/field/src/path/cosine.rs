//! The variance-preserving path with a cosine schedule: noise grows slowly at first.

use std::f64::consts::FRAC_PI_2;

use serde::{Deserialize, Serialize};

use super::{Path, check_ends};
use crate::FieldError;

/// a(t) = cos θ(t) / cos θ(0) with θ(t) = ½π (t + s)/(1 + s), and a² + b² = 1.
///
/// The offset s (`offset`) keeps b from rising too slowly at first. At t = 1 the signal a would be
/// 0 (the original schedule clips its steps there). Time therefore ends at T = `start` < 1 with
/// a(T) > 0. b² is computed as sin(θ − θ₀) sin(θ + θ₀)/cos² θ₀, which does not cancel at small t.
///
/// **Choosing** Compared with [`super::VariancePreserving`], a uniform grid spends fewer steps
/// where nothing of the data is left. In log-SNR, the variable of most samplers here, both paths
/// are alike.
///
/// **Source** Nichol, Dhariwal, arXiv 2102.09672, eq. 17 in continuous time, s = 0.008; by default
/// T = 0.995 (a = 0.0078) and t_min = 1e-3 (b = 0.0064).
///
/// # Example
/// ```
/// use karhunen_field::path::{Cosine, Path};
/// let path = Cosine::new(0.0, 1e-3, 0.99)?;
/// assert!((path.signal(0.5) - 0.5_f64.sqrt()).abs() < 1e-15); // cos(π/4)
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Parameters", into = "Parameters")]
pub struct Cosine {
    parameters: Parameters,
}

/// The parameters as written in a file, before they are checked.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    offset: f64,
    end: f64,
    start: f64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { offset: 0.008, end: 1e-3, start: 0.995 }
    }
}

impl Cosine {
    /// A path from s, its smallest time t_min and its largest time T.
    ///
    /// # Errors
    /// [`FieldError::Parameter`] unless 0 ≤ `offset` ≤ 1 and 0 < `end` < `start` < 1.
    pub fn new(offset: f64, end: f64, start: f64) -> Result<Self, FieldError> {
        if !(0.0..=1.0).contains(&offset) {
            return Err(FieldError::Parameter {
                parameter: "offset",
                value: offset,
                requirement: "must lie between 0 and 1: beyond, little of the cosine is left",
            });
        }
        check_ends(end, start)?;
        Ok(Self { parameters: Parameters { offset, end, start } })
    }

    /// θ̇, the same at every time.
    fn turn(&self) -> f64 {
        FRAC_PI_2 / (1.0 + self.parameters.offset)
    }

    fn angle(&self, t: f64) -> f64 {
        self.turn() * (t + self.parameters.offset)
    }
}

impl Path for Cosine {
    fn signal(&self, t: f64) -> f64 {
        self.angle(t).cos() / self.angle(0.0).cos()
    }

    fn noise(&self, t: f64) -> f64 {
        let first = self.angle(0.0);
        let product = (self.turn() * t).sin() * (self.angle(t) + first).sin();
        product.sqrt() / first.cos()
    }

    fn signal_rate(&self, t: f64) -> f64 {
        -self.turn() * self.angle(t).sin() / self.angle(0.0).cos()
    }

    fn noise_rate(&self, t: f64) -> f64 {
        -self.signal(t) * self.signal_rate(t) / self.noise(t)
    }

    fn start(&self) -> f64 {
        self.parameters.start
    }

    fn end(&self) -> f64 {
        self.parameters.end
    }

    // dX = −½αX dt + √α dW with α = 2 θ̇ tan θ, as for every path with a² + b² = 1
    fn drift(&self, t: f64) -> f64 {
        -self.turn() * self.angle(t).tan()
    }

    fn diffusion(&self, t: f64) -> f64 {
        2.0 * self.turn() * self.angle(t).tan()
    }
}

impl TryFrom<Parameters> for Cosine {
    type Error = FieldError;
    fn try_from(p: Parameters) -> Result<Self, FieldError> {
        Self::new(p.offset, p.end, p.start)
    }
}

impl From<Cosine> for Parameters {
    fn from(path: Cosine) -> Self {
        path.parameters
    }
}
