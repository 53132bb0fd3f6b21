//! `karhunen sample`: a model in, fields out, at any resolution.

use std::time::Instant;

use karhunen::training::lock::Lock;
use karhunen::{Error, Model, SampleOptions, TrainError, pictures};
use tracing::{debug, info};

use crate::args::SampleArgs;
use crate::failure::Failure;
use crate::job;
use crate::progress::Bars;
use crate::report::phases::{self, Output};
use crate::report::{files, labels, residuals, shard};

/// Samples and writes one file.
pub fn run(args: &SampleArgs) -> Result<(), Failure> {
    let bars = Bars::default();
    // each rank of a job by itself, so that what is wrong with one ends all
    let (_claims, options, model) = job::agreed(ready(args, &bars))?;
    let count = options.count;
    model.announce(&options, &bars)?;
    debug!(steps = model.trained().steps, "model read");
    let own = match &args.grid {
        Some(points) => model.on(&points.0)?,
        None => model.grid(),
    };
    let output = Output::of(args, &model, &own)?;
    if !phases::is_surface(&args.out) {
        files::check_shape(&args.out, own.dim(), output.channels(&model), args.count)?;
    }
    labels::check(args, &model)?;
    shard::check(args, &model)?;
    let sampling = job::agreed(model.sampling(&options, &bars).map_err(Failure::from))?;
    if job::is_shared() {
        let same = sampling.identity();
        let same: Vec<(&str, String)> = same.iter().map(|(k, v)| (k.as_str(), v.clone())).collect();
        job::group().same(&same).map_err(TrainError::from)?;
    }
    let grid = sampling.grid();
    let begun = Instant::now();
    let mut samples = sampling.run(&bars)?;
    if !job::is_first() {
        // the first rank has them all
        return Ok(());
    }
    residuals::tell(&samples.residuals)?;
    if output == Output::Values {
        samples.beyond().iter().for_each(|note| info!("{note}"));
    }
    if let (Some(folder), Some(observed)) = (&args.report, sampling.observations()) {
        pictures::posterior::write(&samples.fields, observed, folder)?;
    }
    samples.shift(&bars)?;
    let (classes, evaluations) = (samples.classes.clone(), samples.evaluations);
    let written = match args.shard.filter(|_| shard::is_one_file(&args.out)) {
        Some(part) => shard::write(part, samples, output, sampling.identity(), args)?,
        None => {
            output.write(samples, args)?;
            labels::write(&classes, args)?;
            args.out.clone()
        }
    };
    let seconds = begun.elapsed().as_secs_f64();
    info!(
        count,
        evaluations,
        seconds,
        "{}: {count} fields at {grid}, {evaluations} evaluations each, {seconds:.1} s",
        written.display()
    );
    Ok(())
}

/// Claims what will be written, and opens the model.
fn ready(args: &SampleArgs, bars: &Bars) -> Result<(Vec<Lock>, SampleOptions, Model), Failure> {
    let options = args.options();
    let indices = options.indices().map_err(Error::from)?;
    let (claims, options) = match args.shard {
        Some(part) => shard::claim(part, options, args)?,
        None if !job::is_first() => (Vec::new(), options),
        None if phases::is_surface(&args.out) => (vec![phases::claim(args)?], options),
        None => (vec![files::claim(&args.out, &indices, args.force)?], options),
    };
    let model = Model::open_with(&args.model, &args.model_options(), bars)?;
    Ok((claims, options, model.among(job::group())))
}
