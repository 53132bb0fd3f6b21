//! `karhunen quickstart`: the whole road in one command, on built-in or your own data.
//!
//! Train across levels, sample the same seeds on several grids of one box, compare with real
//! fields that were never trained on, draw. Everything it does can be done by the other commands;
//! the directory it leaves is an ordinary run beside ordinary samples.

use std::path::Path;
use std::time::Instant;

use karhunen::device;
use karhunen::evaluation::ranking::LEGEND;
use karhunen::formats::write_whole;
use karhunen::output::{self, Output};
use karhunen::overview::{Overview, OverviewOptions, Seen, events_of};
use karhunen::pictures::{self, beside::beside};
use karhunen::training::plan::Plan;
use karhunen::{Ensemble, Error, Model, Run, RunConfig, TrainOptions};
use serde_json::json;
use tracing::info;

use crate::args::QuickstartArgs;
use crate::failure::Failure;
use crate::job;
use crate::progress::{Bars, Training};
use crate::report::plan::{self, join};
use crate::report::print_line;
use crate::report::trained::finish;
use crate::signals;

/// Trains, samples, evaluates, draws.
pub fn run(args: &QuickstartArgs) -> Result<(), Failure> {
    let begun = Instant::now();
    // what is not there is refused before anything is read
    device::open(args.device.device, &mut |_| {})?;
    let source = args.data.clone().unwrap_or_else(|| "builtin:spinodal".into());
    let run = trained(args, &source)?;
    let run_directory = run.directory().to_path_buf();
    let model = run.model()?;
    let options = OverviewOptions { seed: args.seed, ..OverviewOptions::default() };
    let config = &model.trained().config;
    let mut finished = |seen: &Seen| -> Result<(), Failure> {
        if !job::is_first() {
            return Ok(());
        }
        let name = format!("samples-{}.npy", join(&seen.sampled.grid.points()));
        let replacing = Output { overwrite: true, ..Output::default() };
        output::write(&seen.sampled, &args.out.join(name), &replacing)?;
        print_line(&format!("\n{}", seen.table.in_floors()))?;
        if seen.sampled.grid == model.grid() {
            let (real, samples) = (&seen.rows.real, &seen.rows.candidates[0].1);
            beside(real, samples, &args.out.join("real-and-sampled.png"))?;
        }
        Ok(())
    };
    let found = Overview::of(&model, &config.data, &options, &Bars::default(), &mut finished)?;
    if !job::is_first() {
        return Ok(());
    }
    print_line(&format!("\n{}", LEGEND.join("\n")))?;
    if let Some(told) = &found.told_apart {
        print_line(&format!("\n{}", told.to_text()))?;
    }
    draw(&args.out, &run_directory, &found, &model)?;
    let tables: Vec<_> = found.seen.iter().map(|seen| &seen.table).collect();
    let report = json!({
        "data": source,
        "seconds": begun.elapsed().as_secs_f64(),
        "evaluations": config.sampling.evaluations,
        "sampler": config.sampling.method().name(),
        "tables": tables,
        "distinguish": found.told_apart,
    });
    write(&args.out.join("evaluation.json"), &format!("{report:#}\n"))?;
    let command = match &args.data {
        Some(data) => format!("karhunen quickstart --data {data} --seed {}", args.seed),
        None => format!("karhunen quickstart --seed {}", args.seed),
    };
    let html = found.to_html(&model, &source, &events_of(&run_directory)?, vec![command])?;
    write(&args.out.join("report.html"), &html)?;
    info!(
        "{}: report.html has it all; model in run/, samples (.npy), evaluation.json and pictures (.png), {:.0} s in all",
        args.out.display(),
        begun.elapsed().as_secs_f64()
    );
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    write_whole(path, text.as_bytes())
        .map_err(|source| Error::Write { path: path.to_path_buf(), source }.into())
}

/// Trains on data as they suit them.
fn trained(args: &QuickstartArgs, source: &str) -> Result<Run, Failure> {
    let mut settings = args.settings.list.clone();
    settings.push(format!("training.seconds={:?}", args.seconds));
    let mut config = RunConfig::load(None, &settings)?;
    config.data.source = source.into();
    config.levels.clear();
    let Plan { mut config, points, notes, .. } = Plan::of(config)?;
    notes.iter().for_each(|note| info!("{note}"));
    config.seed = args.seed;
    info!("{source}: cells {}", join(&points));
    plan::summary(&config).iter().for_each(|line| info!("{line}"));
    let (asked, mut observer) = (signals::listen(), Training::new());
    let options = TrainOptions {
        device: args.device.device,
        stop: asked.stop,
        save: asked.save,
        group: job::group(),
        ..TrainOptions::configured(config)
    };
    let mut run = Run::open(&options, args.out.join("run"), &mut observer)?;
    finish(run.train(&mut observer)?, &run)?;
    signals::end_at_once();
    Ok(run)
}

/// Montages, one function on all grids, spectra, loss over seconds.
fn draw(out: &Path, run: &Path, found: &Overview, model: &Model) -> Result<(), Failure> {
    let real = &found.real;
    pictures::montage(&real.slice(0..real.count().min(16)), &out.join("data.png"))?;
    let sampled: Vec<Ensemble> = found.seen.iter().map(|seen| seen.sampled.clone()).collect();
    for fields in &sampled {
        let name = format!("samples-{}.png", join(&fields.grid.points()));
        pictures::montage(&fields.slice(0..fields.count().min(16)), &out.join(name))?;
    }
    if real.grid.dim() == 2 {
        pictures::one_function(&sampled, 0, &out.join("one-function.png"))?;
    }
    pictures::spectra(real, &sampled, model.grid().band(), &out.join("spectra.png"))?;
    Ok(pictures::loss(&events_of(run)?, &out.join("loss.png"))?)
}
