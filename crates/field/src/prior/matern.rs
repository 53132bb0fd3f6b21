//! The Matérn covariance of geostatistics: variance, correlation length, smoothness.
//!
//! It is normalised by the spectral density of the field on all of R^d, not per grid, so λ_k is the
//! same number at every N. The sum over the modes of a box gives the whole-space covariance plus
//! that of its images. Images are translates on periodic boxes, reflections on Neumann boxes, and
//! reflections with changed sign on Dirichlet boxes.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use super::positive;
use crate::{FieldError, Mode, Prior};

/// C(r) = σ² 2^{1−ν}/Γ(ν) (κr)^ν K_ν(κr), κ = √(2ν)/ℓ: λ_k = S(ω_k)/|Ω| with the spectral density
/// S(ω) = ∫ C e^{−iω·r} dr = σ² 2^d π^{d/2} Γ(ν+d/2)/Γ(ν) κ^{2ν} (κ² + |ω|²)^{−(ν+d/2)}.
///
/// Here σ² is `variance`, ℓ is `length` (in the box's unit) and ν is `smoothness`. ν = ½ is the
/// exponential covariance e^{−r/ℓ}, ν = ∞ the Gaussian one. The field has ⌈ν⌉ − 1 mean-square
/// derivatives.
///
/// **Normalisation** (1/(2π)^d) ∫ S = σ². By Poisson summation Σ_k λ_k e_k(x) e_k(y) is Σ_n C(x −
/// y + nL) on a periodic axis. On a Neumann (+) or Dirichlet (−) axis it is Σ_n C(x − y + 2nL) ±
/// C(x + y + 2nL). Several axes multiply likewise. Away from walls the variance is σ² up to images
/// of order e^{−κL}. **At** a Neumann wall it is 2σ² and at a Dirichlet wall 0. The trace therefore
/// differs from σ² by ±S(0)/(2L), in 1-D ~ σ²ℓ/L.
///
/// **Trace class** iff ν > 0, in every dimension.
///
/// **Source** Rasmussen & Williams, Gaussian Processes for Machine Learning (2006), eq. 4.14–4.15.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parameters")]
pub struct Matern {
    variance: f64,
    length: f64,
    smoothness: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    variance: f64,
    length: f64,
    smoothness: f64,
}

impl TryFrom<Parameters> for Matern {
    type Error = FieldError;
    fn try_from(p: Parameters) -> Result<Self, FieldError> {
        Self::new(p.variance, p.length, p.smoothness)
    }
}

impl Matern {
    /// The prior from the three numbers of a variogram fit.
    ///
    /// # Errors
    /// [`FieldError::Parameter`] unless all three are positive and finite. The smoothness must be
    /// positive because the covariance is trace class iff ν > 0.
    pub fn new(variance: f64, length: f64, smoothness: f64) -> Result<Self, FieldError> {
        if !(smoothness.is_finite() && smoothness > 0.0) {
            return Err(FieldError::Parameter {
                parameter: "smoothness",
                value: smoothness,
                requirement: "the covariance is trace class iff it is above 0 (and finite)",
            });
        }
        let (variance, length) = (positive("variance", variance)?, positive("length", length)?);
        Ok(Self { variance, length, smoothness })
    }
}

impl Prior for Matern {
    fn eigenvalue(&self, mode: &Mode) -> f64 {
        let (nu, half_dim) = (self.smoothness, mode.dim as f64 / 2.0);
        let kappa2 = 2.0 * nu / (self.length * self.length);
        // Computed in logarithms, with κ^{2ν} drawn into the bracket, so that no ν overflows.
        let log_density = half_dim * (4.0 * PI).ln() + libm::lgamma(nu + half_dim)
            - libm::lgamma(nu)
            - nu * (mode.laplacian() / kappa2).ln_1p()
            - half_dim * (kappa2 + mode.laplacian()).ln();
        self.variance * log_density.exp() / mode.volume
    }
}
