//! `karhunen train`: a configuration in, a run directory out.

use karhunen_train::config::Switching;
use karhunen_train::plan::Plan;
use karhunen_train::schedule::Schedule;
use karhunen_train::{Outcome, Run, RunConfig, sources};
use tracing::info;

use crate::args::{Resume, TrainArgs};
use crate::device;
use crate::failure::Failure;
use crate::progress::Training;
use crate::report::print_line;
use crate::signals;

/// Trains, or says what it would do.
pub fn run(args: &TrainArgs) -> Result<(), Failure> {
    let mut config = RunConfig::load(args.config.as_deref(), &args.settings)?;
    let beside = args.config.as_deref();
    config.data.source = config.data.source.resolve(beside);
    config.data.validation_source =
        config.data.validation_source.map(|source| source.resolve(beside));
    config.data.labels = config.data.labels.map(|name| sources::resolve(&name, beside));
    config.data.validation_labels =
        config.data.validation_labels.map(|name| sources::resolve(&name, beside));
    if args.dry_run {
        let Plan { config: planned, notes, .. } = Plan::of(config)?;
        config = planned;
        let mut text = config.to_toml();
        if config.training.switching == Switching::Automatic {
            text.push_str(
                "\n# levels end when finer ones promise more; by their shares they would be",
            );
        }
        for (i, level) in Schedule::new(&config)?.levels.iter().enumerate() {
            text.push_str(&format!("\n# level {i}: {} for {} steps", level.grid, level.steps));
        }
        for note in notes {
            text.push_str(&format!("\n# {note}"));
        }
        return print_line(&text);
    }
    let device = device::open(&args.device)?;
    let asked = signals::listen();
    let mut observer = Training::new();
    let resume = args.resume == Resume::Auto;
    let mut run = Run::open_on(&config, &args.out, resume, &device, &mut observer)
        .map_err(Failure::refused)?;
    run.save_when(asked.save.clone());
    let directory = args.out.display();
    finish(run.train(&asked.stop, &mut observer)?, &run, &directory.to_string())?;
    info!("next: karhunen sample --model {directory} --out samples.npy");
    Ok(())
}

/// Reports how a training ended.
pub fn finish(outcome: Outcome, run: &Run, directory: &str) -> Result<(), Failure> {
    if outcome == Outcome::Interrupted {
        let message = format!("interrupted at step {}; the checkpoint is written", run.step());
        return Err(Failure::interrupted(message).help("the same command goes on from there"));
    }
    for level in &run.ledger().levels {
        info!(
            "{:>10}: {} steps, {:.1} s, {:.2e} flops, loss {:.4}, validation {:.4}",
            level.grid,
            level.steps,
            level.seconds,
            level.flops,
            level.loss,
            level.validation_loss.unwrap_or(f64::NAN)
        );
    }
    info!("{directory}: {} steps in {:.1} s", run.step(), run.ledger().seconds());
    Ok(())
}
