//! Any linear measurement: a sparse matrix times the cells of a field.

use std::sync::Arc;

use super::{Fault, Observation, Operator, faulty, finite, refused, repeated, same_box};
use crate::resample::copied_modes;
use crate::{FieldError, Grid, Transform};

/// y = M z. The vector z holds the cells of the field's restriction to a grid, `[channel, axis0,
/// …]` flattened, last axis fastest. M is a matrix of compressed sparse rows (CSR).
///
/// **Cost** one transform a channel, one product an entry.
#[derive(Debug, Clone)]
pub struct Sparse {
    grid: Grid,
    channels: usize,
    matrix: Arc<Matrix>,
    values: Vec<f64>,
    variances: Vec<f64>,
}

/// Row i holds `data[starts[i]..starts[i + 1]]` in the columns `columns[…]`.
#[derive(Debug)]
struct Matrix {
    starts: Vec<usize>,
    columns: Vec<usize>,
    data: Vec<f64>,
}

impl Sparse {
    /// From the three arrays of a CSR matrix with `[rows, channels · cells]` entries, and one value
    /// and error a row.
    ///
    /// # Errors
    /// [`FieldError::Observation`] for arrays that are not such a matrix, values that are not
    /// finite or not one a row, or a row without entries.
    pub fn new(
        grid: Grid,
        channels: usize,
        (starts, columns, data): (Vec<usize>, Vec<usize>, Vec<f64>),
        values: Vec<f64>,
        deviation: f64,
    ) -> Result<Self, FieldError> {
        let rows = starts.len().saturating_sub(1);
        let ordered = starts.first() == Some(&0)
            && starts.last() == Some(&data.len())
            && starts.windows(2).all(|w| w[0] <= w[1])
            && columns.len() == data.len();
        if rows == 0 || !ordered {
            return Err(refused(None, "indptr, indices and data are no compressed rows"));
        }
        let width = channels * grid.len();
        if let Some(column) = columns.iter().find(|c| **c >= width) {
            let message = format!(
                "column {column} of fields of {channels} channel(s) on the grid {grid}, which have {width} values"
            );
            return Err(faulty(Fault::Channel, None, message));
        }
        if values.len() != rows {
            return Err(refused(
                None,
                format!("{} values for a matrix of {rows} rows", values.len()),
            ));
        }
        finite(&values)?;
        for (row, w) in starts.windows(2).enumerate() {
            let own = &data[w[0]..w[1]];
            if own.iter().any(|v| !v.is_finite()) {
                return Err(refused(Some(row), "an entry of the matrix is no number"));
            }
            if own.iter().all(|v| *v == 0.0) {
                return Err(refused(Some(row), "the matrix has nothing in this row"));
            }
        }
        let variances = repeated(deviation, rows)?;
        let matrix = Arc::new(Matrix { starts, columns, data });
        Ok(Self { grid, channels, matrix, values, variances })
    }
}

impl Observation for Sparse {
    fn kind(&self) -> &'static str {
        "linear"
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
        if channels != self.channels {
            let message =
                format!("a matrix for {} channel(s), fields of {channels}", self.channels);
            return Err(faulty(Fault::Channel, None, message));
        }
        let matrix = Arc::clone(&self.matrix);
        Ok(Arc::new(Product {
            from: *grid,
            transform: Transform::new(self.grid),
            matrix,
            channels,
        }))
    }
}

#[derive(Debug)]
struct Product {
    from: Grid,
    transform: Transform,
    matrix: Arc<Matrix>,
    channels: usize,
}

impl Operator for Product {
    fn rows(&self) -> usize {
        self.matrix.starts.len() - 1
    }

    fn apply(&self, modes: &[f64]) -> Vec<f64> {
        let restricted = copied_modes(&self.from, modes, self.transform.grid());
        let cells = self.transform.synthesise_channels(&restricted);
        let Matrix { starts, columns, data } = &*self.matrix;
        let row = |w: &[usize]| {
            columns[w[0]..w[1]].iter().zip(&data[w[0]..w[1]]).map(|(c, v)| cells[*c] * v).sum()
        };
        starts.windows(2).map(row).collect()
    }

    fn adjoint(&self, weights: &[f64]) -> Vec<f64> {
        let own = self.transform.grid();
        let mut cells = vec![0.0; self.channels * own.len()];
        let Matrix { starts, columns, data } = &*self.matrix;
        for (w, weight) in starts.windows(2).zip(weights) {
            for (column, value) in columns[w[0]..w[1]].iter().zip(&data[w[0]..w[1]]) {
                // the analysis transform divides by the number of cells
                cells[*column] += weight * value * own.len() as f64;
            }
        }
        copied_modes(own, &self.transform.analyse_channels(&cells), &self.from)
    }
}
