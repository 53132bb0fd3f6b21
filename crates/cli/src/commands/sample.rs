//! `karhunen sample`: a model in, fields out, at any resolution.

use std::time::Instant;

use karhunen_evaluate::baselines;
use karhunen_field::sampler::Method;
use karhunen_field::{Ensemble, Grid};
use karhunen_train::classes::Classes;
use karhunen_train::config::CalibrationKind;
use karhunen_train::trained::{CALIBRATION_PILOTS, Coarse, Request};
use karhunen_train::{TrainedModel, memory};
use tracing::{debug, info, warn};

use crate::args::{BandChoice, Rung, SampleArgs};
use crate::commands::phases::{self, Output};
use crate::commands::{classes, observed};
use crate::device;
use crate::failure::Failure;
use crate::progress::Bars;
use crate::report::{self, files, scale};

/// Samples and writes one file.
pub fn run(args: &SampleArgs) -> Result<(), Failure> {
    let (count, indices) = (args.count, files::indices(args.index, args.count)?);
    let _claim = match phases::is_surface(&args.out) {
        true => phases::claim(args)?,
        false => files::claim(&args.out, &indices, args.force)?,
    };
    let mut device = device::open(&args.device)?;
    if args.guidance_order == 2 {
        // derivatives of the network are asked for
        device = device.autodiff();
    }
    let mut model = TrainedModel::load_average(&args.model, &device, args.ema)?;
    model.notes.iter().for_each(|note| warn!("skipped: {note}"));
    if let Some(caution) = model.config.prior.caution() {
        if args.band == Some(BandChoice::Trained) {
            return Err(Failure::usage(format!("--band trained: {caution}"))
                .help("leave --band out, or train a model with prior.kind=flat"));
        }
        info!("note: {caution}");
    }
    if let Some(band) = args.band {
        model.model.band = band.into();
    }
    debug!(steps = model.steps, "model read");
    tell_average(&model);
    if let Some(unfinished) = model.unfinished() {
        warn!("{unfinished}");
    }
    let grid = match &args.grid {
        Some(points) => model.grid(&points.0)?,
        None => model.statistics.grid,
    };
    let output = Output::of(args, &model, &grid)?;
    let channels = output.channels(&model);
    if !phases::is_surface(&args.out) {
        files::check_shape(&args.out, grid.dim(), channels, count)?;
    }
    let together = if args.summary { count.min(observed::TOGETHER) } else { count };
    check_memory(&model, &grid, together * args.particles.unwrap_or(1).max(1) as u64)?;
    if let Some(line) = model.statistics.origin.as_ref().and_then(|o| scale::described(o, &grid)) {
        info!("{line}");
    }
    let classes = classes::chosen(args, &model)?;
    let conditioning = observed::conditioning(args, &model, &grid)?;
    let numbers = indices.clone();
    let begun = Instant::now();
    let request = if args.surrogate { None } else { Some(request(args, &model, grid, classes)?) };
    let mut make = |indices| match (&request, &conditioning) {
        (None, None) => Ok((model.surrogate(grid, args.seed, indices), 0)),
        (None, Some(given)) => Ok((model.surrogate_given(given, args.seed, indices)?, 0)),
        (Some(request), None) => sample(&model, request, indices),
        (Some(request), Some(given)) => observed::sample(args, &model, request, given, indices),
    };
    let (mut fields, evaluations) = match args.summary {
        false => make(indices.clone())?,
        true => observed::summary(&model, grid, indices.clone(), &mut make)?,
    };
    if let (Some(given), false) = (&conditioning, args.summary) {
        observed::tell(&model.residuals(given.observations(), &fields)?)?;
    }
    let sampled = request.as_ref().map(|r| model.classes(r, indices)).unwrap_or_default();
    if let Some((low, high)) = args.clip {
        fields.values.iter_mut().for_each(|v| *v = v.clamp(low, high));
    }
    let origin = model.statistics.origin.as_ref();
    let values = output == Output::Values && !args.surrogate;
    if let Some(note) = origin.filter(|_| values).and_then(|o| o.beyond(&fields)) {
        info!("{note}");
    }
    if let (Some(folder), Some(given)) = (&args.report, &conditioning) {
        report::posterior::write(&fields, given.observations(), folder)?;
    }
    let (measured, unit) = scale::measured(&grid, origin, args.length, &args.spacing)?;
    fields.grid = measured;
    output.write(&model, fields, unit.as_deref(), &numbers, args)?;
    classes::write(&sampled, args)?;
    let seconds = begun.elapsed().as_secs_f64();
    info!(
        count,
        evaluations,
        seconds,
        "{}: {count} fields at {grid}, {evaluations} evaluations each, {seconds:.1} s",
        args.out.display()
    );
    Ok(())
}

