//! Checks whether the posteriors of a model have the right spread.
//!
//! Truths are held-out fields. They are observed at the places and with the errors that a file of
//! observations gives; the values in the file are not used. Posteriors are sampled, and each truth
//! is ranked among its draws.

use std::path::PathBuf;

use karhunen_evaluate::{Progress, Task};
use karhunen_field::metrics::{Estimate, PosteriorCheck, PosteriorQuality};
use karhunen_field::noise::stream;
use karhunen_field::sampler::Method;
use karhunen_field::{Conditioning, Ensemble, FieldError, ModeNoise, Transform, resample};
use karhunen_train::classes::Bound;
use karhunen_train::request::Request;
use karhunen_train::{Classes, TrainedModel, data};

use crate::sample::{prepared, unchosen};
use crate::{Error, Model, observe};

/// Seed of the observation errors; each truth has its own index.
const ERRORS: u64 = 0x4341_4c49;
/// Smallest number of truths: standard errors come from the scatter between truths.
const TRUTHS: u64 = 2;
/// Smallest number of draws: ranks fall into ten bins.
const DRAWS: u64 = 9;

/// The options of a posterior check.
#[derive(Debug, Clone, PartialEq)]
pub struct PosteriorOptions {
    /// The file with places and errors of the observations ([`crate::observe`]).
    pub observe: PathBuf,
    /// Number of truths, taken from the held-out fields.
    pub truths: u64,
    /// Number of draws for the observations of each truth.
    pub draws: u64,
    /// Cells per axis; by default those of the finest trained level.
    pub grid: Option<Vec<usize>>,
    /// Seed of the draws.
    pub seed: u64,
    /// The sampler; `wiener-ancestral` by default.
    pub sampler: Option<Method>,
    /// Network evaluations for each field; by default the setting of the model.
    pub evaluations: Option<usize>,
    /// Each draw is chosen among this many weighted particles.
    pub particles: Option<usize>,
    /// Whether draws come from simple kriging under the data's Gaussian law instead of the model.
    pub surrogate: bool,
    /// Whether truths are drawn from the data's Gaussian law instead of held-out data.
    pub gaussian: bool,
}

impl PosteriorOptions {
    /// 32 truths with 99 draws each.
    pub fn of(observe: impl Into<PathBuf>) -> Self {
        Self {
            observe: observe.into(),
            truths: 32,
            draws: 99,
            grid: None,
            seed: 0,
            sampler: None,
            evaluations: None,
            particles: None,
            surrogate: false,
            gaussian: false,
        }
    }

    /// Checks the numbers of truths and draws.
    ///
    /// # Errors
    /// [`Error::TooFew`].
    pub fn check(&self) -> Result<(), Error> {
        for (what, count, least) in [("truths", self.truths, TRUTHS), ("draws", self.draws, DRAWS)]
        {
            if count < least {
                return Err(Error::TooFew { what, count, least });
            }
        }
        Ok(())
    }
}

/// Samples posteriors of truths and measures whether they have the right width.
///
/// # Errors
/// [`Error::TooFew`], [`Error::HeldOut`]; [`crate::SampleError::AlwaysTold`] for a model that has no answer without a class; errors of observations, data and sampling.
pub fn posterior_quality(
    model: &Model,
    options: &PosteriorOptions,
    progress: &dyn Progress,
) -> Result<PosteriorQuality, Error> {
    options.check()?;
    model.must_be_denoiser("observe")?;
    let model = model.trained();
    let grid = match &options.grid {
        Some(cells) => model.grid(cells)?,
        None => model.statistics.grid,
    };
    let observed = observe::read(&options.observe, model, &grid)?;
    let given = prepared(&observed, model, &grid)?;
    // Gaussian fields have no classes
    let classes = match options.surrogate {
        true => Classes::Drawn,
        false => unchosen(model, Bound::Measurements, "measurements", progress)?,
    };
    let truths = truths(options, model, progress)?;
    let truths = resample::spectral(&truths, grid)?;
    let check = compared(options, model, (&given, &classes), &truths, progress);
    progress.over(Task::Posteriors);
    Ok(check?.finish()?)
}

