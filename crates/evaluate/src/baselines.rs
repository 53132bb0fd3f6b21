//! What samples are measured beside: rows that a good model must beat, or be as good as.

use std::sync::Arc;

use karhunen_field::noise::stream;
use karhunen_field::prior::{Measured, Prior};
use karhunen_field::{Ensemble, FieldError, GaussianLaw, Grid, moments::Moments, resample};
use karhunen_train::TrainedModel;
use karhunen_train::request::Request;
use karhunen_train::stop::Stop;
use karhunen_train::watch::{Forming, Watch};

use crate::EvaluateError;
use crate::progress::{Progress, Task};

/// The row of real fields the model was trained on: what a perfect model of them would score.
pub const TRAINING: &str = "training fields";

/// The row of the untrained Gaussian baseline.
pub const SURROGATE_ROW: &str = "Gaussian surrogate";

/// The rows that a network tries to tell from real fields.
pub fn told_apart(candidates: &[(String, Ensemble)]) -> Vec<(&str, &Ensemble)> {
    let rows = candidates
        .iter()
        .enumerate()
        .filter(|(i, (name, _))| *i == 0 || [SURROGATE_ROW, TRAINING].contains(&name.as_str()));
    rows.map(|(_, (name, fields))| (name.as_str(), fields)).collect()
}

/// Keeps the surrogate's draws apart from those the samples may have started from.
pub const SURROGATE: u64 = 0x5355_5252;

/// Samples of the finest trained grid, refined by spectral zero-padding.
pub fn zero_padded(
    model: &TrainedModel,
    grid: Grid,
    seed: u64,
    count: u64,
    progress: &dyn Progress,
) -> Result<Ensemble, EvaluateError> {
    let request = model.request(model.statistics.grid, seed);
    let (coarse, _) = sample(model, &request, 0..count, progress)?;
    Ok(resample::spectral(&coarse, grid)?)
}

/// N(mean, spectrum): the model's, or measured from the real fields where there is no model.
pub fn surrogate(
    model: Option<&TrainedModel>,
    real: &Ensemble,
    grid: Grid,
    seed: u64,
    count: usize,
) -> Result<Ensemble, EvaluateError> {
    let seed = seed ^ SURROGATE;
    if let Some(model) = model {
        return Ok(model.surrogate(grid, seed, 0..count as u64));
    }
    let mut moments = Moments::new(real.grid, real.channels);
    for field in real.fields() {
        moments.add(field)?;
    }
    let (mean, variances) = moments.finish()?;
    let mut covariances: Vec<Arc<dyn Prior>> = Vec::new();
    for variance in variances {
        covariances.push(Arc::new(Measured::new(real.grid, variance)?));
    }
    Ok(GaussianLaw::new(mean, covariances)?.sample(grid, seed, 0..count as u64, stream::START))
}

/// Fields of a model, as [`TrainedModel::sample`] makes them, with the evaluations that each cost.
///
/// # Errors
/// As [`TrainedModel::sample`].
pub fn sample(
    model: &TrainedModel,
    request: &Request,
    indices: std::ops::Range<u64>,
    progress: &dyn Progress,
) -> Result<(Ensemble, usize), FieldError> {
    let request = Request { stop: Stop::default(), ..request.clone() };
    let result = model.sample(&request, indices, &watched(Task::Sampling, &request.stop, progress));
    progress.over(Task::Sampling);
    result
}

/// The same in parts of so many fields, handed on as they are finished; none is kept here.
///
/// # Errors
/// As [`TrainedModel::sample`]; those of `take`.
pub fn sample_in_parts<E: From<FieldError>>(
    model: &TrainedModel,
    request: &Request,
    (indices, part): (std::ops::Range<u64>, u64),
    progress: &dyn Progress,
    take: &mut dyn FnMut(std::ops::Range<u64>, Ensemble, usize) -> Result<(), E>,
) -> Result<(), E> {
    let request = Request { stop: Stop::default(), ..request.clone() };
    let watch = watched(Task::Sampling, &request.stop, progress);
    let mut work = || {
        let prepared = model.prepared(&request, &watch)?;
        let parts = parts(indices.clone(), part);
        let all: usize = parts.clone().map(|part| prepared.batches(part)).sum();
        let mut before = 0;
        for part in parts {
            let batches = prepared.batches(part.clone());
            let steps = Steps { watch: &watch, before, batches, all };
            let (fields, evaluations) = prepared.sample(part.clone(), &steps)?;
            take(part, fields, evaluations)?;
            before += batches;
        }
        Ok(())
    };
    let result = work();
    progress.over(Task::Sampling);
    result
}

/// Numbers in parts of so many, the last one with those that are left.
pub fn parts(
    indices: std::ops::Range<u64>,
    part: u64,
) -> impl Iterator<Item = std::ops::Range<u64>> + Clone {
    let end = indices.end;
    (0..(end - indices.start).div_ceil(part)).map(move |i| {
        let first = indices.start + i * part;
        first..end.min(first.saturating_add(part))
    })
}

/// Steps of one part among those of all.
struct Steps<'a> {
    watch: &'a dyn Watch,
    /// Batches of the parts before.
    before: usize,
    batches: usize,
    all: usize,
}

impl Watch for Steps<'_> {
    fn step(&self, done: usize, of: usize) {
        let steps = of / self.batches;
        self.watch.step(self.before * steps + done, self.all * steps);
    }

    fn is_watching(&self) -> bool {
        self.watch.is_watching()
    }

    fn forming(&self, fields: &Forming<'_>) {
        self.watch.forming(fields);
    }
}

/// Tells of every step of a task, asks whether there shall be another, and shows fields to whoever looks.
pub fn watched<'a>(task: Task, stop: &'a Stop, progress: &'a dyn Progress) -> impl Watch + 'a {
    Watched { task, stop, progress }
}

struct Watched<'a> {
    task: Task,
    stop: &'a Stop,
    progress: &'a dyn Progress,
}

impl Watch for Watched<'_> {
    fn step(&self, done: usize, of: usize) {
        self.progress.at(self.task, done as u64, of as u64, "");
        if self.progress.stopped() {
            self.stop.set();
        }
    }

    fn is_watching(&self) -> bool {
        self.progress.is_watching()
    }

    fn forming(&self, fields: &Forming<'_>) {
        self.progress.forming(fields);
    }
}
