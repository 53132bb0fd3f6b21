//! Samples of the model as it is, shown at the milestones of its training.
//!
//! They are drawn from copies: no weight, no batch and no budget of the run depends on whether somebody looks.

use karhunen_field::Ensemble;

use crate::TrainError;
use crate::model::set;
use crate::model::trained::TrainedModel;
use crate::run::events::{Event, Observer};

use super::Run;

/// Part of the training's operations so far that the samples of a validation may take. The end of a level is
/// shown whatever it takes.
const PART: f64 = 0.05;
/// Seed of the samples: field i is field i of `karhunen sample --seed 0 --calibration none`.
const SEED: u64 = 0;
/// Name of the pictures in TensorBoard.
const TAG: &str = "preview";

impl Run {
    /// Shows the observer `count` samples at the end of every level and at validations: of the same seeds and on
    /// the finest level, with the model's own sampler and without calibration. What the observer draws of them
    /// goes to TensorBoard, too. 0 shows none.
    ///
    /// **Cost** count × evaluations network evaluations a picture, in addition to the run's own budget. At a
    /// validation that is no end of a level it is left out while it would be more than a twentieth of all
    /// operations so far.
    pub fn preview(&mut self, count: u64) {
        self.previewed = count;
    }

    /// Seconds that previews have taken since the run was opened.
    pub fn preview_seconds(&self) -> f64 {
        self.shown
    }

    /// Fields that the run is not trained on, in the data's own values, on the finest level.
    ///
    /// # Errors
    /// None for data that a run was opened with.
    pub fn held_out_fields(&self, count: usize) -> Result<Ensemble, TrainError> {
        let held = self.data.validation.first(count);
        let values = held.values.iter().map(|v| f64::from(*v)).collect();
        let mut fields = Ensemble::new(held.grid, held.channels, values)?;
        self.data.statistics.normalisation.undo(&mut fields);
        Ok(fields)
    }

    /// Samples and shows where that is asked for; the seconds that it took. What goes wrong is told and ends
    /// nothing, unless it is TensorBoard's file that cannot be written.
    pub(super) fn show(
        &mut self,
        event: &Event,
        end_of_level: bool,
        observer: &mut dyn Observer,
    ) -> Result<f64, TrainError> {
        if self.previewed == 0 {
            return Ok(0.0);
        }
        let begun = self.clock.seconds();
        let drawn = match self.previews(end_of_level) {
            Ok(Some(samples)) => observer.preview(event, &samples),
            Ok(None) => None,
            Err(error) => {
                observer.warning(&format!("step {}: no preview: {error}", event.step));
                None
            }
        };
        if let (Some(board), Some(png)) = (&mut self.board, drawn) {
            board.image(event.step, TAG, &png)?;
        }
        Ok(self.clock.seconds() - begun)
    }

    /// The samples in the data's own values; none while they would cost too much.
    fn previews(&self, end_of_level: bool) -> Result<Option<Ensemble>, TrainError> {
        let finest = self.schedule.finest();
        let trained = self.model_now()?;
        let mut request = trained.request(finest, SEED);
        request.calibrated = false;
        let one = request.evaluations as f64 * trained.model.network.flops(&finest);
        let training: f64 = self.progress.ledger.levels.iter().map(|level| level.flops).sum();
        if !end_of_level && self.previewed as f64 * one > PART * training {
            return Ok(None);
        }
        Ok(Some(trained.sample(&request, 0..self.previewed, &|_, _| {})?.0))
    }

    /// The model of the average that would be sampled from now.
    pub(super) fn model_now(&self) -> Result<TrainedModel, TrainError> {
        let mut model = self.evaluator.clone();
        set(&mut model, &self.optimizer.averages[0])?;
        Ok(TrainedModel {
            config: self.config.clone(),
            model,
            average: None,
            steps: self.progress.step,
            training_fields: self.progress.training_fields,
            path: self.directory.clone(),
            notes: vec![],
            group: self.group.clone(),
            statistics: self.data.statistics.clone(),
        })
    }
}
