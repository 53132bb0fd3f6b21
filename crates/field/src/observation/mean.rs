//! The mean of a channel over the box.

use std::sync::Arc;

use super::functional::Functional;
use super::rows::Rows;
use super::{Observation, Operator, channel_of, finite, repeated};
use crate::grid::MAX_DIM;
use crate::{FieldError, Grid};

/// y = (1/|Ω|) ∫ u dx of one channel.
#[derive(Debug, Clone)]
pub struct Mean {
    channel: usize,
    values: Vec<f64>,
    variances: Vec<f64>,
}

impl Mean {
    /// The mean of a channel and the standard deviation of its error.
    ///
    /// # Errors
    /// [`FieldError::Observation`] for a mean or deviation that is not a valid number.
    pub fn new(channel: usize, value: f64, deviation: f64) -> Result<Self, FieldError> {
        finite(&[value])?;
        Ok(Self { channel, values: vec![value], variances: repeated(deviation, 1)? })
    }
}

impl Observation for Mean {
    fn kind(&self) -> &'static str {
        "mean"
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

    fn on(&self, grid: &Grid, channels: usize) -> Result<Arc<dyn Operator>, FieldError> {
        channel_of(None, self.channel, channels)?;
        let mut functional = Functional::point(self.channel, [0.0; MAX_DIM]);
        for (j, axis) in grid.axes().iter().enumerate() {
            functional.centre[j] = 0.5 * axis.length;
            functional.widths[j] = axis.length;
        }
        Ok(Arc::new(Rows::new(*grid, channels, vec![functional])))
    }
}
