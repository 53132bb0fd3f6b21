//! `karhunen sample`: a model in, fields out, at any resolution.

use std::time::Instant;

use karhunen::{Error, Model, Tally, pictures};
use tracing::{debug, info};

use crate::args::SampleArgs;
use crate::failure::Failure;
use crate::progress::Bars;
use crate::report::phases::{self, Output};
use crate::report::{files, labels, residuals};

/// Samples and writes one file.
pub fn run(args: &SampleArgs) -> Result<(), Failure> {
    let (options, count, bars) = (args.options(), args.count, Bars::default());
    let indices = options.indices().map_err(Error::from)?;
    let surface = phases::is_surface(&args.out);
    let _claim = match surface {
        true => phases::claim(args)?,
        false => files::claim(&args.out, &indices, args.force)?,
    };
    let model = Model::open_with(&args.model, &args.model_options(), &bars)?;
    model.announce(&options, &bars)?;
    debug!(steps = model.trained().steps, "model read");
    let own = match &args.grid {
        Some(points) => model.on(&points.0)?,
        None => model.grid(),
    };
    let output = Output::of(args, &model, &own)?;
    if !surface {
        files::check_shape(&args.out, own.dim(), output.channels(&model), count)?;
    }
    labels::check(args, &model)?;
    let sampling = model.sampling(&options, &bars)?;
    let grid = sampling.grid();
    let begun = Instant::now();
    let mut sink = output.sink(args, &sampling, (output.channels(&model), count), &indices)?;
    let (mut classes, mut evaluations, mut tally) = (Vec::new(), 0, Tally::default());
    sampling.each(&bars, |mut samples| -> Result<(), Failure> {
        residuals::tell(&samples.residuals)?;
        if output == Output::Values {
            samples.tally(&mut tally);
        }
        if let (Some(folder), Some(observed)) = (&args.report, sampling.observations()) {
            pictures::posterior::write(&samples.fields, observed, folder)?;
        }
        samples.shift_in(&mut tally)?;
        classes.append(&mut samples.classes);
        evaluations = evaluations.max(samples.evaluations);
        sink.take(samples)
    })?;
    let told = [tally.beyond(), tally.shifts()];
    told.iter().flatten().for_each(|note| info!("{note}"));
    sink.finish()?;
    labels::write(&classes, args)?;
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
