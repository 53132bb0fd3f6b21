//! `karhunen sample`: a model in, fields out, at any resolution.

use std::path::PathBuf;
use std::time::Instant;

use karhunen::training::lock::Lock;
use karhunen::{Error, Model, SampleOptions, Sampling, Tally, TrainError, pictures};
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
    let labelled = model.has_labels(&options);
    labels::check(args, &model, labelled)?;
    shard::check(args, labelled)?;
    let sampling = job::agreed(model.sampling(&options, &bars).map_err(Failure::from))?;
    if job::is_shared() {
        let same = sampling.identity();
        let same: Vec<(&str, String)> = same.iter().map(|(k, v)| (k.as_str(), v.clone())).collect();
        job::group().same(&same).map_err(TrainError::from)?;
    }
    if !args.summary && args.shard.is_none() {
        let values = args.count as f64 * (sampling.grid().len() * output.channels(&model)) as f64;
        job::agreed(files::check_room(&args.out, values * output.bytes()))?;
    }
    let (grid, begun) = (sampling.grid(), Instant::now());
    let by_all =
        args.shard.is_none() && sampling.is_stored_by_all(&args.out, output == Output::Labels)?;
    let (evaluations, written) = match by_all {
        true => {
            let labelled = output == Output::Labels;
            let stored = sampling.store_by_all(&args.out, labelled, args.force, &bars)?;
            if job::is_first() {
                labels::write(&stored.classes, args)?;
            }
            (stored.evaluations, args.out.clone())
        }
        false => written(args, &sampling, output, output.channels(&model), &bars)?,
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

/// Makes the fields and writes them as they come: the first rank of a job all, a shard its own. The evaluations of each,
/// and the file.
fn written(
    args: &SampleArgs,
    sampling: &Sampling<'_>,
    output: Output,
    channels: usize,
    bars: &Bars,
) -> Result<(usize, PathBuf), Failure> {
    let part = args.shard.filter(|_| shard::is_one_file(&args.out));
    let all = args.index..args.index.saturating_add(args.count);
    let begun = match part.is_none() && job::is_first() {
        true => output.sink(args, sampling, (channels, args.count), &all).map(Some),
        false => Ok(None),
    };
    let mut sink = job::agreed(begun)?;
    let (mut classes, mut evaluations, mut tally) = (Vec::new(), 0, Tally::default());
    let mut file = args.out.clone();
    sampling.each(bars, |mut samples| -> Result<(), Failure> {
        residuals::tell(&samples.residuals)?;
        if output == Output::Values {
            samples.tally(&mut tally);
        }
        if let (Some(folder), Some(observed)) = (&args.report, sampling.observations()) {
            pictures::posterior::write(&samples.fields, observed, folder)?;
        }
        samples.shift_in(&mut tally)?;
        classes.extend(&samples.classes);
        evaluations = evaluations.max(samples.evaluations);
        match (&mut sink, part) {
            (Some(sink), _) => sink.take(samples)?,
            (None, Some(part)) => {
                file = shard::write(part, samples, output, sampling.identity(), args)?;
            }
            (None, None) => (),
        }
        Ok(())
    })?;
    let told = [tally.beyond(), tally.shifts()];
    told.iter().flatten().for_each(|note| info!("{note}"));
    if let Some(sink) = sink {
        sink.finish()?;
        labels::write(&classes, args)?;
    }
    Ok((evaluations, file))
}

/// Claims what will be written, and opens the model.
fn ready(args: &SampleArgs, bars: &Bars) -> Result<(Vec<Lock>, SampleOptions, Model), Failure> {
    let options = args.options();
    // the first rank of a job has all fields in the end
    let options = SampleOptions { streamed: options.streamed && !job::is_shared(), ..options };
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
