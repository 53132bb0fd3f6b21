//! Integrals along straight lines: tomography.

use std::sync::Arc;

use super::functional::Functional;
use super::points::inside;
use super::rows::Rows;
use super::{Observation, Operator, channel_of, finite, refused, squares};
use crate::grid::MAX_DIM;
use crate::{FieldError, Grid};

/// One measured line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ray {
    /// Its start, in the box's lengths.
    pub from: [f64; MAX_DIM],
    /// Its end.
    pub to: [f64; MAX_DIM],
    /// The channel.
    pub channel: usize,
    /// The integral, in the data's units times a length.
    pub value: f64,
    /// Standard deviation of its error; 0 for an exact value.
    pub deviation: f64,
}

/// y_i = ∫ u ds from one end of a ray to the other, exact for every mode.
///
/// **Cost** Once for each ray and grid, the sines and cosines of every mode; then one product a ray
/// and mode.
#[derive(Debug, Clone)]
pub struct Rays {
    rays: Vec<Ray>,
    values: Vec<f64>,
    variances: Vec<f64>,
}

impl Rays {
    /// From rays.
    ///
    /// # Errors
    /// [`FieldError::Observation`], with the number of the ray, for ends or values that are not
    /// finite, a negative deviation, or a ray of length 0; [`FieldError::TooFew`] without rays.
    pub fn new(rays: Vec<Ray>) -> Result<Self, FieldError> {
        if rays.is_empty() {
            return Err(FieldError::TooFew { what: "an observation", least: 1, count: 0 });
        }
        let values: Vec<f64> = rays.iter().map(|r| r.value).collect();
        let variances = squares(&rays.iter().map(|r| r.deviation).collect::<Vec<_>>())?;
        for (row, ray) in rays.iter().enumerate() {
            if ray.from.iter().chain(&ray.to).any(|x| !x.is_finite()) {
                return Err(refused(Some(row), "an end is no number"));
            }
            if ray.from == ray.to {
                return Err(refused(Some(row), "the ray has no length"));
            }
        }
        finite(&values)?;
        Ok(Self { rays, values, variances })
    }
}

impl Observation for Rays {
    fn kind(&self) -> &'static str {
        "rays"
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
        let mut functionals = Vec::with_capacity(self.rays.len());
        for (row, ray) in self.rays.iter().enumerate() {
            channel_of(Some(row), ray.channel, channels)?;
            inside(row, &ray.from, grid)?;
            inside(row, &ray.to, grid)?;
            let along: [f64; MAX_DIM] = std::array::from_fn(|j| ray.to[j] - ray.from[j]);
            functionals.push(Functional {
                channel: ray.channel,
                centre: std::array::from_fn(|j| 0.5 * (ray.from[j] + ray.to[j])),
                widths: [0.0; MAX_DIM],
                along,
                weight: along.iter().map(|d| d * d).sum::<f64>().sqrt(),
            });
        }
        Ok(Arc::new(Rows::new(*grid, channels, functionals)))
    }
}
