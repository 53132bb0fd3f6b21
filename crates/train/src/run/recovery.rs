//! What a run does when its loss diverges: back to the last checkpoint, at half the rate.

use crate::TrainError;
use crate::model::set;
use crate::run::divergence;
use crate::run::events::{Event, Observer};
use crate::store::checkpoint::{Checkpoint, Progress};
use crate::store::snapshot;

use super::Run;

/// Roll-backs before a diverging run gives up.
const ROLLBACKS: usize = 3;

impl Run {
    /// What to say of a validation loss at the end that an untrained network would better.
    pub(super) fn useless(&self, loss: f64) -> Option<String> {
        let untrained = self.untrained();
        divergence::is_poor(loss, untrained).then(|| {
            format!(
                "the validation loss, {loss:.4}, is far above {untrained:.4}, that of an untrained network: held-out fields are told worse than by mean and spectrum alone"
            )
        })
    }

    /// The loss of a network that answers nothing.
    pub(super) fn untrained(&self) -> f64 {
        divergence::untrained(self.config.training.preconditioning, self.progress.first_loss)
    }

    pub(super) fn roll_back(
        &mut self,
        step: usize,
        what: String,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        let rate = self.config.training.learning_rate * self.progress.rate_factor;
        if self.progress.rollbacks == ROLLBACKS {
            return Err(TrainError::Diverged { step, what, rate });
        }
        let (factor, rollbacks) = (self.progress.rate_factor / 2.0, self.progress.rollbacks + 1);
        let (checkpoint, complaints) =
            Checkpoint::newest(&self.directory)?.ok_or_else(|| TrainError::Checkpoint {
                path: self.directory.clone(),
                message: "no checkpoint left".into(),
            })?;
        complaints.iter().for_each(|c| observer.warning(&format!("skipped: {c}")));
        self.optimizer = checkpoint.optimizer;
        let elapsed = self.progress.elapsed;
        self.progress = Progress { rate_factor: factor, rollbacks, elapsed, ..checkpoint.progress };
        self.follow_plan()?;
        set(&mut self.model, &self.optimizer.weights)?;
        self.same_state()?;
        self.first_alone(|| snapshot::forget_after(&self.directory, self.progress.step))?;
        if let Some(board) = &mut self.board {
            board.restart(self.progress.step)?;
        }
        let event = Event {
            step: self.progress.step,
            level: self.schedule.level_of(self.progress.step),
            grid: String::new(),
            seconds: self.progress.ledger.seconds(),
            loss: self.progress.ledger.levels.last().map_or(0.0, |l| l.loss),
            validation_loss: None,
            validation_losses: vec![],
            training_loss: None,
            left: self.seconds_left(),
            gradient_norm: None,
            rate: rate / 2.0,
            sent: None,
            message: Some(format!(
                "diverged at step {step} ({what}): back to step {}, rate halved",
                self.progress.step
            )),
        };
        self.record(&event)?;
        observer.milestone(&event);
        self.save()
    }
}
