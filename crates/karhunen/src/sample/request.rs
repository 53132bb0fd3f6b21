//! What options mean for a model: its own settings where nothing was asked for.

use karhunen_evaluate::Progress;
use karhunen_field::Grid;
use karhunen_field::sampler::{Method, Precision};
use karhunen_train::config::{CalibrationKind, SHARPNESS_RANGE};
use karhunen_train::larger::Larger;
use karhunen_train::request::{Coarse, Request};
use karhunen_train::sampling::CALIBRATION_PILOTS;
use karhunen_train::{Classes, TrainedModel};

use super::needs::Needs;
use super::{Rung, SampleError, SampleOptions};
use crate::Error;

/// Refuses single precision where no sampler of fields is at work.
pub(super) fn check_precision(options: &SampleOptions) -> Result<(), SampleError> {
    match options.precision {
        Precision::Single if options.surrogate => Err(SampleError::Precision("surrogate fields")),
        Precision::Single if options.particles.is_some() => {
            Err(SampleError::Precision("particles"))
        }
        _ => Ok(()),
    }
}

/// The sharpness that is asked for, or the model's own.
fn sharpness(options: &SampleOptions, model: &TrainedModel) -> Result<f64, SampleError> {
    let observed = options.is_observed();
    match options.sharpness {
        None if observed => Ok(1.0),
        None => Ok(model.sharpness()),
        Some(asked) if !SHARPNESS_RANGE.contains(&asked) => Err(SampleError::Sharpness(asked)),
        Some(1.0) => Ok(1.0),
        Some(_) if observed => Err(SampleError::SharpnessOfObserved),
        Some(_) if !model.can_be_sharpened() => Err(SampleError::SharpnessWithoutBase),
        Some(asked) => Ok(asked),
    }
}

/// The sampler that is asked for, or that of the model, or of fields with measurements.
pub(super) fn method(options: &SampleOptions, model: &TrainedModel) -> Method {
    let given = match (options.is_observed(), options.guidance_order) {
        (true, 2) => Method::ExponentialEuler,
        (true, _) => Method::WienerAncestral,
        (false, _) => model.config.sampling.method(),
    };
    options.sampler.unwrap_or(given)
}

/// A request whose parts go together.
pub(super) fn of(
    options: &SampleOptions,
    model: &TrainedModel,
    (grid, larger): (Grid, Option<Larger>),
    classes: Classes,
    progress: &dyn Progress,
) -> Result<Request, Error> {
    let sampling = &model.config.sampling;
    let observed = options.is_observed();
    let second = options.guidance_order == 2;
    if let (false, true) = (observed, second || options.particles.is_some()) {
        let what = if second { "guidance-order 2" } else { "particles" };
        return Err(SampleError::NotObserved(what).into());
    }
    let method = method(options, model);
    if options.tolerance.is_some() && method != Method::WienerExponential {
        return Err(SampleError::Tolerance(method).into());
    }
    if options.particles.is_some() && method != Method::WienerAncestral {
        return Err(SampleError::ParticleMethod(method).into());
    }
    if second && (options.particles.is_some() || method == Method::WienerAncestral) {
        return Err(SampleError::SecondOrder.into());
    }
    if options.particles == Some(0) {
        return Err(SampleError::NoParticles.into());
    }
    let by_spectrum = options.calibration == Some(CalibrationKind::Spectrum);
    if by_spectrum && !model.law_is_measured() {
        return Err(SampleError::CalibrationWithoutData.into());
    }
    if by_spectrum && observed {
        return Err(SampleError::CalibrationOfObserved.into());
    }
    let own = model.request(grid, options.seed);
    let calibrated = match options.calibration {
        Some(kind) => kind == CalibrationKind::Spectrum,
        None => own.calibrated,
    };
    let calibrated = calibrated && calibrates(options, progress)? && !observed;
    if calibrated {
        let pilots = larger.as_ref().map_or(grid, |larger| larger.large.window(&grid));
        let pilots = model.model.network_grid(&pilots);
        Needs::of(model, None, &pilots, (Some(method), Precision::Double))
            .check(CALIBRATION_PILOTS, model.together(pilots.len()))?;
    }
    if let Some(larger) = &larger {
        // windows must fit on the way too
        options
            .refine
            .iter()
            .try_for_each(|rung| super::larger::grid(larger, Some(&rung.cells), model).map(drop))?;
    }
    let request = Request {
        method,
        evaluations: options.evaluations.unwrap_or(sampling.evaluations),
        coarse: coarse(options, model, &grid)?,
        tolerance: options.tolerance,
        calibrated,
        classes,
        guidance: options.guidance,
        sharpness: sharpness(options, model)?,
        larger,
        precision: options.precision,
        ..own
    };
    match model.distilled_fault(&request, observed) {
        None => Ok(request),
        Some(option) => Err(distilled(option, model).into()),
    }
}

/// What a distilled model does not do.
pub(crate) fn distilled(option: &'static str, model: &TrainedModel) -> SampleError {
    let (model, evaluations) =
        (model.path.display().to_string(), model.config.sampling.evaluations);
    SampleError::Distilled { option, model, evaluations }
}

/// Whether samples can be calibrated: what is known of the data is known of all classes together.
fn calibrates(options: &SampleOptions, progress: &dyn Progress) -> Result<bool, SampleError> {
    let asked = !options.attributes.is_empty() || options.condition.is_some();
    if options.classes.is_empty() && options.guidance == 1.0 && !asked {
        return Ok(true);
    }
    if asked {
        if options.calibration == Some(CalibrationKind::Spectrum) {
            return Err(SampleError::CalibrationOfAsked);
        }
        progress.note("not calibrated: the data's mean and spectrum are those of all fields, whatever is asked for");
        return Ok(false);
    }
    if options.calibration == Some(CalibrationKind::Spectrum) {
        return Err(SampleError::CalibrationOfClasses);
    }
    let what = "not calibrated: the data's mean and spectrum are those of all classes together";
    progress.note(what);
    Ok(false)
}

/// The grids of a refinement on the box of the finest one.
fn coarse(
    options: &SampleOptions,
    model: &TrainedModel,
    finest: &Grid,
) -> Result<Vec<Coarse>, Error> {
    let path = model.model.preconditioner.path();
    let (low, high) = (path.end(), path.start());
    let on_box = |rung: &Rung| {
        let until = rung.until;
        if until <= low || until >= high {
            return Err(SampleError::RefineTime { until, low, high }.into());
        }
        Ok(Coarse { grid: finest.with_points(&rung.cells)?, until })
    };
    let rungs: Vec<Coarse> = options.refine.iter().map(on_box).collect::<Result<_, Error>>()?;
    let climb: Vec<Grid> = rungs.iter().map(|r| r.grid).chain([*finest]).collect();
    for pair in climb.windows(2) {
        if pair[0].points().iter().zip(pair[1].points()).any(|(a, b)| *a > b) {
            return Err(SampleError::RefineOrder { fine: pair[0], coarse: pair[1] }.into());
        }
    }
    Ok(rungs)
}
