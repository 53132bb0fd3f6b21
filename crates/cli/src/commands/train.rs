//! `karhunen train`: a configuration in, a run directory out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use karhunen_train::config::Switching;
use karhunen_train::schedule::Schedule;
use karhunen_train::{Outcome, Run, RunConfig, sources};
use tracing::{info, warn};

use crate::args::{Resume, TrainArgs};
use crate::device;
use crate::failure::Failure;
use crate::progress::Training;
use crate::report::print_line;

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
        let mut text = config.to_toml();
        if config.training.switching == Switching::Automatic {
            text.push_str(
                "\n# levels end when finer ones promise more; by their shares they would be",
            );
        }
        for (i, level) in Schedule::new(&config)?.levels.iter().enumerate() {
            text.push_str(&format!("\n# level {i}: {} for {} steps", level.grid, level.steps));
        }
        return print_line(&text);
    }
    let device = device::open(&args.device)?;
    let stop = stop_on_interrupt();
    let mut observer = Training::new();
    let resume = args.resume == Resume::Auto;
    let mut run = Run::open_on(&config, &args.out, resume, &device, &mut observer)
        .map_err(Failure::refused)?;
    finish(run.train(&stop, &mut observer)?, &run, &args.out.display().to_string())
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

/// Whether Ctrl-C ends the process at once, because there is nothing to save.
static AT_ONCE: AtomicBool = AtomicBool::new(false);

/// From now on the first Ctrl-C ends the process.
pub fn end_on_interrupt() {
    AT_ONCE.store(true, Ordering::Relaxed);
}

/// A flag that Ctrl-C sets; a second Ctrl-C ends the process at once.
pub fn stop_on_interrupt() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    // a second handler in one process cannot be installed; then Ctrl-C simply ends it
    let _ = ctrlc::set_handler(move || {
        if AT_ONCE.load(Ordering::Relaxed) || flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        warn!("stopping after this step; once more to stop at once");
    });
    stop
}
