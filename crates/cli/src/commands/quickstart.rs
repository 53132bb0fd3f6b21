//! `karhunen quickstart`: the whole road in one command, on built-in or your own data.
//!
//! Train across levels, sample the same seeds on several grids of one box, compare with real
//! fields that were never trained on, draw. Everything it does can be done by the other commands;
//! the directory it leaves is an ordinary run beside ordinary samples.

use std::path::Path;
use std::time::Instant;

use karhunen::device;
use karhunen::evaluation::distinguish::Distinguish;
use karhunen::evaluation::ranking::LEGEND;
use karhunen::evaluation::real::{self, Real};
use karhunen::evaluation::rows::SAMPLES;
use karhunen::evaluation::{Effort, Part, Rows};
use karhunen::output::{self, Output};
use karhunen::pictures::{self, beside::beside};
use karhunen::training::plan::Plan;
use karhunen::training::{data, events};
use karhunen::{Ensemble, Error, Grid, Model, Run, RunConfig, TrainOptions, resample};
use serde_json::json;
use tracing::info;

use crate::args::QuickstartArgs;
use crate::failure::Failure;
use crate::progress::{Bars, Training};
use crate::report::plan::{self, join};
use crate::report::print_line;
use crate::report::trained::finish;
use crate::signals;

/// Fields sampled on each grid, coarse to fine: enough for a quick look at the first, and what the
/// five minutes allow at the others.
const COUNTS: [u64; 4] = [512, 192, 128, 64];
/// Real fields kept out for reference: twice the largest sample, for honest floors.
const REFERENCE: usize = 1024;

/// Networks trained to tell samples from real fields at the finest trained grid, and fields a side: what
/// some seconds allow.
const NETWORKS: usize = 2;
const TOLD_APART: usize = 96;

/// A grid to sample on.
struct Target {
    grid: Grid,
    count: u64,
}

/// Trains, samples, evaluates, draws.
pub fn run(args: &QuickstartArgs) -> Result<(), Failure> {
    let begun = Instant::now();
    // what is not there is refused before anything is read
    device::open(args.device.device, &mut |_| {})?;
    let source = args.data.clone().unwrap_or_else(|| "builtin:spinodal".into());
    let (run, config, points) = trained(args, &source)?;
    let run_directory = run.directory().to_path_buf();
    let model = run.model()?;
    let targets = targets(&model)?;
    let real_grid = model.on(&points)?;
    let data = &model.trained().config.data;
    let opened = data::open(data)?;
    let real = real::of_model(
        data,
        opened.as_ref(),
        None,
        real_grid,
        REFERENCE,
        config.seed,
        Part::HeldOut,
    )
    .map_err(Error::from)?;
    let mut tables = Vec::new();
    let mut sampled = Vec::new();
    let mut told = None;
    let bars = Bars::default();
    for target in &targets {
        let (fields, rows) = one_grid(&model, target, &real, args)?;
        let table = rows.table(&bars)?;
        print_line(&format!("\n{}", table.in_floors()))?;
        if target.grid == model.grid() {
            let (real, samples) = (&rows.real, &rows.candidates[0].1);
            beside(real, samples, &args.out.join("real-and-sampled.png"))?;
            let effort = Effort { count: TOLD_APART, seeds: NETWORKS, seed: args.seed };
            // too few real fields are no reason to end
            if Distinguish::count(samples.count(), real.count(), effort).is_ok() {
                told = Some(rows.told_apart(effort, &bars)?);
            }
        }
        tables.push(table);
        sampled.push(fields);
    }
    print_line(&format!("\n{}", LEGEND.join("\n")))?;
    if let Some(told) = &told {
        print_line(&format!("\n{}", told.to_text()))?;
    }
    draw(&args.out, &run_directory, &real.reference, &sampled, &model)?;
    let report = json!({
        "data": source,
        "seconds": begun.elapsed().as_secs_f64(),
        "evaluations": model.trained().config.sampling.evaluations,
        "sampler": model.trained().config.sampling.sampler.name(),
        "tables": tables,
        "distinguish": told,
    });
    let path = args.out.join("evaluation.json");
    std::fs::write(&path, format!("{report:#}\n"))
        .map_err(|source| Error::Write { path: path.clone(), source })?;
    info!(
        "{}: model in run/, samples (.npy), evaluation.json and pictures (.png), {:.0} s in all",
        args.out.display(),
        begun.elapsed().as_secs_f64()
    );
    Ok(())
}

