//! An ensemble as a cloud of points in coefficient space.
//!
//! The basis is orthonormal in ⟨f, g⟩ = mean f g, so H-norms of functions are Euclidean norms of
//! their coefficients. The part that the grid's modes do not represent (the Nyquist modes of even
//! periodic axes) is left out of all statistics alike.

use ndarray::{Array2, ArrayView1, Axis};

use super::check;
use crate::{Ensemble, FieldError, Grid, Transform};

/// Coefficients of every field, `[sample, (channel, mode)]`.
#[derive(Debug, Clone)]
pub(super) struct Cloud {
    pub grid: Grid,
    pub channels: usize,
    pub coefficients: Array2<f64>,
}

impl Cloud {
    /// The cloud of an ensemble with at least `least` fields, all of them with finite values.
    pub fn new(fields: &Ensemble, what: &'static str, least: usize) -> Result<Self, FieldError> {
        check(fields, what, least)?;
        let transform = Transform::new(fields.grid);
        let modes = fields.grid.mode_count();
        let mut coefficients = Array2::zeros((fields.count(), fields.channels * modes));
        for (field, mut row) in fields.fields().zip(coefficients.rows_mut()) {
            let row = row.as_slice_mut().expect("rows of a fresh matrix are contiguous");
            for (values, modes) in
                field.chunks_exact(fields.grid.len()).zip(row.chunks_exact_mut(modes))
            {
                transform.analyse(values, modes);
            }
        }
        Ok(Self { grid: fields.grid, channels: fields.channels, coefficients })
    }

    /// Number of fields n.
    pub fn count(&self) -> usize {
        self.coefficients.nrows()
    }

    /// Coefficients of one field.
    pub fn field(&self, index: usize) -> ArrayView1<'_, f64> {
        self.coefficients.row(index)
    }

    /// Coefficients of the mean field.
    pub fn mean(&self) -> Vec<f64> {
        let n = self.count() as f64;
        self.coefficients.sum_axis(Axis(0)).iter().map(|s| s / n).collect()
    }

    /// The first `count` fields.
    pub fn first(&self, count: usize) -> Cloud {
        let rows: Vec<usize> = (0..count).collect();
        Cloud { coefficients: self.coefficients.select(Axis(0), &rows), ..*self }
    }
}
