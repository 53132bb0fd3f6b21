//! Data sets.

use karhunen::{Part, RunConfig};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::work::compute;
use crate::{arrays, table};

/// Data as `[data]` of a configuration names them.
#[pyclass(frozen, module = "karhunen._core")]
pub struct Data {
    /// The library's.
    pub inner: karhunen::Data,
}

#[pymethods]
impl Data {
    /// Opens what the keys say.
    #[new]
    fn new(py: Python<'_>, keys: &Bound<'_, PyDict>) -> PyResult<Self> {
        let keys = table::of_dict(keys)?;
        let inner = compute(py, None, |_| {
            let table = [("data".to_string(), keys.into())].into_iter().collect();
            let config = RunConfig::from_table(table, "data")?.data;
            Ok(karhunen::Data::configured(config)?)
        })?;
        Ok(Self { inner })
    }

    #[getter]
    fn cells(&self) -> Vec<usize> {
        self.inner.cells().to_vec()
    }

    #[getter]
    fn channels(&self) -> usize {
        self.inner.channels()
    }

    #[getter]
    fn count(&self) -> Option<usize> {
        self.inner.count()
    }

    #[getter]
    fn dtype(&self) -> String {
        self.inner.native().dtype.clone()
    }

    #[getter]
    fn spacing(&self) -> Option<Vec<f64>> {
        self.inner.native().spacing().map(<[f64]>::to_vec)
    }

    #[getter]
    fn unit(&self) -> Option<String> {
        self.inner.native().unit().map(String::from)
    }

    /// Levels that suit the data.
    fn levels(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        compute(py, None, |_| {
            let levels = self.inner.plan()?.config.levels;
            Ok(levels.into_iter().map(|level| level.grid).collect())
        })
    }

    /// Fields of one part.
    fn part<'py>(
        &self,
        py: Python<'py>,
        training: bool,
        cells: Option<Vec<usize>>,
        count: usize,
        seed: u64,
        four_bytes: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let part = if training { Part::Training } else { Part::HeldOut };
        let fields =
            compute(py, None, |_| Ok(self.inner.part(part, cells.as_deref(), count, seed)?))?;
        arrays::out(py, fields, four_bytes)
    }
}
