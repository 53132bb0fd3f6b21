//! Noise from a negative power of a shifted Laplacian.

use serde::{Deserialize, Serialize};

use super::{positive, trace_class_power};
use crate::{FieldError, Mode, Prior};

/// Q^{1/2} = s (γ − Δ)^{−p}: λ_k = s² (γ + |ω_k|²)^{−2p}.
///
/// Here s is `scale`, γ is `gamma` (1/length²) and p is `power`. The spectrum is a power law beyond
/// ω| = √γ and flat below.
///
/// **Trace class** iff 4p > d, checked for the dimension given to the constructor.
///
/// **Choosing** [`super::Matern`] is the same family, given by variance, length and smoothness.
///
/// **Source** Hagemann et al., arXiv 2303.04772, section 5: γ = 8 or 100, p = 0.55.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parameters")]
pub struct Bessel {
    dim: usize,
    scale: f64,
    gamma: f64,
    power: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    dim: usize,
    scale: f64,
    gamma: f64,
    power: f64,
}

impl TryFrom<Parameters> for Bessel {
    type Error = FieldError;
    fn try_from(p: Parameters) -> Result<Self, FieldError> {
        Self::new(p.dim, p.scale, p.gamma, p.power)
    }
}

impl Bessel {
    /// The prior for boxes of dimension `dim`.
    ///
    /// # Errors
    /// [`FieldError::NotTraceClass`] unless 4p > d; [`FieldError::Parameter`] unless `scale` and
    /// `gamma` are positive and `power` finite; [`FieldError::Dimension`] unless `dim` is 1 to 3.
    pub fn new(dim: usize, scale: f64, gamma: f64, power: f64) -> Result<Self, FieldError> {
        let power = trace_class_power("bessel", power, dim)?;
        Ok(Self { dim, scale: positive("scale", scale)?, gamma: positive("gamma", gamma)?, power })
    }
}

impl Prior for Bessel {
    fn eigenvalue(&self, mode: &Mode) -> f64 {
        self.scale * self.scale * (self.gamma + mode.laplacian()).powf(-2.0 * self.power)
    }
}
