//! How a training ended.

use karhunen::{Outcome, Run};
use tracing::info;

use crate::failure::Failure;

/// Tells it, level by level; an interruption is a failure with a way on.
pub fn finish(outcome: Outcome, run: &Run) -> Result<(), Failure> {
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
    let directory = run.directory().display();
    info!("{directory}: {} steps in {:.1} s", run.step(), run.ledger().seconds());
    Ok(())
}
