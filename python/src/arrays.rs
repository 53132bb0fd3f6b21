//! Fields as arrays and back.

use std::path::PathBuf;

use karhunen::output::{self, Output};
use karhunen::{Boundaries, Ensemble, Grid};
use numpy::{PyArray1, PyArrayMethods, PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::prelude::*;

use crate::errors::Problem;
use crate::work::compute;

/// Values `[field, channel, axis0, …]` as an array of this shape, in four or eight bytes each; eight are not
/// copied.
pub fn out<'py>(
    py: Python<'py>,
    fields: Ensemble,
    four_bytes: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let shape: Vec<usize> =
        [fields.count(), fields.channels].into_iter().chain(fields.grid.points()).collect();
    if four_bytes {
        let values: Vec<f32> = fields.values.iter().map(|v| *v as f32).collect();
        return Ok(PyArray1::from_vec(py, values).reshape(shape)?.into_any());
    }
    Ok(PyArray1::from_vec(py, fields.values).reshape(shape)?.into_any())
}

/// Labels `[field, axis0, …]` in one byte each.
pub fn labels_out<'py>(py: Python<'py>, fields: &Ensemble) -> PyResult<Bound<'py, PyAny>> {
    let shape: Vec<usize> = [fields.count()].into_iter().chain(fields.grid.points()).collect();
    let values: Vec<u8> = fields.values.iter().map(|v| *v as u8).collect();
    Ok(PyArray1::from_vec(py, values).reshape(shape)?.into_any())
}

/// An array `[field, channel, axis0, …]` in C order.
pub struct Given {
    /// Cells an axis.
    pub cells: Vec<usize>,
    channels: usize,
    values: Vec<f64>,
}

impl Given {
    /// A copy of the values, so that nothing of Python's is looked at while its lock is free.
    pub fn of(array: &PyReadonlyArrayDyn<'_, f64>) -> PyResult<Self> {
        let shape = array.shape();
        let values = array.as_slice()?.to_vec();
        Ok(Self { cells: shape[2..].to_vec(), channels: shape[1], values })
    }

    /// On a grid of as many cells.
    pub fn on(self, grid: Grid) -> Result<Ensemble, Problem> {
        Ok(Ensemble::new(grid, self.channels, self.values)?)
    }
}

/// Writes fields of a box whose cells are as far apart as told.
#[pyfunction]
#[pyo3(signature = (fields, path, *, spacing, unit, overwrite))]
pub fn write(
    py: Python<'_>,
    fields: PyReadonlyArrayDyn<'_, f64>,
    path: PathBuf,
    spacing: Vec<f64>,
    unit: Option<String>,
    overwrite: bool,
) -> PyResult<()> {
    let given = Given::of(&fields)?;
    compute(py, None, move |_| {
        let unit_grid = Grid::unit(&given.cells, Boundaries::from(karhunen::Boundary::Neumann))?;
        let (grid, _) = karhunen::sample::scale::measured(&unit_grid, None, &[], None, &spacing)?;
        let output = Output { overwrite, unit: unit.as_deref(), ..Output::default() };
        Ok(output::write(&given.on(grid)?, &path, &output)?)
    })
}
