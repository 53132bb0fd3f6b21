//! The variance-preserving path with linearly growing α: the forward process of Hagemann et al.

use serde::{Deserialize, Serialize};

use super::Path;
use crate::FieldError;

/// dX = −½ α(t) X dt + √α(t) dW^Q with α(t) = α_min + (α_max − α_min) t on [0, 1].
///
/// a(t) = exp(−¼ t² (α_max − α_min) − ½ t α_min) and a² + b² = 1. The law N(0, Q) is stationary
/// under this process. b² is computed as −expm1(2 ln a), since 1 − a² cancels at small t.
///
/// **Source** arXiv 2303.04772, §2. The defaults are α_min = 0.1 and α_max = 20 as there, and
/// t_min = 1e-3 (b = 0.0105).
///
/// # Example
/// ```
/// use karhunen_field::path::{Path, VariancePreserving};
/// let path = VariancePreserving::default();
/// assert!((path.signal(1.0) - (-5.025_f64).exp()).abs() < 1e-15); // ¼·19.9 + ½·0.1 = 5.025
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Rates", into = "Rates")]
pub struct VariancePreserving {
    rates: Rates,
}

/// The parameters as written in a file, before they are checked.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Rates {
    alpha_min: f64,
    alpha_max: f64,
    end: f64,
}

impl Default for Rates {
    fn default() -> Self {
        Self { alpha_min: 0.1, alpha_max: 20.0, end: 1e-3 }
    }
}

impl VariancePreserving {
    /// A path from its rates and its smallest time t_min.
    ///
    /// # Errors
    /// [`FieldError::Parameter`] unless 0 < α_min ≤ α_max < ∞ and 0 < `end` < 1.
    pub fn new(alpha_min: f64, alpha_max: f64, end: f64) -> Result<Self, FieldError> {
        let wrong = |parameter, value, requirement| {
            Err(FieldError::Parameter { parameter, value, requirement })
        };
        if !(alpha_min.is_finite() && alpha_min > 0.0) {
            return wrong("alpha_min", alpha_min, "must be positive and finite");
        }
        if !(alpha_max.is_finite() && alpha_max >= alpha_min) {
            return wrong("alpha_max", alpha_max, "must be finite and at least alpha_min");
        }
        if !(end > 0.0 && end < 1.0) {
            return wrong("end", end, "must lie strictly between 0 and the start of the path, 1");
        }
        Ok(Self { rates: Rates { alpha_min, alpha_max, end } })
    }

    /// α(t).
    pub fn alpha(&self, t: f64) -> f64 {
        self.rates.alpha_min + self.growth() * t
    }

    fn growth(&self) -> f64 {
        self.rates.alpha_max - self.rates.alpha_min
    }

    /// ln a(t).
    fn log_signal(&self, t: f64) -> f64 {
        -0.25 * t * t * self.growth() - 0.5 * t * self.rates.alpha_min
    }
}

impl Path for VariancePreserving {
    fn signal(&self, t: f64) -> f64 {
        self.log_signal(t).exp()
    }

    fn noise(&self, t: f64) -> f64 {
        (-(2.0 * self.log_signal(t)).exp_m1()).sqrt()
    }

    fn signal_rate(&self, t: f64) -> f64 {
        -0.5 * self.alpha(t) * self.signal(t)
    }

    fn noise_rate(&self, t: f64) -> f64 {
        0.5 * self.alpha(t) * self.signal(t).powi(2) / self.noise(t)
    }

    fn start(&self) -> f64 {
        1.0
    }

    fn end(&self) -> f64 {
        self.rates.end
    }

    // The forward equation defines this path, so drift and diffusion are given directly. The
    // quotients of the provided methods would add rounding, and would be 0/0 where a underflows.
    fn drift(&self, t: f64) -> f64 {
        -0.5 * self.alpha(t)
    }

    fn diffusion(&self, t: f64) -> f64 {
        self.alpha(t)
    }

    fn log_snr(&self, t: f64) -> f64 {
        let log_power = 2.0 * self.log_signal(t);
        log_power - (-log_power.exp_m1()).ln()
    }

    /// Closed form: ln a = −½ ln(1 + e^{−l}) is a quadratic equation for t.
    fn time_of_log_snr(&self, log_snr: f64) -> f64 {
        // ln(1 + e^{−l}) without overflow for very noisy l
        let decay = 0.5 * ((-log_snr).max(0.0) + (-log_snr.abs()).exp().ln_1p());
        let half = 0.5 * self.rates.alpha_min;
        let t = 2.0 * decay / (half + (half * half + self.growth() * decay).sqrt());
        t.clamp(self.end(), self.start())
    }
}

impl TryFrom<Rates> for VariancePreserving {
    type Error = FieldError;
    fn try_from(rates: Rates) -> Result<Self, FieldError> {
        Self::new(rates.alpha_min, rates.alpha_max, rates.end)
    }
}

impl From<VariancePreserving> for Rates {
    fn from(path: VariancePreserving) -> Self {
        path.rates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_rates_that_make_no_path() {
        let parameter = |r: Result<VariancePreserving, FieldError>| match r {
            Err(FieldError::Parameter { parameter, .. }) => parameter,
            other => panic!("accepted: {other:?}"),
        };
        assert_eq!(parameter(VariancePreserving::new(0.0, 20.0, 1e-3)), "alpha_min");
        assert_eq!(parameter(VariancePreserving::new(f64::NAN, 20.0, 1e-3)), "alpha_min");
        assert_eq!(parameter(VariancePreserving::new(0.1, 0.05, 1e-3)), "alpha_max");
        assert_eq!(parameter(VariancePreserving::new(0.1, 20.0, 0.0)), "end");
        assert_eq!(parameter(VariancePreserving::new(0.1, 20.0, 1.0)), "end");
    }

    #[test]
    fn the_closed_form_time_inverts_the_signal_to_noise_ratio() {
        for path in
            [VariancePreserving::default(), VariancePreserving::new(2.0, 2.0, 1e-6).unwrap()]
        {
            for i in 0..=1000 {
                let t = path.end() + (1.0 - path.end()) * (f64::from(i) / 1000.0).powi(2);
                let back = path.time_of_log_snr(path.log_snr(t));
                assert!((back - t).abs() < 1e-13, "{t}: {back}");
            }
            assert_eq!(path.time_of_log_snr(-1e4), 1.0);
            assert_eq!(path.time_of_log_snr(1e4), path.end());
        }
    }
}
