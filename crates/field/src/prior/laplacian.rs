//! Noise from a negative power of the Laplacian, with a separate value for the constant mode.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use super::{positive, trace_class_power};
use crate::{FieldError, Mode, Prior};

/// Q^{1/2} = s (−Δ)^{−p}: λ_k = s² |ω_k|^{−4p}, and λ_0 = c² where −Δ has no inverse.
///
/// Here s is `scale`, p is `power`, and c is `constant`, the standard deviation of the field's
/// mean. By default c = s π^{−2p}, the deviation of a mode at ω = π. This is the lowest cosine of
/// an axis of length 1, and it is used for every box, so that c does not depend on the box. c = 0
/// reproduces the paper, but then only the network can produce the mean of a generated field.
///
/// **Trace class** iff 4p > d, checked for the dimension given to the constructor.
///
/// **Source** Hagemann et al., arXiv 2303.04772, section 5: p = 0.55 in v4, s = 8 … 20. The value
/// p = ½ of v1 diverges logarithmically in two dimensions and is refused.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parameters")]
pub struct Laplacian {
    dim: usize,
    scale: f64,
    power: f64,
    constant: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    dim: usize,
    scale: f64,
    power: f64,
    constant: f64,
}

impl TryFrom<Parameters> for Laplacian {
    type Error = FieldError;
    fn try_from(p: Parameters) -> Result<Self, FieldError> {
        Self::new(p.dim, p.scale, p.power)?.with_constant(p.constant)
    }
}

impl Laplacian {
    /// The prior for boxes of dimension `dim`. The constant mode has the variance of a mode at
    /// ω = π.
    ///
    /// # Errors
    /// [`FieldError::NotTraceClass`] unless 4p > d; [`FieldError::Parameter`] unless `scale` is
    /// positive and `power` finite; [`FieldError::Dimension`] unless `dim` is 1, 2 or 3.
    pub fn new(dim: usize, scale: f64, power: f64) -> Result<Self, FieldError> {
        let power = trace_class_power("laplacian", power, dim)?;
        let scale = positive("scale", scale)?;
        Ok(Self { dim, scale, power, constant: scale * PI.powf(-2.0 * power) })
    }

    /// The same prior with standard deviation `constant` of the constant mode.
    ///
    /// # Errors
    /// [`FieldError::Parameter`] unless it is zero or positive, and finite.
    pub fn with_constant(self, constant: f64) -> Result<Self, FieldError> {
        if !(constant.is_finite() && constant >= 0.0) {
            return Err(FieldError::Parameter {
                parameter: "constant",
                value: constant,
                requirement: "it must be zero or a positive finite number",
            });
        }
        Ok(Self { constant, ..self })
    }
}

impl Prior for Laplacian {
    fn eigenvalue(&self, mode: &Mode) -> f64 {
        if mode.is_constant() {
            return self.constant * self.constant;
        }
        self.scale * self.scale * mode.laplacian().powf(-2.0 * self.power)
    }
}
