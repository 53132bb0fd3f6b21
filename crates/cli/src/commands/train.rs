//! `karhunen train`: a configuration in, a run directory out.

use karhunen::training::config::{Length, Switching};
use karhunen::training::overfitting::REMEDY;
use karhunen::training::plan::Plan;
use karhunen::training::schedule::Schedule;
use karhunen::{Run, TrainOptions};
use tracing::{info, warn};

use crate::args::{Resume, TrainArgs};
use crate::failure::Failure;
use crate::job;
use crate::progress::{Bars, Training};
use crate::report::print_line;
use crate::report::trained::finish;
use crate::signals;

/// Trains, or says what it would do.
pub fn run(args: &TrainArgs) -> Result<(), Failure> {
    let options = TrainOptions::from_file(args.config.as_deref(), &args.settings)?;
    if args.dry_run {
        return print_line(&planned(options)?);
    }
    let asked = signals::listen();
    let options = TrainOptions {
        device: args.device.device,
        resume: args.resume == Resume::Auto,
        more: args.more,
        preview: args.preview,
        group: job::group(),
        stop: asked.stop,
        save: asked.save,
        ..options
    };
    let mut observer = Training::new();
    let mut run = Run::open(&options, &args.out, &mut observer)?;
    if run.step() >= run.steps() {
        info!("the run has ended; --more 30m, or more training.steps, makes it go on");
    }
    let outcome = run.train(&mut observer)?;
    observer.end();
    finish(outcome, &run)?;
    look_for_copies(&run)?;
    info!("next: karhunen sample --model {} --out samples.npy", args.out.display());
    Ok(())
}

/// The configuration with every default, and the plan as comments.
fn planned(options: TrainOptions) -> Result<String, Failure> {
    let Plan { config, notes, .. } = Plan::of(options.config)?;
    let mut text = config.begun().to_toml();
    let length = config.training.length;
    if length.switching() == Switching::Automatic {
        text.push_str("\n# levels end when finer ones promise more; by their shares they would be");
    }
    let total: f64 = config.levels.iter().map(|level| level.share).sum();
    for (i, level) in Schedule::new(&config)?.levels.iter().enumerate() {
        let steps = match length {
            Length::Steps { .. } => format!("{} steps", level.steps),
            Length::Seconds { .. } => {
                format!("{:.0} % of the steps", 100.0 * config.levels[i].share / total)
            }
        };
        text.push_str(&format!("\n# level {i}: {} for {steps}", level.grid));
    }
    for note in notes {
        text.push_str(&format!("\n# {note}"));
    }
    Ok(text)
}

/// Says whether samples of the finished model are copies of what it was trained on.
fn look_for_copies(run: &Run) -> Result<(), Failure> {
    // the model is written
    signals::end_at_once();
    let found = run.near_copies(&Bars::default())?;
    match found.copies {
        0 => info!("{}", found.told()),
        _ => warn!("{}: {REMEDY}", found.told()),
    }
    Ok(())
}
