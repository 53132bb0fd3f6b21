//! Classifiers of fields.

use std::path::PathBuf;

use karhunen::classifier::{ClassifierOptions, train_classifier};
use karhunen::training::TrainedClassifier;
use karhunen::{Error, output};
use numpy::{PyArray1, PyArrayMethods, PyReadonlyArrayDyn};
use pyo3::prelude::*;

use crate::arrays;
use crate::data::Data;
use crate::work::compute;

/// A small network that reads which class a field is of.
#[pyclass(frozen, module = "karhunen._core")]
pub struct Classifier {
    /// The library's.
    pub inner: TrainedClassifier,
}

#[pymethods]
impl Classifier {
    /// Reads a file.
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let inner = compute(py, None, |_| Ok(TrainedClassifier::load(&path)?))?;
        Ok(Self { inner })
    }

    /// Trains one.
    #[staticmethod]
    #[pyo3(signature = (data, *, test, grid, steps, seed, listener))]
    fn train(
        py: Python<'_>,
        data: Bound<'_, Data>,
        test: Option<Bound<'_, Data>>,
        grid: Option<Vec<usize>>,
        steps: usize,
        seed: u64,
        listener: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let data = &data.get().inner;
        let test = test.as_ref().map(|test| test.get().inner.config().clone());
        let options = ClassifierOptions { test, grid, steps, seed, ..ClassifierOptions::of(data) };
        let inner = compute(py, listener.as_ref(), |link| Ok(train_classifier(&options, link)?))?;
        Ok(Self { inner })
    }

    #[getter]
    fn grid(&self) -> Vec<usize> {
        self.inner.grid().points()
    }

    #[getter]
    fn counts(&self) -> Vec<u64> {
        self.inner.counts.clone()
    }

    #[getter]
    fn accuracy(&self) -> f64 {
        self.inner.accuracy
    }

    #[getter]
    fn tested(&self) -> usize {
        self.inner.tested
    }

    /// The class of each field, and its features `[field, feature]`.
    fn read<'py>(
        &self,
        py: Python<'py>,
        fields: PyReadonlyArrayDyn<'py, f64>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let given = arrays::Given::of(&fields)?;
        let found = compute(py, None, |_| {
            let grid = self.inner.grid().with_points(&given.cells)?;
            Ok(self.inner.read(&given.on(grid)?)?)
        })?;
        let shape = [found.classes.len(), found.dim];
        let features = PyArray1::from_vec(py, found.features).reshape(shape)?;
        Ok((PyArray1::from_vec(py, found.classes).into_any(), features.into_any()))
    }

    /// Writes a file.
    fn save(&self, py: Python<'_>, path: PathBuf, overwrite: bool) -> PyResult<()> {
        compute(py, None, |_| {
            if path.exists() && !overwrite {
                return Err(Error::Exists(path.clone()).into());
            }
            output::make_folder(&path)?;
            Ok(self.inner.save(&path)?)
        })
    }
}
