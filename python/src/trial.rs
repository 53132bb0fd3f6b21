//! Our samplers with a denoiser of Python's.

use std::sync::{Arc, Mutex};

use karhunen::field::{Field, GaussianLaw, Path};
use karhunen::sampler::Method;
use karhunen::training::config::PathConfig;
use karhunen::{Boundaries, ByFunction, Ensemble, FieldError, Grid, Progress, SampleOptions, Task};
use numpy::{PyArrayDyn, PyArrayMethods, PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::Problem;
use crate::prior::build;
use crate::work::compute;
use crate::{arrays, table};

fn path_of(keys: toml::Table) -> Result<Arc<dyn Path>, Problem> {
    let config: PathConfig = keys.try_into().map_err(|e: toml::de::Error| {
        Problem::usage(e.message().trim().to_string(), "give the name of a path, or its keys")
    })?;
    Ok(config.build())
}

/// Times at the ends of a path, or what is left of data and noise at a time.
#[pyfunction]
pub fn path_at(
    py: Python<'_>,
    keys: &Bound<'_, PyDict>,
    time: Option<f64>,
) -> PyResult<(f64, f64)> {
    let keys = table::of_dict(keys)?;
    compute(py, None, move |_| {
        let path = path_of(keys)?;
        Ok(match time {
            Some(t) => (path.signal(t), path.noise(t)),
            None => (path.end(), path.start()),
        })
    })
}

/// Samples `[field, channel, axis0, …]`, and the evaluations that each cost.
#[pyfunction]
#[pyo3(signature = (denoiser, *, kind, parameters, law_kind, law_parameters, mean, path, grid, boundary, channels, count, seed, first, sampler, evaluations, four_bytes, listener))]
#[expect(clippy::too_many_arguments, reason = "one a keyword")]
pub fn sample_with<'py>(
    py: Python<'py>,
    denoiser: Py<PyAny>,
    kind: &str,
    parameters: &Bound<'py, PyDict>,
    law_kind: &str,
    law_parameters: &Bound<'py, PyDict>,
    mean: Option<PyReadonlyArrayDyn<'py, f64>>,
    path: &Bound<'py, PyDict>,
    grid: Vec<usize>,
    boundary: &str,
    channels: usize,
    count: u64,
    seed: u64,
    first: u64,
    sampler: &str,
    evaluations: usize,
    four_bytes: bool,
    listener: Option<Bound<'py, PyAny>>,
) -> PyResult<(Bound<'py, PyAny>, usize)> {
    let (parameters, law_parameters) =
        (table::of_dict(parameters)?, table::of_dict(law_parameters)?);
    let path = table::of_dict(path)?;
    let mean = mean.as_ref().map(arrays::Given::of).transpose()?;
    let raised: Mutex<Option<PyErr>> = Mutex::new(None);
    let done = compute(py, listener.as_ref(), |link| {
        let indices = SampleOptions::new(count).from_index(first).indices()?;
        let boundary: Boundaries = boundary.parse()?;
        let grid = Grid::unit(&grid, &boundary)?;
        let noise = build(kind, parameters, None, (grid, &boundary), seed)?;
        let law = build(law_kind, law_parameters, None, (grid, &boundary), seed)?;
        let law = match mean {
            None => GaussianLaw::centred(grid, law, channels),
            Some(mean) => {
                let mean = mean.on(grid)?;
                let mean = Field::new(grid, mean.channels, mean.values)?;
                GaussianLaw::new(mean, vec![law; channels])?
            }
        };
        let path = path_of(path)?;
        let method: Method = sampler.parse()?;
        let ask = |x: &Ensemble, t: f64| -> Result<Ensemble, FieldError> {
            if link.stopped() {
                return Err(FieldError::Stopped);
            }
            Python::attach(|py| asked(py, &denoiser, x, t)).map_err(|e| {
                let text = e.to_string();
                if let Ok(mut raised) = raised.lock() {
                    raised.get_or_insert(e);
                }
                FieldError::Denoiser(text)
            })
        };
        let trial =
            karhunen::Trial { path: &*path, prior: &*noise, law: &law, method, evaluations };
        let mut tell = |done: usize, of: usize| {
            link.at(Task::Sampling, done as u64, of as u64, "");
        };
        Ok(trial.sample(&ByFunction(ask), grid, seed, indices, &mut tell)?)
    });
    if let Some(error) = raised.into_inner().ok().flatten() {
        return Err(error);
    }
    let (fields, evaluations) = done?;
    Ok((arrays::out(py, fields, four_bytes)?, evaluations))
}

/// The answer of a denoiser.
fn asked(py: Python<'_>, denoiser: &Py<PyAny>, x: &Ensemble, t: f64) -> PyResult<Ensemble> {
    let given = arrays::out(py, x.clone(), false)?;
    let answer = denoiser.bind(py).call1((given, t))?;
    let answer = answer.cast::<PyArrayDyn<f64>>()?.try_readonly()?;
    debug_assert_eq!(answer.len(), x.values.len());
    Ok(Ensemble { values: answer.as_slice()?.to_vec(), ..x.clone() })
}
