//! Noise from a negative power of the Laplacian, with the constant mode as a case of its own.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use super::{positive, trace_class_power};
use crate::{FieldError, Mode, Prior};

/// Q^{1/2} = s (−Δ)^{−p}: λ_k = s² |ω_k|^{−4p}, and λ_0 = c² where −Δ has no inverse.
///
/// s is `scale`, p `power`, c `constant`: the standard deviation of the field's mean. Without a
/// word about it c = s π^{−2p}, the deviation of a mode at ω = π, the lowest cosine of an axis of
/// length 1 (whatever the box, so that nothing depends on it); 0 reproduces the paper, but then
/// the mean of a generated field can only come from the network.
///
/// **Trace class** iff 4p > d, checked for the dimension given to the constructor.
///
/// **Source** Hagemann et al., arXiv 2303.04772, section 5: p = 0.55 in v4, s = 8 … 20 (p = ½ in
/// v1 diverges logarithmically in two dimensions, and is refused).
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
    /// The prior for boxes of dimension `dim`, the constant mode as strong as one at ω = π.
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
