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
    let (inner, ranks) = (run.inner(), run.inner().group().size());
    if ranks > 1 {
        let (sent, spent) = (inner.traffic(), run.ledger().seconds());
        info!(
            ranks,
            pieces = inner.pieces().count(),
            "{ranks} ranks, {} pieces a batch: rank 0 sent {:.2} MB a sum, {:.1} s of {spent:.1} s with others",
            inner.pieces().count(),
            sent.bytes as f64 / 1e6 / sent.sums.max(1) as f64,
            sent.seconds
        );
    }
    let directory = run.directory().display();
    info!("{directory}: {} steps in {:.1} s", run.step(), run.ledger().seconds());
    Ok(())
}
