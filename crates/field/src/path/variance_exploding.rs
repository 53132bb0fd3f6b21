//! The variance-exploding path: the data keep their amplitude and noise is added.

use serde::{Deserialize, Serialize};

use super::Path;
use crate::FieldError;

/// a = 1, b(t) = σ(t) = σ_max t^ρ on [t_min, 1], t_min = (σ_min/σ_max)^{1/ρ}.
///
/// Time is σ^{1/ρ} up to a factor. [`super::TimeGrid::Uniform`] is therefore the grid of Karras et
/// al. for this ρ. With t = σ, grids would spend nearly all steps on large σ.
///
/// **Unit** σ multiplies noise of covariance Q. For a prior as strong as the data (the fitted one),
/// σ is the noise-to-data ratio at every frequency. The defaults are for data of unit variance.
/// σ_max is 100: the data keep 1 % of the amplitude, close to a(T) = 0.0066 of the
/// variance-preserving path. σ_min is 0.01 and ρ is 7.
///
/// **Source** Karras, Aittala, Aila, Laine, arXiv 2206.00364 (0.002 … 80 for data of deviation ½).
///
/// # Example
/// ```
/// use karhunen_field::path::{Path, VarianceExploding};
/// let path = VarianceExploding::new(0.01, 100.0, 2.0)?;
/// assert_eq!((path.signal(0.5), path.noise(0.5)), (1.0, 25.0)); // 100 · ½²
/// assert!((path.end() - 0.01).abs() < 1e-15); // √(0.01/100)
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Scales", into = "Scales")]
pub struct VarianceExploding {
    scales: Scales,
}

/// The parameters as written in a file, before they are checked.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Scales {
    sigma_min: f64,
    sigma_max: f64,
    rho: f64,
}

impl Default for Scales {
    fn default() -> Self {
        Self { sigma_min: 0.01, sigma_max: 100.0, rho: 7.0 }
    }
}

impl VarianceExploding {
    /// A path from its smallest and largest noise and the exponent of time.
    ///
    /// # Errors
    /// [`FieldError::Parameter`] unless 0 < σ_min < σ_max < ∞, 0 < ρ < ∞ and 0 < t_min < 1 in
    /// double precision. A ρ far below or far above 1 rounds t_min to 0 or 1.
    pub fn new(sigma_min: f64, sigma_max: f64, rho: f64) -> Result<Self, FieldError> {
        let wrong = |parameter, value, requirement| {
            Err(FieldError::Parameter { parameter, value, requirement })
        };
        if !(sigma_max.is_finite() && sigma_max > 0.0) {
            return wrong("sigma_max", sigma_max, "must be positive and finite");
        }
        if !(sigma_min > 0.0 && sigma_min < sigma_max) {
            return wrong("sigma_min", sigma_min, "must be positive and below sigma_max");
        }
        if !(rho.is_finite() && rho > 0.0) {
            return wrong("rho", rho, "must be positive and finite");
        }
        if sigma_min / sigma_max < f64::MIN_POSITIVE {
            return wrong("sigma_min", sigma_min, "must not vanish beside sigma_max");
        }
        let path = Self { scales: Scales { sigma_min, sigma_max, rho } };
        if !(path.end() >= f64::MIN_POSITIVE && path.end() < 1.0) {
            let requirement = "must leave t_min = (sigma_min/sigma_max)^(1/rho) strictly between 0 \
                               and 1; 7 is usual";
            return wrong("rho", rho, requirement);
        }
        Ok(path)
    }
}

impl Path for VarianceExploding {
    fn signal(&self, _t: f64) -> f64 {
        1.0
    }

    fn noise(&self, t: f64) -> f64 {
        self.scales.sigma_max * t.powf(self.scales.rho)
    }

    fn signal_rate(&self, _t: f64) -> f64 {
        0.0
    }

    fn noise_rate(&self, t: f64) -> f64 {
        self.scales.rho * self.noise(t) / t
    }

    fn start(&self) -> f64 {
        1.0
    }

    fn end(&self) -> f64 {
        (self.scales.sigma_min / self.scales.sigma_max).powf(1.0 / self.scales.rho)
    }

    fn log_snr(&self, t: f64) -> f64 {
        -2.0 * (self.scales.sigma_max.ln() + self.scales.rho * t.ln())
    }

    /// Closed form: σ = e^{−l/2}.
    fn time_of_log_snr(&self, log_snr: f64) -> f64 {
        let log_sigma = -0.5 * log_snr - self.scales.sigma_max.ln();
        (log_sigma / self.scales.rho).exp().clamp(self.end(), self.start())
    }
}

impl TryFrom<Scales> for VarianceExploding {
    type Error = FieldError;
    fn try_from(s: Scales) -> Result<Self, FieldError> {
        Self::new(s.sigma_min, s.sigma_max, s.rho)
    }
}

impl From<VarianceExploding> for Scales {
    fn from(path: VarianceExploding) -> Self {
        path.scales
    }
}
