//! `karhunen train`: a configuration in, a run directory out.

use karhunen_train::config::Switching;
use karhunen_train::overfitting::REMEDY;
use karhunen_train::plan::Plan;
use karhunen_train::schedule::Schedule;
use karhunen_train::{Outcome, Run, RunConfig, sources};
use tracing::{info, warn};

use crate::args::{Resume, TrainArgs};
use crate::device;
use crate::failure::Failure;
use crate::progress::{Training, bar};
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
    let opened = match args.more {
        Some(more) => Run::extend_on(&config, &args.out, more, &device, &mut observer),
        None => Run::open_on(&config, &args.out, resume, &device, &mut observer),
    };
    let mut run = opened.map_err(Failure::refused)?;
    run.save_when(asked.save.clone());
    if run.step() >= run.schedule().steps() {
        info!("the run has ended; --more 30m, or more training.steps, makes it go on");
    }
    let directory = args.out.display();
    let outcome = run.train(&asked.stop, &mut observer)?;
    observer.end();
    finish(outcome, &run, &directory.to_string())?;
    look_for_copies(&run)?;
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

/// Says whether samples of the finished model are copies of what it was trained on.
fn look_for_copies(run: &Run) -> Result<(), Failure> {
    // the model is written
    signals::end_at_once();
    let bar = bar("near-copies", 0);
    let found = run.near_copies(&|done, of| {
        bar.set_length(of as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    let found = found?;
    match found.copies {
        0 => info!("{}", found.told()),
        _ => warn!("{}: {REMEDY}", found.told()),
    }
    Ok(())
}
