//! What `karhunen sample --observe` does besides sampling.

use std::ops::Range;

use karhunen_field::guidance::MomentMatching;
use karhunen_field::observation::Residual;
use karhunen_field::{Conditioning, Ensemble, Grid};
use karhunen_train::trained::Request;
use karhunen_train::{TrainedModel, memory};
use tracing::info;

use crate::args::SampleArgs;
use crate::failure::Failure;
use crate::observe::{self, Observed};
use crate::progress::bar;
use crate::report::posterior::Summary;
use crate::report::print_line;

/// Reads and checks all that `--observe` names; nothing where it names nothing.
pub fn conditioning(
    args: &SampleArgs,
    model: &TrainedModel,
    grid: &Grid,
) -> Result<Option<Conditioning>, Failure> {
    let mut all: Option<Observed> = None;
    for path in &args.observe {
        let read = observe::read(path, model, grid)?;
        match &mut all {
            None => all = Some(read),
            Some(all) => {
                all.parts.extend(read.parts);
                all.places.extend(read.places);
            }
        }
    }
    all.map(|observed| prepared(&observed, model, grid)).transpose()
}

/// Observations ready to guide fields of a grid.
pub fn prepared(
    observed: &Observed,
    model: &TrainedModel,
    grid: &Grid,
) -> Result<Conditioning, Failure> {
    check_memory(observed, grid, model.statistics.mean.channels)?;
    for (part, place) in observed.parts.iter().zip(&observed.places) {
        // alone, so that what is wrong has its file
        model.conditioning(vec![part.clone()], *grid).map_err(|e| place.failure(e))?;
    }
    let conditioning = model.conditioning(observed.parts.clone(), *grid)?;
    if let Some(row) = conditioning.redundant().first()
        && let Some((place, row)) = observed.place_of(*row)
    {
        let message = "it is determined by the observations before it, and all have sd 0".into();
        let error =
            karhunen_field::FieldError::Observation { row: Some(row), other: None, message };
        return Err(place.failure(error));
    }
    Ok(conditioning)
}

/// Samples with a progress bar; of particles says how many counted.
pub fn sample(
    args: &SampleArgs,
    model: &TrainedModel,
    request: &Request,
    given: &Conditioning,
    indices: Range<u64>,
) -> Result<(Ensemble, usize), Failure> {
    let bar = bar("sampling", 0);
    let tell = |done, of| {
        bar.set_length(of as u64);
        bar.set_position(done as u64);
    };
    let result = match args.particles {
        None if args.guidance_order == 2 => {
            let second = MomentMatching { conditioning: given, iterations: ITERATIONS };
            model.sample_given(request, &second, indices, &tell)
        }
        None => model.sample_given(request, given, indices, &tell),
        Some(n) => model.choose_given(request, given, n, indices, &tell).map(|(chosen, cost)| {
            let mean = |all: &[f64]| all.iter().sum::<f64>() / all.len() as f64;
            let least = chosen.smallest.iter().copied().fold(f64::INFINITY, f64::min);
            info!(
                effective = mean(&chosen.effective),
                smallest = least,
                "effective particles of {n}: {:.1} at the end, {:.1} on average at worst, {least:.1} at least",
                mean(&chosen.effective),
                mean(&chosen.smallest),
            );
            (chosen.fields, cost)
        }),
    };
    bar.finish_and_clear();
    Ok(result?)
}

/// Products with the network's derivative in a step.
const ITERATIONS: usize = 3;

/// Fields made together where only their mean and deviation are kept.
pub const TOGETHER: u64 = 64;

/// Mean and standard deviation of fields of which none are kept.
pub fn summary(
    model: &TrainedModel,
    grid: Grid,
    indices: Range<u64>,
    make: &mut dyn FnMut(Range<u64>) -> Result<(Ensemble, usize), Failure>,
) -> Result<(Ensemble, usize), Failure> {
    let mut summary = Summary::new(grid, model.statistics.mean.channels);
    let mut evaluations = 0;
    for first in indices.clone().step_by(TOGETHER as usize) {
        let (fields, cost) = make(first..indices.end.min(first + TOGETHER))?;
        summary.add(&fields);
        evaluations = cost;
    }
    Ok((summary.finish(), evaluations))
}

/// How well the fields agree with what was observed.
pub fn tell(residuals: &[Residual]) -> Result<(), Failure> {
    print_line(&format!(
        "{:<10} {:>8} {:>12} {:>14}",
        "observed", "values", "rms / sd", "rms, sd = 0"
    ))?;
    let number = |v: f64, text: String| if v.is_nan() { "–".into() } else { text };
    for r in residuals {
        let relative = number(r.relative, format!("{:.3}", r.relative));
        let exact = number(r.exact, format!("{:.1e}", r.exact));
        print_line(&format!("{:<10} {:>8} {relative:>12} {exact:>14}", r.kind, r.count))?;
    }
    Ok(())
}

/// A factor of the observations' matrix while it is made, and those kept.
fn check_memory(observed: &Observed, grid: &Grid, channels: usize) -> Result<(), Failure> {
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
