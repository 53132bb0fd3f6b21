//! `karhunen status`: where a run stands, and whether a process is at it.

use std::path::Path;

use karhunen::training::events::{self, Event};
use karhunen::training::lock::Lock;
use karhunen::training::{RunConfig, checkpoint};
use serde_json::json;

use crate::args::StatusArgs;
use crate::failure::Failure;
use crate::report::print_line;

/// Reads what a run has written, and prints.
pub fn run(args: &StatusArgs) -> Result<(), Failure> {
    let directory = &args.run;
    let Some(newest) = checkpoint::list(directory)?.pop() else {
        let message = format!("{}: holds no checkpoint", directory.display());
        return Err(Failure::usage(message).help("name a directory that `karhunen train` wrote"));
    };
    let saved = checkpoint::progress(&newest)?;
    let events = told(directory)?;
    let step = events.last().map_or(saved.step, |event| event.step.max(saved.step));
    let planned = match &saved.plan {
        Some(plan) => Some(plan.steps()),
        None => planned(directory)?,
    };
    let validation = events.iter().rev().find_map(|event| event.validation_loss);
    let holder = Lock::holder(directory)?;
    let object = json!({
        "run": directory.display().to_string(),
        "step": step,
        "steps": planned,
        "saved_step": saved.step,
        "seconds": events.last().map(|event| event.seconds),
        "grid": events.last().map(|event| event.grid.clone()),
        "loss": events.last().map(|event| event.loss),
        "validation": validation,
        "best_validation": saved.best_validation,
        "rollbacks": saved.rollbacks,
        "training_fields": saved.training_fields,
        "validation_fields": saved.validation_fields,
        "process": holder,
    });
    if args.json {
        return print_line(&object.to_string());
    }
    let of = planned.map_or(String::new(), |steps| format!(" of {steps}"));
    let mut lines = vec![format!(
        "{}: step {step}{of}, checkpoint at step {}",
        directory.display(),
        saved.step
    )];
    if let Some(event) = events.last() {
        let number = |loss: Option<f64>| loss.map_or("–".into(), |loss| format!("{loss:.4}"));
        lines.push(format!(
            "grid {}, {:.0} s of training, loss {:.4}, validation {} (best {})",
            event.grid,
            event.seconds,
            event.loss,
            number(validation),
            number(saved.best_validation)
        ));
    }
    lines.push(match (holder, planned) {
        (Some(holder), _) => format!("trained by {holder}"),
        (None, Some(steps)) if saved.step >= steps => "finished".into(),
        (None, _) => "no process is at it; the same `karhunen train` goes on".into(),
    });
    print_line(&lines.join("\n"))
}

/// What the run has told so far.
fn told(directory: &Path) -> Result<Vec<Event>, Failure> {
    let path = directory.join("events.jsonl");
    match events::read(&path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::usage(format!("{}: cannot be read: {e}", path.display()))
                .help("check that the file can be read"))
        }
        events => Ok(events.unwrap_or_default()),
    }
}

/// Steps asked for; none where a budget in seconds decides them.
fn planned(directory: &Path) -> Result<Option<usize>, Failure> {
    let path = directory.join("config.toml");
    if !path.exists() {
        return Ok(None);
    }
    let training = RunConfig::load(Some(&path), &[])?.training;
    Ok(training.seconds.is_none().then_some(training.steps))
}