/// The truths: held-out fields in the data's own values, on the model's finest grid.
fn truths(
    options: &PosteriorOptions,
    model: &TrainedModel,
    progress: &dyn Progress,
) -> Result<Ensemble, Error> {
    let grid = model.statistics.grid;
    if options.gaussian {
        // a seed of their own, so that they are no functions that are sampled
        return Ok(model.surrogate(grid, options.seed ^ ERRORS, 0..options.truths));
    }
    let loaded = data::load(&model.config.data, grid, model.config.seed)?;
    loaded.notes.iter().for_each(|note| progress.note(note));
    let held = loaded.validation;
    let asked = options.truths as usize;
    if held.count() < asked {
        return Err(Error::HeldOut { asked, held: held.count() });
    }
    let values = held.values.iter().take(asked * held.field_len()).map(|v| f64::from(*v)).collect();
    Ok(Ensemble::new(held.grid, held.channels, values)?)
}

/// Ranks each truth among its draws.
fn compared(
    options: &PosteriorOptions,
    model: &TrainedModel,
    (given, classes): (&Conditioning, &Classes),
    truths: &Ensemble,
    progress: &dyn Progress,
) -> Result<PosteriorCheck, Error> {
    let (grid, transform) = (truths.grid, Transform::new(truths.grid));
    let sampling = &model.config.sampling;
    let method = options.sampler.unwrap_or(Method::WienerAncestral);
    let evaluations = options.evaluations.unwrap_or(sampling.evaluations);
    let mut check = PosteriorCheck::default();
    let total = truths.count() as u64;
    for (i, truth) in (0..).zip(truths.fields()) {
        progress.at(Task::Posteriors, i, total, "");
        if progress.stopped() {
            return Err(FieldError::Stopped.into());
        }
        let modes = model.normalised_modes(&transform, truth);
        let count = given.observations().count();
        let xi = ModeNoise::new(ERRORS).plain_normals(count, i, stream::OBSERVATION);
        let own = given.with(given.observations().of(&grid, &modes, &xi)?)?;
        let first = i * options.draws;
        let indices = first..first + options.draws;
        let draws = match options.surrogate {
            true => model.surrogate_given(&own, options.seed, indices)?,
            false => {
                let request = Request {
                    classes: classes.clone(),
                    ..Request::new(grid, options.seed, method, evaluations)
                };
                match options.particles {
                    None => model.sample_given(&request, &own, indices, &|_, _| {})?.0,
                    Some(n) => model.choose_given(&request, &own, n, indices, &|_, _| {})?.0.fields,
                }
            }
        };
        check.add(truth, &draws)?;
    }
    Ok(check)
}

/// The result of a check in a few lines.
pub fn to_text(q: &PosteriorQuality) -> String {
    let with = |e: &Estimate, digits: usize| format!("{:.digits$} ± {:.digits$}", e.value, e.error);
    let inside = |e: &Estimate, expected: f64| {
        let off = (e.value - expected).abs() <= 2.58 * e.error;
        if off {
            "as it should be"
        } else if e.value < expected {
            "too narrow"
        } else {
            "too wide"
        }
    };
    let mut lines = vec![
        format!("{} truths, {} draws of each", q.truths, q.draws),
        format!("{:<28} {}", "CRPS", with(&q.crps, 4)),
        format!("{:<28} {:.4} / {:.4}", "spread / error of the mean", q.spread, q.skill),
        format!("{:<28} {} (1: {})", "their ratio", with(&q.ratio, 3), inside(&q.ratio, 1.0)),
        format!(
            "{:<28} {} ({:.3}: {})",
            "inside the central half",
            with(&q.half, 3),
            q.half_expected,
            inside(&q.half, q.half_expected)
        ),
        format!(
            "{:<28} {} ({:.3}: {})",
            "inside nine tenths",
            with(&q.ninety, 3),
            q.ninety_expected,
            inside(&q.ninety, q.ninety_expected)
        ),
    ];
    let flat = if q.flat { "flat within its bands" } else { "not flat" };
    lines.push(format!("rank histogram: {flat}"));
    for (bin, rank) in q.ranks.iter().enumerate() {
        let stars = "#".repeat((200.0 * rank.value).round() as usize);
        lines.push(format!(
            "  {:>3} … {:<3} % {}  {stars}",
            10 * bin,
            10 * bin + 10,
            with(rank, 3)
        ));
    }
    lines.join("\n")
}
