//! Fields and ensembles of fields: point values on a grid, `[sample, channel, axis0, …]`.

use crate::{FieldError, Grid, Scalar};

/// One function f: Ω → R^C by its point values, `[channel, axis0, …]`, last axis fastest.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Grid of the values.
    pub grid: Grid,
    /// Channels C.
    pub channels: usize,
    /// C · N point values.
    pub values: Vec<f64>,
}

impl Field {
    /// The field that is zero everywhere.
    pub fn zeros(grid: Grid, channels: usize) -> Self {
        Self { grid, channels, values: vec![0.0; channels * grid.len()] }
    }

    /// A field from its point values.
    ///
    /// # Errors
    /// [`FieldError::Length`] unless there are `channels · grid.len()` of them.
    pub fn new(grid: Grid, channels: usize, values: Vec<f64>) -> Result<Self, FieldError> {
        if channels == 0 || values.len() != channels * grid.len() {
            return Err(FieldError::Length { values: values.len(), channels, grid });
        }
        Ok(Self { grid, channels, values })
    }
}

/// Many fields on one grid, `[sample, channel, axis0, …]`: a data set, a batch, a set of samples.
///
/// Values are `f64`. Only a sampler's fields on the way may be `f32` ([`Scalar`]).
#[derive(Debug, Clone, PartialEq)]
pub struct Ensemble<S = f64> {
    /// Grid of the values.
    pub grid: Grid,
    /// Channels C of each field.
    pub channels: usize,
    /// n · C · N point values.
    pub values: Vec<S>,
}

impl Ensemble {
    /// `count` fields that are zero everywhere.
    pub fn zeros(grid: Grid, channels: usize, count: usize) -> Self {
        Self { grid, channels, values: vec![0.0; count * channels * grid.len()] }
    }

    /// An ensemble from point values. The number of fields follows from their count.
    ///
    /// # Errors
    /// [`FieldError::Length`] unless they are a whole number of fields.
    pub fn new(grid: Grid, channels: usize, values: Vec<f64>) -> Result<Self, FieldError> {
        if channels == 0 || !values.len().is_multiple_of(channels * grid.len()) {
            return Err(FieldError::Length { values: values.len(), channels, grid });
        }
        Ok(Self { grid, channels, values })
    }

    /// Mean and standard deviation of each channel over all fields and points. A channel that does
    /// not vary has deviation 1.
    pub fn channel_scales(&self) -> Vec<(f64, f64)> {
        let points = self.grid.len();
        let of_channel = |c: usize| {
            let values =
                || self.fields().flat_map(move |f| f[c * points..(c + 1) * points].iter().copied());
            let n = (self.count() * points) as f64;
            let mean = values().sum::<f64>() / n;
            let variance = values().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
            (mean, if variance > 0.0 { variance.sqrt() } else { 1.0 })
        };
        (0..self.channels).map(of_channel).collect()
    }

    /// The fields with these indices, in the order given.
    ///
    /// # Panics
    /// If an index reaches past the last field.
    pub fn select(&self, indices: &[usize]) -> Ensemble {
        let len = self.field_len();
        let mut values = Vec::with_capacity(indices.len() * len);
        for &i in indices {
            values.extend_from_slice(&self.values[i * len..(i + 1) * len]);
        }
        Ensemble { grid: self.grid, channels: self.channels, values }
    }
}

impl<S: Scalar> Ensemble<S> {
    /// Number of fields n.
    pub fn count(&self) -> usize {
        self.values.len() / self.field_len()
    }

    /// Values of one field, C · N.
    pub fn field_len(&self) -> usize {
        self.channels * self.grid.len()
    }

    /// The fields' values, each `[channel, axis0, …]`.
    pub fn fields(&self) -> std::slice::ChunksExact<'_, S> {
        self.values.chunks_exact(self.field_len())
    }

    /// The fields' values, mutable.
    pub fn fields_mut(&mut self) -> std::slice::ChunksExactMut<'_, S> {
        let len = self.field_len();
        self.values.chunks_exact_mut(len)
    }

    /// Fields `range` as a new ensemble.
    ///
    /// # Panics
    /// If the range reaches past the last field.
    pub fn slice(&self, range: std::ops::Range<usize>) -> Self {
        let len = self.field_len();
        Self {
            grid: self.grid,
            channels: self.channels,
            values: self.values[range.start * len..range.end * len].to_vec(),
        }
    }
}
