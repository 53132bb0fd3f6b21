//! A field with some known cells: inpainting, logs along wells, outcrops on a face.

use std::sync::Arc;

use super::cells::Cells;
use super::{Observation, Operator, channel_of, refused, repeated, same_box};
use crate::{Ensemble, FieldError, Grid};

/// y_j = (P u)(x_j) at the known cells of a grid, where P is the restriction to the modes of that
/// grid.
///
/// On the field's own grid these are the cell values themselves. A sample on a finer grid is
/// compared by its restriction, which is the function that the same seed has on the coarse grid.
/// **Cost** one transform.
#[derive(Debug, Clone)]
pub struct Mask {
    grid: Grid,
    seen: Vec<(usize, usize)>,
    values: Vec<f64>,
    variances: Vec<f64>,
}

impl Mask {
    /// From one field, in which NaN marks an unknown cell. The channels of u start at
    /// `first_channel`.
    ///
    /// # Errors
    /// [`FieldError::Observation`] for a field without a known cell, an infinite value, or an
    /// invalid deviation; [`FieldError::TooFew`] unless there is exactly one field.
    pub fn new(field: &Ensemble, first_channel: usize, deviation: f64) -> Result<Self, FieldError> {
        if field.count() != 1 {
            let count = field.count();
            return Err(FieldError::TooFew {
                what: "a mask (one field with NaN)",
                least: 1,
                count,
            });
        }
        let points = field.grid.len();
        let known = field.values.iter().enumerate().filter(|(_, v)| !v.is_nan());
        let (mut seen, mut values) = (Vec::new(), Vec::new());
        for (at, value) in known {
            if value.is_infinite() {
                return Err(refused(None, format!("the value {value} of cell {at} is no number")));
            }
            seen.push((first_channel + at / points, at % points));
            values.push(*value);
        }
        if seen.is_empty() {
            return Err(refused(None, "no cell is known: every value is NaN"));
        }
        let variances = repeated(deviation, values.len())?;
        Ok(Self { grid: field.grid, seen, values, variances })
    }
}

impl Observation for Mask {
    fn kind(&self) -> &'static str {
        "mask"
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
        let last = self.seen.iter().map(|(channel, _)| *channel).max().unwrap_or(0);
        channel_of(None, last, channels)?;
        Ok(Arc::new(Cells::new(*grid, channels, self.grid, self.seen.clone())))
    }
}
