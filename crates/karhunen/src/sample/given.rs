//! Samples fields conditioned on observations.

use std::ops::Range;

use karhunen_evaluate::baselines::watched;
use karhunen_evaluate::{Progress, Task};
use karhunen_field::guidance::MomentMatching;
use karhunen_field::large_box::Enlarged;
use karhunen_field::observation::Fault;
use karhunen_field::{Conditioning, Ensemble, FieldError, Grid};
use karhunen_train::request::Request;
use karhunen_train::stop::Stop;
use karhunen_train::{TrainedModel, memory};

use super::SampleOptions;
use crate::Error;
use crate::observe::{self, Observed};

/// Number of products with the network's derivative in each step.
const ITERATIONS: usize = 3;

/// Reads and checks all observations; none if there are none.
pub(super) fn conditioning(
    options: &SampleOptions,
    model: &TrainedModel,
    grid: &Grid,
    known: Option<&Enlarged>,
) -> Result<Option<Conditioning>, Error> {
    let mut all = Observed::of(&options.observations);
    for path in &options.observe {
        let read = observe::read(path, model, grid)?;
        all.parts.extend(read.parts);
        all.places.extend(read.places);
    }
    if all.parts.is_empty() { Ok(None) } else { prepared_on(known, &all, model, grid).map(Some) }
}

/// Prepares observations to guide the sampling of fields on a grid.
///
/// # Errors
/// [`Error::Observe`] for observations that contradict each other or the grid, with the location of
/// each; too little memory.
pub fn prepared(
    observed: &Observed,
    model: &TrainedModel,
    grid: &Grid,
) -> Result<Conditioning, Error> {
    prepared_on(None, observed, model, grid)
}

/// As [`prepared`], on a box that may be larger.
fn prepared_on(
    known: Option<&Enlarged>,
    observed: &Observed,
    model: &TrainedModel,
    grid: &Grid,
) -> Result<Conditioning, Error> {
    check_memory(observed, grid, model.statistics.mean.channels)?;
    for (part, place) in observed.parts.iter().zip(&observed.places) {
        // each observation is checked alone first, so that an error names its file
        model.conditioning_on(known, vec![part.clone()], *grid).map_err(|e| place.error(e))?;
    }
    let conditioning = model.conditioning_on(known, observed.parts.clone(), *grid)?;
    if let Some(row) = conditioning.redundant().first()
        && let Some((place, row)) = observed.place_of(*row)
    {
        let message = "it is determined by the observations before it, and all have sd 0".into();
        let (fault, row) = (Fault::Redundant, Some(row));
        let error = FieldError::Observation { fault, row, other: None, message };
        return Err(place.error(error).into());
    }
    Ok(conditioning)
}

/// Samples. With particles it reports their effective number.
pub(super) fn sample(
    options: &SampleOptions,
    model: &TrainedModel,
    request: &Request,
    given: &Conditioning,
    indices: Range<u64>,
    progress: &dyn Progress,
) -> Result<(Ensemble, usize), Error> {
    let request = &Request { stop: Stop::default(), ..request.clone() };
    let tell = watched(Task::Sampling, &request.stop, progress);
    let result = match options.particles {
        None if options.guidance_order == 2 => {
            let second = MomentMatching { conditioning: given, iterations: ITERATIONS };
            model.sample_given(request, &second, indices, &tell)
        }
        None => model.sample_given(request, given, indices, &tell),
        Some(n) => model.choose_given(request, given, n, indices, &tell).map(|(chosen, cost)| {
            let mean = |all: &[f64]| all.iter().sum::<f64>() / all.len() as f64;
            let least = chosen.smallest.iter().copied().fold(f64::INFINITY, f64::min);
            let (end, worst) = (mean(&chosen.effective), mean(&chosen.smallest));
            let text = format!(
                "effective particles of {n}: {end:.1} at the end, {worst:.1} on average at worst, {least:.1} at least"
            );
            progress.numbers(&text, &[("effective", end), ("smallest", least)]);
            (chosen.fields, cost)
        }),
    };
    progress.over(Task::Sampling);
    Ok(result?)
}

/// Checks the memory for factoring the observations' matrix and for the factors that are kept.
fn check_memory(observed: &Observed, grid: &Grid, channels: usize) -> Result<(), Error> {
    let m: f64 = observed.parts.iter().map(|p| p.values().len() as f64).sum();
    let gib = (1u64 << 30) as f64;
    let factor = if m > 3000.0 { 0.0 } else { 4.0 * 8.0 * m * m };
    let rows = (8.0 * m * (grid.mode_count() * channels) as f64).min(gib / 8.0);
    let breakdown = format!(
        "{:.1} for the matrices of {m} observations, {:.1} for their rows at {grid}",
        factor / gib,
        rows / gib
    );
    Ok(memory::check(factor + rows, breakdown, "the number of observations, or --grid")?)
}
