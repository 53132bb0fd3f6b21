//! Gaussian random functions.

use std::sync::Arc;

use karhunen::{Boundaries, Grid, Prior, SampleOptions, Sources, prior};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::Problem;
use crate::work::compute;
use crate::{arrays, table};

/// A prior of a kind on the boxes of `grid`.
pub fn build(
    kind: &str,
    parameters: toml::Table,
    source: Option<(&Sources, &[String])>,
    (grid, boundary): (Grid, &Boundaries),
    seed: u64,
) -> Result<Arc<dyn Prior>, Problem> {
    let config = prior::configured(kind, parameters)?;
    Ok(prior::build((kind, &config), grid, boundary, source, seed)?)
}

/// Draws fields `[field, channel, axis0, …]`.
#[pyfunction]
#[pyo3(signature = (*, kind, parameters, source, settings, grid, boundary, count, seed, first, four_bytes))]
#[expect(clippy::too_many_arguments, reason = "one a keyword")]
pub fn draw<'py>(
    py: Python<'py>,
    kind: &str,
    parameters: &Bound<'py, PyDict>,
    source: Option<String>,
    settings: Vec<String>,
    grid: Vec<usize>,
    boundary: &str,
    count: u64,
    seed: u64,
    first: u64,
    four_bytes: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let parameters = table::of_dict(parameters)?;
    let fields = compute(py, None, |_| {
        let indices = SampleOptions::new(count).from_index(first).indices()?;
        let boundary: Boundaries = boundary.parse()?;
        let grid = Grid::unit(&grid, &boundary)?;
        let source = source.as_deref().map(Sources::from);
        let source = source.as_ref().map(|source| (source, &settings[..]));
        let q = build(kind, parameters, source, (grid, &boundary), seed)?;
        let bytes = 3 * size_of::<f64>();
        karhunen::training::memory::check_fields(count as f64, &grid, 1, bytes, "count or grid")?;
        Ok(prior::draw(q.as_ref(), grid, seed, indices))
    })?;
    arrays::out(py, fields, four_bytes)
}