/// Trains on data as they suit them: the run, its configuration, and the cells of the data's fields.
fn trained(args: &QuickstartArgs, source: &str) -> Result<(Run, RunConfig, Vec<usize>), Failure> {
    let mut config = RunConfig::load(None, &args.settings.list)?;
    config.data.source = source.into();
    config.levels.clear();
    let Plan { mut config, points, notes, .. } = Plan::of(config)?;
    notes.iter().for_each(|note| info!("{note}"));
    config.seed = args.seed;
    config.training.seconds = Some(args.seconds);
    info!("{source}: cells {}", join(&points));
    plan::summary(&config).iter().for_each(|line| info!("{line}"));
    let (asked, mut observer) = (signals::listen(), Training::new());
    let options = TrainOptions {
        device: args.device.device,
        stop: asked.stop,
        save: asked.save,
        ..TrainOptions::configured(config)
    };
    let mut run = Run::open(&options, args.out.join("run"), &mut observer)?;
    finish(run.train(&mut observer)?, &run)?;
    signals::end_at_once();
    Ok((run, options.config, points))
}

/// Half the finest level, the finest level, half as many cells again on the first axis, twice the
/// finest level: the same box throughout.
fn targets(model: &Model) -> Result<Vec<Target>, Failure> {
    let finest = model.grid().points();
    let half: Vec<usize> = finest.iter().map(|n| n.div_ceil(2)).collect();
    let double: Vec<usize> = finest.iter().map(|n| 2 * n).collect();
    let mut stretched = finest.clone();
    stretched[0] = (3 * stretched[0]).div_ceil(2);
    let points = [half, finest, stretched, double];
    let made: Result<Vec<Target>, Failure> = points
        .iter()
        .zip(COUNTS)
        .map(|(points, count)| Ok(Target { grid: model.on(points)?, count }))
        .collect();
    made
}

/// Samples one grid, and brings samples, baselines and real fields together there, or on the reference's grid
/// where that is coarser.
fn one_grid(
    model: &Model,
    target: &Target,
    real: &Real,
    args: &QuickstartArgs,
) -> Result<(Ensemble, Rows), Failure> {
    let bars = Bars::default();
    let request = model.trained().request(target.grid, args.seed);
    let fields = model.draw(&request, 0..target.count, &bars)?;
    let name = format!("samples-{}.npy", join(&target.grid.points()));
    let replacing = Output { overwrite: true, ..Output::default() };
    output::write(&fields, &args.out.join(name), &replacing)?;
    let finest = real.reference.grid;
    let shared: Vec<usize> =
        target.grid.points().iter().zip(finest.points()).map(|(t, r)| *t.min(&r)).collect();
    let common = finest.with_points(&shared)?;
    let samples = vec![(SAMPLES.to_string(), resample::spectral(&fields, common)?)];
    let mut rows = Rows::new(&real.reference, samples, Some(model.trained()))?;
    rows.add_surrogate(Some(model.trained()), args.seed)?;
    rows.add_zero_padded(model.trained(), target.grid, args.seed, &bars)?;
    // fewer are no news here
    rows.add_training(real.training.as_ref())?;
    Ok((fields, rows))
}

/// Montages, one function on all grids, spectra, loss over seconds.
fn draw(
    out: &Path,
    run: &Path,
    real: &Ensemble,
    sampled: &[Ensemble],
    model: &Model,
) -> Result<(), Failure> {
    pictures::montage(&real.slice(0..real.count().min(16)), &out.join("data.png"))?;
    for fields in sampled {
        let name = format!("samples-{}.png", join(&fields.grid.points()));
        pictures::montage(&fields.slice(0..fields.count().min(16)), &out.join(name))?;
    }
    if real.grid.dim() == 2 {
        pictures::one_function(sampled, 0, &out.join("one-function.png"))?;
    }
    pictures::spectra(real, sampled, model.grid().band(), &out.join("spectra.png"))?;
    let path = run.join("events.jsonl");
    let events = events::read(&path)
        .map_err(|e| Failure::run(format!("{}: cannot be read: {e}", path.display())))?;
    Ok(pictures::loss(&events, &out.join("loss.png"))?)
}
