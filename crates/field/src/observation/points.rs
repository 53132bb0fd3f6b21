//! Values at points of the box: sensors, wells.

use std::sync::Arc;

use super::functional::Functional;
use super::rows::Rows;
use super::{Fault, Observation, Operator, channel_of, faulty, finite, refused, squares};
use crate::grid::MAX_DIM;
use crate::{FieldError, Grid};

/// One measured value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sensor {
    /// The place, in the box's lengths; 0 along unused axes.
    pub place: [f64; MAX_DIM],
    /// The channel.
    pub channel: usize,
    /// The measured value, in the data's units.
    pub value: f64,
    /// Standard deviation of its error; 0 for an exact value.
    pub deviation: f64,
}

/// y_i = u(x_i), the value of the function itself: Σ u_k e_k(x_i) over the modes of the field's
/// grid.
///
/// A sensor therefore means the same on every grid. **Cost** one product a sensor and mode.
#[derive(Debug, Clone)]
pub struct Points {
    sensors: Vec<Sensor>,
    values: Vec<f64>,
    variances: Vec<f64>,
}

impl Points {
    /// From sensors.
    ///
    /// # Errors
    /// [`FieldError::Observation`], with the number of the sensor, for a place or value that is not
    /// finite, a negative deviation, or two sensors of one channel at one place;
    /// [`FieldError::TooFew`] without sensors.
    pub fn new(sensors: Vec<Sensor>) -> Result<Self, FieldError> {
        if sensors.is_empty() {
            return Err(FieldError::TooFew { what: "an observation", least: 1, count: 0 });
        }
        let values: Vec<f64> = sensors.iter().map(|s| s.value).collect();
        let variances = squares(&sensors.iter().map(|s| s.deviation).collect::<Vec<_>>())?;
        if let Some(row) = sensors.iter().position(|s| s.place.iter().any(|x| !x.is_finite())) {
            return Err(refused(Some(row), "a coordinate is no number"));
        }
        finite(&values)?;
        let mut order: Vec<usize> = (0..sensors.len()).collect();
        let bits = |i: usize| (sensors[i].channel, sensors[i].place.map(|x| (x + 0.0).to_bits()));
        order.sort_by_key(|&i| (bits(i), i));
        let again =
            order.windows(2).filter(|w| bits(w[0]) == bits(w[1])).map(|w| (w[1], w[0])).min();
        if let Some((row, first)) = again {
            let other = sensors[first].value != sensors[row].value;
            let exact = sensors[first].deviation == 0.0 && sensors[row].deviation == 0.0;
            let message = match other && exact {
                true => format!(
                    "{} contradicts {} at the same place, both with sd 0",
                    sensors[row].value, sensors[first].value,
                ),
                false => "a second value at the same place".into(),
            };
            let (fault, row, other) = (Fault::Twice, Some(row), Some(first));
            return Err(FieldError::Observation { fault, row, other, message });
        }
        Ok(Self { sensors, values, variances })
    }

    /// The sensors.
    pub fn sensors(&self) -> &[Sensor] {
        &self.sensors
    }
}

impl Observation for Points {
    fn kind(&self) -> &'static str {
        "points"
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

    fn places(&self) -> Vec<([f64; MAX_DIM], usize, f64)> {
        let seen = self.sensors.iter().zip(&self.values);
        seen.map(|(sensor, value)| (sensor.place, sensor.channel, *value)).collect()
    }

    fn on(&self, grid: &Grid, channels: usize) -> Result<Arc<dyn Operator>, FieldError> {
        for (row, sensor) in self.sensors.iter().enumerate() {
            channel_of(Some(row), sensor.channel, channels)?;
            inside(row, &sensor.place, grid)?;
        }
        let functionals =
            self.sensors.iter().map(|s| Functional::point(s.channel, s.place)).collect();
        Ok(Arc::new(Rows::new(*grid, channels, functionals)))
    }
}

/// Refuses a place outside the box.
pub(super) fn inside(row: usize, place: &[f64; MAX_DIM], grid: &Grid) -> Result<(), FieldError> {
    for (j, axis) in grid.axes().iter().enumerate() {
        if !(0.0..=axis.length).contains(&place[j]) {
            let message = format!(
                "coordinate {} on axis {j} lies outside the box, 0 to {}",
                place[j], axis.length
            );
            return Err(faulty(Fault::Outside, Some(row), message));
        }
    }
    Ok(())
}
