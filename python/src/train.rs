//! Training.

use std::path::PathBuf;

use karhunen::training::config::Switching;
use karhunen::{DistilOptions, Distillation, Error, Run, TrainOptions};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use toml::{Table, Value};

use crate::data::Data;
use crate::errors::Problem;
use crate::model::Model;
use crate::table;
use crate::work::{Listening, compute};

/// What a run is asked for.
pub struct Asked {
    table: Option<Table>,
    text: Option<String>,
    file: Option<PathBuf>,
    settings: Table,
    levels: Vec<Vec<usize>>,
    seconds: Option<f64>,
    steps: Option<usize>,
    seed: Option<u64>,
}

impl Asked {
    /// A configuration and nothing else.
    pub fn configured(table: Option<Table>, text: Option<String>, file: Option<PathBuf>) -> Self {
        let (settings, levels) = (Table::new(), Vec::new());
        Self { table, text, file, settings, levels, seconds: None, steps: None, seed: None }
    }

    /// The library's options, of these data where there are any.
    pub fn options(self, data: Option<&karhunen::Data>) -> Result<TrainOptions, Problem> {
        let only_file = self.table.is_none() && self.text.is_none() && data.is_none();
        let table = if only_file { None } else { self.table()? };
        let mut options = match (table, &self.file, data) {
            // paths in a file are relative to it
            (None, file, None) => TrainOptions::from_file(file.as_deref(), &[])?,
            (None, _, Some(data)) => TrainOptions::of(data),
            (table, file, data) => {
                let mut table = table.unwrap_or_default();
                if let Some(data) = data {
                    let own = Value::try_from(data.config())
                        .map_err(|e| Problem::run(format!("data: {e}")))?;
                    table.insert("data".into(), own);
                }
                let mut options = TrainOptions::from_table(table)?;
                options.config.prior.resolve(file.as_deref())?;
                options
            }
        };
        if let Some(data) = data {
            options.axes = data.cells().len();
        }
        for (key, value) in self.settings {
            options = options.set(&format!("{key}={value}"))?;
        }
        if !self.levels.is_empty() {
            let axes = options.axes;
            let grid = |cells: Vec<usize>| match cells[..] {
                [one] => vec![one; axes],
                _ => cells,
            };
            options = options.grids(&self.levels.into_iter().map(grid).collect::<Vec<_>>());
        }
        let automatic = options.config.training.length.switching() == Switching::Automatic;
        if let (Some(seconds), true) = (self.seconds, automatic) {
            let message =
                format!("seconds {seconds}: training.switching = \"automatic\" takes steps");
            return Err(Problem::usage(
                message,
                "write steps=2000, or leave training.switching out",
            ));
        }
        options = match (self.seconds, self.steps) {
            (Some(seconds), _) => options.seconds(seconds),
            (None, Some(steps)) => options.steps(steps),
            (None, None) => options,
        };
        Ok(match self.seed {
            Some(seed) => options.seed(seed),
            None => options,
        })
    }

    /// The configuration as a table, where it does not lie in a file alone.
    fn table(&self) -> Result<Option<Table>, Problem> {
        if self.table.is_some() {
            return Ok(self.table.clone());
        }
        let read = |path: &PathBuf| {
            std::fs::read_to_string(path).map_err(|source| {
                Problem::from(karhunen::TrainError::Read { path: path.clone(), source })
            })
        };
        let (text, place) = match (&self.text, &self.file) {
            (Some(text), _) => (text.clone(), "configuration".to_string()),
            (None, Some(file)) => (read(file)?, file.display().to_string()),
            (None, None) => return Ok(None),
        };
        let table = text.parse().map_err(|e: toml::de::Error| {
            let message = e.message().trim().replace('\n', ", ");
            Problem::from(karhunen::TrainError::Config { place, message })
        })?;
        Ok(Some(table))
    }
}

/// What to do about a time that is none.
const MORE: &str = "write more=\"30m\", or a number of steps";

/// Trains, or goes on with a run; gives the model, and whether every step was taken.
#[pyfunction]
#[pyo3(signature = (*, data, config, text, file, settings, levels, seconds, steps, seed, out, device, resume, more, preview, listener))]
#[expect(clippy::too_many_arguments, reason = "one a keyword")]
pub fn train(
    py: Python<'_>,
    data: Option<Bound<'_, Data>>,
    config: Option<Bound<'_, PyDict>>,
    text: Option<String>,
    file: Option<PathBuf>,
    settings: Bound<'_, PyDict>,
    levels: Vec<Vec<usize>>,
    seconds: Option<f64>,
    steps: Option<usize>,
    seed: Option<u64>,
    out: PathBuf,
    device: &str,
    resume: bool,
    more: Option<String>,
    preview: bool,
    listener: Option<Bound<'_, PyAny>>,
) -> PyResult<(Model, bool)> {
    let table = config.as_ref().map(table::of_dict).transpose()?;
    let settings = table::of_dict(&settings)?;
    let asked = Asked { table, text, file, settings, levels, seconds, steps, seed };
    let data = data.as_ref().map(|data| &data.get().inner);
    compute(py, listener.as_ref(), |link| {
        let mut options = asked.options(data)?;
        options.device = device.parse().map_err(Error::Device)?;
        options.resume = resume;
        options.preview = preview;
        options.more = more
            .map(|text| {
                text.parse().map_err(|e: String| Problem::usage(format!("more: {e}"), MORE))
            })
            .transpose()?;
        options.stop = link.stop.clone();
        let mut observer = Listening(link);
        let mut run = Run::open(&options, &out, &mut observer)?;
        let outcome = run.train(&mut observer)?;
        let finished = outcome == karhunen::Outcome::Finished;
        Ok((Model { inner: run.model()? }, finished))
    })
}

/// Distils a model, or goes on with that; gives the new model.
#[pyfunction]
#[pyo3(signature = (model, *, out, evaluations, share, trajectories, batch, learning_rate, seed, device, listener))]
#[expect(clippy::too_many_arguments, reason = "one a keyword")]
pub fn distil(
    py: Python<'_>,
    model: PathBuf,
    out: PathBuf,
    evaluations: usize,
    share: f64,
    trajectories: Option<usize>,
    batch: usize,
    learning_rate: f64,
    seed: u64,
    device: &str,
    listener: Option<Bound<'_, PyAny>>,
) -> PyResult<Model> {
    let options = DistilOptions { evaluations, share, trajectories, batch, learning_rate, seed };
    compute(py, listener.as_ref(), |link| {
        let device = device.parse().map_err(Error::Device)?;
        let mut observer = Listening(link);
        let mut run = Distillation::open(&model, &options, device, &out, &mut observer)?;
        run.run(&link.stop, &mut observer, link)?;
        Ok(Model { inner: run.model()? })
    })
}
