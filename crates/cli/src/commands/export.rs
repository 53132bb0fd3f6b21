//! `karhunen export`: from a run, which holds all that training needs, to a model to give away.

use std::path::Path;

use karhunen::evaluation::EvaluateError;
use karhunen::evaluation::card::{Card, Evaluated};
use karhunen::training::Exported;
use karhunen::training::lock::Lock;
use tracing::{info, warn};

use crate::args::ExportArgs;
use crate::failure::Failure;

/// Reads a checkpoint, writes a directory.
pub fn run(args: &ExportArgs) -> Result<(), Failure> {
    check_directory(&args.out, args.force)?;
    let _claim = Lock::output(&args.out)?;
    let (model, notes) = read(&args.model, args.ema)?;
    notes.iter().for_each(|note| warn!("skipped: {note}"));
    let evaluations: Result<Vec<Evaluated>, EvaluateError> =
        args.metrics.iter().map(|path| Evaluated::read(path)).collect();
    let name = match &args.name {
        Some(name) => name.clone(),
        None => args.out.file_name().map_or("model".into(), |n| n.to_string_lossy().into_owned()),
    };
    let card = Card {
        name: &name,
        model: &model,
        licence: args.licence.as_deref(),
        evaluations: &evaluations?,
    };
    model.save(&args.out, &card.to_markdown()?, args.force)?;
    info!(
        "{}: {} parameters after {} steps, model card in README.md",
        args.out.display(),
        model.weights.count(),
        model.progress.step
    );
    Ok(())
}

/// The checkpoint named, or the newest of the run named.
fn read(path: &Path, ema: Option<f64>) -> Result<(Exported, Vec<String>), Failure> {
    if Exported::is_at(path) {
        return Err(Failure::usage(format!("{}: is an exported model already", path.display()))
            .help("copy the directory, or name the run it came from"));
    }
    Ok(Exported::open(path, ema)?)
}

/// Refuses what must not be replaced, before anything is read.
fn check_directory(out: &Path, force: bool) -> Result<(), Failure> {
    let said = |what: &str| Failure::usage(format!("{}: {what}", out.display()));
    if !out.exists() {
        let folder = out.ancestors().skip(1).find(|folder| folder.exists());
        return match folder {
            Some(there) if !there.is_dir() => {
                Err(Failure::usage(format!("{}: {} is a file", out.display(), there.display()))
                    .help("choose a place below a folder"))
            }
            _ => Ok(()),
        };
    }
    if !out.is_dir() {
        return Err(said("is a file").help("choose another name for the directory"));
    }
    if !force {
        return Err(said("exists already")
            .help("choose another name, or --force to replace an exported model there"));
    }
    let empty = std::fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_none());
    if !empty && !Exported::is_at(out) {
        return Err(said("holds no exported model, so nothing in it is replaced")
            .help("choose another name, or empty the directory yourself"));
    }
    Ok(())
}
