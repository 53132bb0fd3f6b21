//! Mean and mode variances of a data set, one field at a time.
//!
//! These moments are the knowledge of the data that [`crate::GaussianLaw`], the fitted priors and
//! the Wiener preconditioning use. They are computed by Welford's recursion: one pass, no stored
//! data, and no cancellation for fields with a large mean.

use crate::{Field, FieldError, Grid, Transform};

/// Running mean m_k and variance c_k of every mode's coefficient, per channel.
///
/// **Cost** one transform a field; memory two numbers a mode and channel.
///
/// **Source** Welford, "Note on a method for calculating corrected sums of squares and products",
/// Technometrics 4 (1962).
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Grid, Moments};
/// let mut moments = Moments::new(Grid::unit(&[2], Boundary::Neumann)?, 1);
/// moments.add(&[1.0, 1.0])?;
/// moments.add(&[3.0, 3.0])?;
/// let (mean, variances) = moments.finish()?;
/// assert!((mean.values[1] - 2.0).abs() < 1e-12);
/// assert!((variances[0][0] - 2.0).abs() < 1e-12 && variances[0][1].abs() < 1e-12);
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Moments {
    transform: Transform,
    channels: usize,
    count: usize,
    mean: Vec<f64>,
    /// Sums of squared deviations from the running mean.
    squares: Vec<f64>,
}

impl Moments {
    /// Starts without fields, on this grid with this many channels.
    pub fn new(grid: Grid, channels: usize) -> Self {
        let modes = channels * grid.mode_count();
        Self {
            transform: Transform::new(grid),
            channels,
            count: 0,
            mean: vec![0.0; modes],
            squares: vec![0.0; modes],
        }
    }

    /// Adds one field, `[channel, axis0, …]`.
    ///
    /// # Errors
    /// [`FieldError::Length`] unless it has `channels · grid.len()` values, and
    /// [`FieldError::Parameter`] for a value that is not finite. In both cases nothing is added.
    pub fn add(&mut self, values: &[f64]) -> Result<(), FieldError> {
        let grid = *self.transform.grid();
        if values.len() != self.channels * grid.len() {
            let channels = self.channels;
            return Err(FieldError::Length { values: values.len(), channels, grid });
        }
        if let Some(&value) = values.iter().find(|v| !v.is_finite()) {
            let requirement = "point values of data must be finite";
            return Err(FieldError::Parameter { parameter: "value", value, requirement });
        }
        self.count += 1;
        let weight = 1.0 / self.count as f64;
        let modes = self.transform.analyse_channels(values);
        for ((x, mean), squares) in modes.iter().zip(&mut self.mean).zip(&mut self.squares) {
            let before = x - *mean;
            *mean += weight * before;
            *squares += before * (x - *mean);
        }
        Ok(())
    }

    /// Number of fields added so far.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The mean as point values (projected onto the modes of the grid) and the unbiased variances
    /// c_k, `[channel][mode]` in storage order.
    ///
    /// # Errors
    /// [`FieldError::TooFew`] below two fields.
    pub fn finish(self) -> Result<(Field, Vec<Vec<f64>>), FieldError> {
        if self.count < 2 {
            return Err(FieldError::TooFew { what: "a variance", least: 2, count: self.count });
        }
        let grid = *self.transform.grid();
        let mean = Field::new(grid, self.channels, self.transform.synthesise_channels(&self.mean))?;
        let divisor = (self.count - 1) as f64;
        let variances = self
            .squares
            .chunks_exact(grid.mode_count())
            .map(|channel| channel.iter().map(|s| s / divisor).collect())
            .collect();
        Ok((mean, variances))
    }
}
