//! `karhunen export`: from a run, which holds all that training needs, to a model to give away.

use karhunen::give::{ExportOptions, export};
use tracing::info;

use crate::args::ExportArgs;
use crate::failure::Failure;
use crate::progress::Bars;

/// Reads a checkpoint, writes a directory.
pub fn run(args: &ExportArgs) -> Result<(), Failure> {
    let options = ExportOptions {
        average: args.ema,
        name: args.name.clone(),
        licence: args.licence.clone(),
        metrics: args.metrics.clone(),
        replace: args.force,
    };
    let model = export(&args.model, &args.out, &options, &Bars::default())?;
    info!(
        "{}: {} parameters after {} steps, model card in README.md",
        args.out.display(),
        model.weights.count(),
        model.progress.step
    );
    Ok(())
}
