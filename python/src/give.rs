//! Runs and models as files: where a run stands, which models come along, networks from elsewhere, and the check of
//! a model's posteriors.

use std::path::PathBuf;

use karhunen::formats::{ArrayValues, NamedArray};
use karhunen::formats::{ReadOptions, read_state_dict};
use karhunen::give::{Published, import};
use karhunen::training::builtin_models::MODELS;
use karhunen::training::published::Units;
use karhunen::{
    Error, LikelihoodOptions, PosteriorOptions, Sources, Status, pictures, posterior,
    posterior_quality,
};
use numpy::{PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::data::Data;
use crate::evaluate::Asked as RealFields;
use crate::model::Model;
use crate::train::Asked;
use crate::work::compute;
use crate::{errors::Problem, table};

/// Where a run stands, as JSON and as text.
#[pyfunction]
pub fn status(py: Python<'_>, run: PathBuf) -> PyResult<(String, String)> {
    compute(py, None, |_| {
        let status = Status::of(&run)?;
        let json = serde_json::to_string(&status).map_err(|e| Problem::run(e.to_string()))?;
        Ok((json, status.to_text()))
    })
}

/// Names and descriptions of the models that come along.
#[pyfunction]
pub fn models() -> Vec<(String, String)> {
    MODELS.iter().map(|model| (format!("builtin:{}", model.name), model.about.into())).collect()
}

/// An array of a state dict: its name, whether its last axis is that of real and imaginary parts, its numbers.
type Named<'py> = (String, bool, PyReadonlyArrayDyn<'py, f32>);

/// Writes the model of a published network into a folder; what its user should know.
#[pyfunction]
#[pyo3(signature = (*, file, arrays, config, text, config_file, prefix, offset, scale, data, out))]
#[expect(clippy::too_many_arguments, reason = "one a keyword")]
pub fn import_model(
    py: Python<'_>,
    file: Option<PathBuf>,
    arrays: Vec<Named<'_>>,
    config: Option<Bound<'_, PyDict>>,
    text: Option<String>,
    config_file: Option<PathBuf>,
    prefix: Option<String>,
    offset: f64,
    scale: f64,
    data: Option<String>,
    out: PathBuf,
) -> PyResult<Vec<String>> {
    let table = config.as_ref().map(table::of_dict).transpose()?;
    let named = |(name, complex, array): &Named<'_>| -> PyResult<NamedArray> {
        let (mut shape, values) = (array.shape().to_vec(), array.as_slice()?.to_vec());
        let values = if *complex {
            shape.pop();
            ArrayValues::Complex(values.as_chunks::<2>().0.to_vec())
        } else {
            ArrayValues::Real(values)
        };
        Ok(NamedArray { name: name.clone(), shape, values })
    };
    let given: Vec<NamedArray> = arrays.iter().map(named).collect::<PyResult<_>>()?;
    compute(py, None, |_| {
        let config = Asked::configured(table, text, config_file).options(None)?.config;
        let read = match &file {
            Some(file) => read_state_dict(file, &ReadOptions::default())?,
            None => given,
        };
        let source = file.map_or("state".into(), |file| file.display().to_string());
        let data = data.as_deref().map(|data| Sources::from(data).resolve(None));
        let network = Published {
            source: &source,
            arrays: &read,
            prefix: prefix.as_deref(),
            config: &config,
            units: Units { offset, scale },
            data: data.as_ref(),
        };
        Ok(import(&network, &out)?.1)
    })
}

/// How likely fields are under a model, as JSON.
#[pyfunction]
#[pyo3(signature = (model, data, *, settings, against, count, steps, repetitions, exact, grid, class_, part, seed, listener))]
#[expect(clippy::too_many_arguments, reason = "one a keyword")]
pub fn likelihood(
    py: Python<'_>,
    model: Bound<'_, Model>,
    data: Bound<'_, Data>,
    settings: Vec<String>,
    against: Option<(Bound<'_, Data>, Vec<String>)>,
    count: usize,
    steps: usize,
    repetitions: usize,
    exact: bool,
    grid: Option<Vec<usize>>,
    class_: Option<u32>,
    part: &str,
    seed: u64,
    listener: Option<Bound<'_, PyAny>>,
) -> PyResult<String> {
    let model = &model.get().inner;
    let data = &data.get().inner;
    let against = against.as_ref().map(|(data, settings)| (&data.get().inner, settings.clone()));
    compute(py, listener.as_ref(), |link| {
        let of = |data: &karhunen::Data, settings, part: &str| {
            let asked = RealFields { settings, part, count: Some(count), boundary: None, seed };
            asked.options(data, true)
        };
        let against = against.map(|(data, settings)| of(data, settings, "held-out")).transpose()?;
        let options = LikelihoodOptions {
            data: of(data, settings, part)?,
            against,
            grid,
            steps,
            repetitions,
            exact,
            class: class_,
            seed,
        };
        let found = karhunen::likelihood(model, &options, link)?;
        serde_json::to_string(&found).map_err(|e| Problem::run(e.to_string()))
    })
}

/// Whether the spread of a model's posteriors is right, as JSON and as text.
#[pyfunction]
#[pyo3(signature = (model, observe, *, truths, draws, grid, seed, sampler, evaluations, particles, surrogate, gaussian, figure, overwrite, listener))]
#[expect(clippy::too_many_arguments, reason = "one a keyword")]
pub fn calibrate(
    py: Python<'_>,
    model: Bound<'_, Model>,
    observe: PathBuf,
    truths: u64,
    draws: u64,
    grid: Option<Vec<usize>>,
    seed: u64,
    sampler: Option<String>,
    evaluations: Option<usize>,
    particles: Option<usize>,
    surrogate: bool,
    gaussian: bool,
    figure: Option<PathBuf>,
    overwrite: bool,
    listener: Option<Bound<'_, PyAny>>,
) -> PyResult<(String, String)> {
    let model = &model.get().inner;
    compute(py, listener.as_ref(), |link| {
        if let Some(path) = figure.as_ref().filter(|path| path.exists() && !overwrite) {
            return Err(Error::Exists(path.clone()).into());
        }
        let options = PosteriorOptions {
            truths,
            draws,
            grid,
            seed,
            sampler: sampler.map(|name| name.parse()).transpose()?,
            evaluations,
            particles,
            surrogate,
            gaussian,
            ..PosteriorOptions::of(observe)
        };
        let quality = posterior_quality(model, &options, link)?;
        if let Some(path) = &figure {
            pictures::ranks(&quality, path)?;
        }
        let json = serde_json::to_string(&quality).map_err(|e| Problem::run(e.to_string()))?;
        Ok((json, posterior::to_text(&quality)))
    })
}
