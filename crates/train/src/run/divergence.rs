//! Detects from its loss that a training has diverged.
//!
//! An untrained network returns zero, so the denoiser is the best linear one if the preconditioner
//! contains it: the loss is then 1 ([`Preconditioning::Wiener`]). Otherwise the loss of the first
//! step is the reference. A mean loss far above the reference is not the noise of single batches.
//! It means that the weights have run away, and training would continue from there even if they are
//! finite.

use karhunen_net::Preconditioning;

use crate::run::ledger::LedgerEntry;
use crate::run::overfitting::REMEDY;
use crate::store::checkpoint::Progress;

/// A step counts as diverged if its loss is this many times the mean before it.
const EXPLOSION: f64 = 100.0;
/// A run counts as diverged if its mean loss is this many times that of an untrained network.
const LOST: f64 = 10.0;
/// A state with a mean loss this many times that of an untrained network is not worth returning to.
const POOR: f64 = 2.0;
/// Steps of a level before its mean is trusted.
const TRUSTED: usize = 20;

/// The loss of an untrained network.
pub fn untrained(kind: Preconditioning, first: Option<f64>) -> f64 {
    match kind {
        Preconditioning::Wiener => 1.0,
        _ => first.filter(|loss| *loss > 0.0).unwrap_or(1.0),
    }
}

/// What is wrong after a step of loss `loss`, if anything is. `before` is the level's ledger entry
/// before the step.
pub fn diagnosis(
    before: &LedgerEntry,
    now: &LedgerEntry,
    loss: f64,
    untrained: f64,
) -> Option<String> {
    if !loss.is_finite() {
        return Some("loss or gradient not finite".into());
    }
    if before.steps > TRUSTED && loss > EXPLOSION * before.loss.max(1e-3) {
        return Some(format!("loss {loss:.3e} after a mean of {:.3e}", before.loss));
    }
    let lost = now.steps > TRUSTED && now.loss > LOST * untrained;
    lost.then(|| {
        format!(
            "mean loss {:.3e}, {:.0} times that of an untrained network",
            now.loss,
            now.loss / untrained
        )
    })
}

/// Whether a loss is far above that of an untrained network.
pub fn is_poor(loss: f64, untrained: f64) -> bool {
    loss > POOR * untrained
}

/// Whether the state is worth a checkpoint to return to.
pub fn is_sound(now: &LedgerEntry, untrained: f64) -> bool {
    now.steps <= TRUSTED || !is_poor(now.loss, untrained)
}

/// Part of a run over which the validation loss may rise without a message.
const RISING: f64 = 1.0 / 3.0;
/// Smallest relative rise that counts.
const RISE: f64 = 0.02;

/// The message at the end of a run whose validation loss has risen over more than a third of it.
pub fn parted(progress: &Progress, last: f64, total: usize) -> Option<String> {
    let best = progress.best_validation?;
    let part = (total - progress.best_step.min(total)) as f64 / total as f64;
    (progress.best_step > 0 && part > RISING && last > (1.0 + RISE) * best).then(|| {
        format!(
            "the validation loss has risen over the last {:.0} % of the run, from {best:.4} at step {} to {last:.4}: the model repeats its training fields, or those held out are of another kind; {REMEDY}, or another data.hold_out",
            100.0 * part,
            progress.best_step
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(steps: usize, loss: f64) -> LedgerEntry {
        LedgerEntry { steps, loss, ..LedgerEntry::default() }
    }

    #[test]
    fn slow_and_sudden_explosions_are_told_and_single_bad_batches_are_not() {
        let told = |before, now, loss| diagnosis(&before, &now, loss, 1.0);
        assert!(told(entry(50, 0.8), entry(51, 0.82), 3.0).is_none());
        assert!(told(entry(50, 0.8), entry(51, 1.6), 90.0).unwrap().contains("after a mean"));
        assert!(told(entry(50, 9.9), entry(51, 10.1), 30.0).unwrap().contains("10 times"));
        assert!(told(entry(50, 0.8), entry(50, 0.8), f64::NAN).is_some());
        // the first steps of a level are too few for a mean
        assert!(told(entry(3, 9.0), entry(4, 12.0), 40.0).is_none());
        assert!(is_sound(&entry(4, 50.0), 1.0) && is_sound(&entry(100, 1.9), 1.0));
        assert!(!is_sound(&entry(100, 2.1), 1.0));
    }

    #[test]
    fn the_scale_is_one_behind_a_wiener_filter_and_the_first_loss_otherwise() {
        assert_eq!(untrained(Preconditioning::Wiener, Some(40.0)), 1.0);
        assert_eq!(untrained(Preconditioning::None, Some(40.0)), 40.0);
        assert_eq!(untrained(Preconditioning::Scalar, None), 1.0);
    }

    #[test]
    fn a_validation_loss_that_rises_for_a_third_of_the_run_is_told() {
        let at = |best_step, last| {
            let progress =
                Progress { best_validation: Some(1.9), best_step, ..Progress::default() };
            parted(&progress, last, 90)
        };
        assert!(at(30, 6.3).unwrap().contains("67 % of the run, from 1.9000 at step 30 to 6.3000"));
        // a rise that is too short, one that is too small, and an old checkpoint without this
        // information
        assert!(at(70, 6.3).is_none() && at(30, 1.92).is_none() && at(0, 6.3).is_none());
    }
}
