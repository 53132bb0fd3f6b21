//! A field blurred by a Gaussian point spread function.

use std::sync::Arc;

use super::coarse::check;
use super::modal::Modal;
use super::{Fault, Observation, Operator, channel_of, faulty, refused, repeated, same_box};
use crate::{Ensemble, FieldError, Grid, Transform};

/// y = P (G_s ∗ u): h_k = exp(−½ s² |ω_k|²) for the modes of the blurred field's grid.
///
/// Beyond the walls the function is continued as its boundary condition demands (evenly, oddly or
/// periodically). Errors of standard deviation σ in each of N cells are errors of σ/√N in each
/// mode. **Cost** copies.
#[derive(Debug, Clone)]
pub struct Blur {
    grid: Grid,
    first: usize,
    seen: usize,
    width: f64,
    values: Vec<f64>,
    variances: Vec<f64>,
}

impl Blur {
    /// From a blurred field. `width` is the standard deviation of the point spread in the box's
    /// lengths, `deviation` that of the errors, which must not be 0. The channels of u start at
    /// `first_channel`.
    ///
    /// # Errors
    /// [`FieldError::Observation`] unless the values are finite and width and deviation positive;
    /// [`FieldError::TooFew`] unless there is exactly one field.
    pub fn new(
        field: &Ensemble,
        first_channel: usize,
        width: f64,
        deviation: f64,
    ) -> Result<Self, FieldError> {
        check(field)?;
        if !(width.is_finite() && width > 0.0) {
            return Err(refused(None, format!("width {width}: it must be a positive length")));
        }
        if deviation == 0.0 {
            let message = "sd 0: a blurred field without error would have to be divided by factors that vanish";
            return Err(faulty(Fault::Exact, None, message));
        }
        let values = Transform::new(field.grid).analyse_channels(&field.values);
        let variances = repeated(deviation / (field.grid.len() as f64).sqrt(), values.len())?;
        let (grid, seen) = (field.grid, field.channels);
        Ok(Self { grid, first: first_channel, seen, width, values, variances })
    }
}

impl Observation for Blur {
    fn kind(&self) -> &'static str {
        "blur"
    }

    fn values(&self) -> &[f64] {
        &self.values
    }

    fn with_values(&self, values: Vec<f64>) -> Arc<dyn Observation> {
        Arc::new(Self { values, ..self.clone() })
    }

    fn variances(&self) -> &[f64] {
        &self.variances
    }

    fn needs(&self) -> Option<Grid> {
        Some(self.grid)
    }

    fn on(&self, grid: &Grid, channels: usize) -> Result<Arc<dyn Operator>, FieldError> {
        same_box(&self.grid, grid)?;
        channel_of(None, self.first + self.seen - 1, channels)?;
        let factor = |mode: crate::Mode| (-0.5 * self.width.powi(2) * mode.laplacian()).exp();
        let factors = self.grid.modes().map(factor).collect();
        let seen = self.first..self.first + self.seen;
        Ok(Arc::new(Modal::new(*grid, channels, self.grid, seen, factors)))
    }
}
