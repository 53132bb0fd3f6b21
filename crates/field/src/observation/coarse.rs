//! An observed field on a coarser grid: super-resolution.

use std::sync::Arc;

use super::functional::Functional;
use super::modal::Modal;
use super::rows::Rows;
use super::{Observation, Operator, channel_of, finite, refused, repeated, same_box};
use crate::grid::MAX_DIM;
use crate::{Ensemble, FieldError, Grid, Transform};

/// A whole field on a coarser grid, given by its modes or by cell averages.
///
/// **Spectral** y = P u, the restriction to the coarse grid's modes: the same function sampled on
/// the coarse grid. It is observed mode by mode. Errors of standard deviation s in each of N cells
/// are errors of s/√N in each mode. **Average** y_j = the average of u over cell j, as measured by
/// a detector with square pixels. **Cost** Copies for the spectral kind; one product a cell and
/// mode for averages.
#[derive(Debug, Clone)]
pub struct Coarse {
    grid: Grid,
    first: usize,
    seen: usize,
    average: bool,
    values: Vec<f64>,
    variances: Vec<f64>,
}

impl Coarse {
    /// The restriction of a function to the modes of a coarse grid. The channels of u start at
    /// `first_channel`.
    ///
    /// # Errors
    /// [`FieldError::Observation`] for values or a deviation that are not valid numbers;
    /// [`FieldError::TooFew`] unless there is exactly one field.
    pub fn spectral(
        field: &Ensemble,
        first_channel: usize,
        deviation: f64,
    ) -> Result<Self, FieldError> {
        check(field)?;
        let values = Transform::new(field.grid).analyse_channels(&field.values);
        let in_modes = deviation / (field.grid.len() as f64).sqrt();
        let variances = repeated(in_modes, values.len())?;
        Ok(Self::new(field, first_channel, false, values, variances))
    }

    /// The averages of a function over the cells of a coarse grid. The channels of u start at
    /// `first_channel`.
    ///
    /// # Errors
    /// As [`Coarse::spectral`].
    pub fn average(
        field: &Ensemble,
        first_channel: usize,
        deviation: f64,
    ) -> Result<Self, FieldError> {
        check(field)?;
        let variances = repeated(deviation, field.values.len())?;
        Ok(Self::new(field, first_channel, true, field.values.clone(), variances))
    }

    fn new(
        field: &Ensemble,
        first: usize,
        average: bool,
        values: Vec<f64>,
        variances: Vec<f64>,
    ) -> Self {
        Self { grid: field.grid, first, seen: field.channels, average, values, variances }
    }
}

/// Checks that there is exactly one field, with finite values.
pub(super) fn check(field: &Ensemble) -> Result<(), FieldError> {
    if field.count() != 1 {
        let count = field.count();
        return Err(FieldError::TooFew { what: "an observed field", least: 1, count });
    }
    match field.values.iter().any(|v| v.is_nan()) {
        true => Err(refused(
            None,
            "the field has NaN; kind = \"mask\" is for fields with unknown cells",
        )),
        false => finite(&field.values),
    }
}

impl Observation for Coarse {
    fn kind(&self) -> &'static str {
        "coarse"
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
        let seen = self.first..self.first + self.seen;
        if !self.average {
            let factors = vec![1.0; self.grid.mode_count()];
            return Ok(Arc::new(Modal::new(*grid, channels, self.grid, seen, factors)));
        }
        let mut functionals = Vec::with_capacity(self.values.len());
        for channel in seen {
            for cell in 0..self.grid.len() {
                let at = self.grid.position(cell);
                let mut functional = Functional::point(channel, [0.0; MAX_DIM]);
                for (j, axis) in self.grid.axes().iter().enumerate() {
                    functional.centre[j] = axis.centre(at[j]);
                    functional.widths[j] = axis.length / axis.points as f64;
                }
                functionals.push(functional);
            }
        }
        Ok(Arc::new(Rows::new(*grid, channels, functionals)))
    }
}