/// What was asked for, with the model's own settings where nothing was.
fn request(
    args: &SampleArgs,
    model: &TrainedModel,
    grid: Grid,
    classes: Classes,
) -> Result<Request, Failure> {
    let sampling = &model.config.sampling;
    let observed = !args.observe.is_empty();
    let given = match observed {
        true if args.guidance_order == 2 => Method::ExponentialEuler,
        true => Method::WienerAncestral,
        false => sampling.sampler,
    };
    let method = args.sampler.unwrap_or(given);
    if args.tolerance.is_some() && method != Method::WienerExponential {
        let what = "--tolerance chooses the steps of wiener-exponential";
        return Err(Failure::usage(format!("{what}, not of {method}"))
            .help("add --sampler wiener-exponential, or give --evaluations"));
    }
    if args.particles.is_some() && method != Method::WienerAncestral {
        let what = format!("--particles are moved by wiener-ancestral, not by {method}");
        return Err(Failure::usage(what).help("leave --sampler out"));
    }
    if args.guidance_order == 2 && (args.particles.is_some() || method == Method::WienerAncestral) {
        let what =
            "--guidance-order 2 guides denoisers, which wiener-ancestral and particles do not ask";
        return Err(Failure::usage(what)
            .help("add --sampler predictor-corrector, exponential-euler, or one without noise"));
    }
    if args.particles == Some(0) {
        let what = "--particles 0: there must be at least one";
        return Err(Failure::usage(what).help("give 8 or more, or leave it out"));
    }
    if args.calibration == Some(CalibrationKind::Spectrum) {
        if !model.law_is_measured() {
            let what =
                "--calibration spectrum: this network was imported without data to calibrate to";
            let help = "import it with --data, or leave --calibration out";
            return Err(Failure::usage(what).help(help));
        }
        if observed {
            let what = "--calibration spectrum: it would move fields off what --observe says";
            return Err(Failure::usage(what).help("leave --calibration out"));
        }
    }
    let own = model.request(grid, args.seed);
    let calibrated = match args.calibration {
        Some(kind) => kind == CalibrationKind::Spectrum,
        None => own.calibrated,
    };
    let calibrated = calibrated && classes::calibrates(args)? && !observed;
    if calibrated {
        check_memory(model, &model.model.network_grid(&grid), CALIBRATION_PILOTS)?;
    }
    Ok(Request {
        method,
        evaluations: args.evaluations.unwrap_or(sampling.evaluations),
        coarse: coarse(args, model, &grid)?,
        tolerance: args.tolerance,
        calibrated,
        classes,
        guidance: args.guidance,
        ..own
    })
}

/// Says where an average was made afterwards, and how well.
pub fn tell_average(model: &TrainedModel) {
    if let Some(average) = model.average.filter(|a| a.made_of > 1) {
        info!(
            "average of length {} made of {} stored ones, its profile {:.1} % off",
            average.length,
            average.made_of,
            100.0 * average.error
        );
    }
}

/// The grids of `--refine` on the model's box.
fn coarse(args: &SampleArgs, model: &TrainedModel, finest: &Grid) -> Result<Vec<Coarse>, Failure> {
    let path = model.model.preconditioner.path();
    let (low, high) = (path.end(), path.start());
    let on_box = |rung: &Rung| {
        let Rung { points, until } = rung;
        if *until <= low || *until >= high {
            let message = format!("--refine: the time {until} must lie between {low} and {high}");
            return Err(Failure::usage(message).help(
                "give the path time down to which the coarse grid serves, such as 32x32@0.6",
            ));
        }
        Ok(Coarse { grid: model.grid(&points.0)?, until: *until })
    };
    let rungs: Vec<Coarse> = args.refine.iter().map(on_box).collect::<Result<_, Failure>>()?;
    let climb: Vec<Grid> = rungs.iter().map(|r| r.grid).chain([*finest]).collect();
    for pair in climb.windows(2) {
        if pair[0].points().iter().zip(pair[1].points()).any(|(a, b)| *a > b) {
            let message = format!("--refine: {} comes before {}", pair[0], pair[1]);
            return Err(Failure::usage(message).help("coarse grids first, the one of --grid last"));
        }
    }
    Ok(rungs)
}

/// Samples with a progress bar.
pub fn sample(
    model: &TrainedModel,
    request: &Request,
    indices: std::ops::Range<u64>,
) -> Result<(Ensemble, usize), Failure> {
    Ok(baselines::sample(model, request, indices, &Bars::default())?)
}

fn check_memory(model: &TrainedModel, grid: &Grid, count: u64) -> Result<(), Failure> {
    let states = 8.0 * (count as f64 + 4.0) * (grid.len() * model.statistics.mean.channels) as f64;
    let activations = model.model.network.training_bytes(&model.model.network_grid(grid)) / 3.0;
    let gib = (1u64 << 30) as f64;
    let breakdown = format!(
        "{:.1} for {count} fields at {grid}, {:.1} for the network on one of them",
        states / gib,
        activations / gib
    );
    Ok(memory::check(states + activations, breakdown, "--count or --grid")?)
}
