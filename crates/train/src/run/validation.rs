//! When a run validates, and what its losses on held-out fields are.
//!
//! Times and noise are fixed, so that two validations differ by the weights alone.

use crate::TrainError;
use crate::batch::LevelData;
use crate::loss::losses_of;
use crate::overfitting::Losses;
use crate::trained::set;

use super::Run;

impl Run {
    pub(super) fn validates_after(&self, step: usize) -> bool {
        let (total, count) = (self.schedule.steps(), self.config.training.validations.max(1));
        if let Some(plan) = &self.progress.plan {
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
        let (mut sum, mut each) = (0.0, Vec::new());
        for start in (0..count).step_by(together) {
            let range = start..count.min(start + together);
            let part = range.len() as f64;
            let batch = self.batches.validation(data, range, &self.evaluator);
            let (loss, own) = losses_of(&self.evaluator, &data.grid, &batch)?;
            sum += part * loss;
            each.extend(own);
        }
        Ok((sum / count as f64, each))
    }
}
