//! When a run validates, and what its losses on held-out fields are.
//!
//! Times and noise are fixed, so that two validations differ by the weights alone.

use karhunen_distributed::part;

use crate::TrainError;
use crate::batch::LevelData;
use crate::batch::loss::losses_of;
use crate::model::set;
use crate::run::overfitting::Losses;

use super::Run;

impl Run {
    pub(super) fn validates_after(&self, step: usize) -> bool {
        let (total, count) = (self.schedule.steps(), self.config.training.validations.max(1));
        if let Some(plan) = &self.progress.plan {
            let count = match self.config.training.length.seconds() {
                Some(seconds) => plan.validations(count, seconds).max(1),
                None => count,
            };
            let passed = |step| (plan.position(step) * count as f64 / total as f64).floor();
            return passed(step + 1) > passed(step);
        }
        (step + 1).is_multiple_of((total / count).max(1))
    }

    /// Loss of every average of the weights at the finest level, on fields never trained on, with
    /// fixed times and noise; and of the first average on training fields beside it.
    pub(super) fn validate(&mut self) -> Result<(Vec<f64>, Losses), TrainError> {
        let (mut losses, mut beside) = (Vec::new(), None);
        for at in 0..self.optimizer.averages.len() {
            set(&mut self.evaluator, &self.optimizer.averages[at])?;
            let (loss, held_out) =
                self.fixed_losses(&self.data.validation.first(self.held_out()))?;
            losses.push(loss);
            if beside.is_none() {
                let (_, own) = self.fixed_losses(&self.data.training.evenly(self.held_out()))?;
                beside = Some(Losses::of(&own, &held_out));
            }
        }
        // the averages change in place in the next step
        self.evaluator.network.release_parameters();
        Ok((losses, beside.expect("a configuration has an average")))
    }

    /// Fields in the validation loss.
    pub(super) fn held_out(&self) -> usize {
        self.data.validation.count().min(self.config.training.validation_fields)
    }

    /// Loss of the weights in the evaluator on validation fields of whatever grid.
    pub(super) fn validation_loss(&self, data: &LevelData) -> Result<f64, TrainError> {
        Ok(self.fixed_losses(&data.first(self.held_out()))?.0)
    }

    /// Loss of the weights in the evaluator on fields, and of each one, with fixed times and noise.
    pub(super) fn fixed_losses(&self, data: &LevelData) -> Result<(f64, Vec<f64>), TrainError> {
        let (count, together) = (data.count(), self.config.training.batch);
        let range = |batch: usize| batch * together..count.min((batch + 1) * together);
        let batches = count.div_ceil(together);
        // each rank has some of the batches, and all have the losses: of each batch its own, then its fields'
        let mut found = Vec::new();
        for batch in part(batches, self.group.rank(), self.group.size()) {
            let batch = self.batches.validation(data, range(batch), &self.evaluator);
            let (loss, own) = losses_of(&self.evaluator, &batch)?;
            found.push(loss);
            found.extend(own);
        }
        let found = self.group.gather_numbers(&found);
        let (mut sum, mut each, mut rest) = (0.0, Vec::new(), &found[..]);
        for batch in 0..batches {
            let (own, others) = rest.split_at(1 + range(batch).len());
            sum += range(batch).len() as f64 * own[0];
            each.extend_from_slice(&own[1..]);
            rest = others;
        }
        Ok((sum / count as f64, each))
    }
}
