//! The run loop: one step after another, and what happens between them.
//!
//! Opening, levels, validation, files and recovery have files of their own beside it.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::TrainError;
use crate::run::budget::Window;
use crate::run::divergence;
use crate::run::events::{Event, Observer};
use crate::run::optimizer::{Begins, Update};
use crate::run::state::{Outcome, Run};
use crate::store::snapshot;

/// Lines of `events.jsonl` for plain steps, about.
const LINES: usize = 500;

impl Run {
    /// Trains to the end, or until `stop` is set, whichever comes first.
    ///
    /// # Errors
    /// [`TrainError::Diverged`] after three roll-backs; [`TrainError::Write`] if a checkpoint
    /// cannot be written.
    pub fn train(
        &mut self,
        stop: &AtomicBool,
        observer: &mut dyn Observer,
    ) -> Result<Outcome, TrainError> {
        let mut begun = self.clock.seconds() - self.progress.elapsed;
        if self.progress.step == 0 {
            self.save()?;
        }
        let mut saved = self.clock.seconds();
        self.window = Window::starting(saved - begun);
        let mut parted = None;
        while self.progress.step < self.schedule.steps() {
            if self.group.first_says(stop.load(Ordering::Relaxed)) {
                self.progress.elapsed = self.clock.seconds() - begun;
                self.save()?;
                return Ok(Outcome::Interrupted);
            }
            let step = self.progress.step;
            let (level, trained) = (self.schedule.level_of(step), self.schedule.trains_on(step));
            self.enter_level(level)?;
            let before = self.progress.ledger.levels[trained].clone();
            let mut event = self.advance(step, trained)?;
            if self.progress.first_loss.is_none() {
                self.progress.first_loss = Some(event.loss);
            }
            let now = &self.progress.ledger.levels[trained];
            if let Some(what) = divergence::diagnosis(&before, now, event.loss, self.untrained()) {
                let place = format!("grid {}, {:.0} s of training", event.grid, event.seconds);
                self.roll_back(step, format!("{what}; {place}"), observer)?;
                continue;
            }
            if trained != level {
                // a replay is reported as the level it interrupts stands
                event.level = level;
                event.grid = self.schedule.levels[level].grid.to_string();
                event.loss = self.progress.ledger.levels[level].loss;
            }
            self.consider_switching(level, observer)?;
            self.progress.elapsed = self.clock.seconds() - begun;
            let validates = self.validates_after(step);
            self.consider_budget(trained, observer)?;
            let total = self.schedule.steps();
            let last_of_level = step + 1 == total || self.schedule.level_of(step + 1) != level;
            if validates || last_of_level {
                let started = self.clock.seconds();
                let (losses, pair) = self.validate()?;
                if losses.iter().any(|loss| !loss.is_finite()) {
                    let place = format!("grid {}, {:.0} s of training", event.grid, event.seconds);
                    let what = format!("validation loss not finite; {place}");
                    self.roll_back(self.progress.step, what, observer)?;
                    continue;
                }
                self.book(|costs| &mut costs.validation, self.clock.seconds() - started);
                let loss = losses[0];
                event.validation_loss = Some(loss);
                event.validation_losses = losses;
                event.training_loss = Some(pair.training);
                parted = pair.have_parted().then(|| pair.told(self.progress.step));
                self.progress.ledger.levels[level].validation_loss = Some(loss);
                if self.progress.best_validation.is_none_or(|best| loss < best) {
                    self.progress.best_validation = Some(loss);
                    self.progress.best_step = self.progress.step;
                }
                observer.milestone(&event);
                if let (Some(told), None) = (&parted, self.progress.parted_step) {
                    self.progress.parted_step = Some(self.progress.step);
                    observer.warning(told);
                }
            }
            if event.validation_loss.is_some() || step.is_multiple_of((total / LINES).max(1)) {
                self.record(&event)?;
            }
            observer.step(&event, total);
            if validates || last_of_level {
                // whoever looks on costs the run nothing of its budget
                let spent = self.show(&event, last_of_level, observer)?;
                (begun, self.shown) = (begun + spent, self.shown + spent);
            }
            if self.stores.contains(&self.progress.step) {
                let (o, lengths) = (&self.optimizer, &self.config.training.ema);
                let step = self.progress.step;
                self.first_alone(|| {
                    snapshot::save(&self.directory, step, o.updates, &o.averages, lengths)
                })?;
            }
            let now = self.clock.seconds();
            let due = now - saved > self.config.training.checkpoint_seconds;
            let wanted = self.group.first_says(self.wanted.swap(false, Ordering::Relaxed));
            // a state that has gone wrong replaces none to go back to
            let sound =
                divergence::is_sound(&self.progress.ledger.levels[trained], self.untrained());
            if due && sound || last_of_level || wanted {
                if let Some(array) = self.optimizer.not_finite() {
                    let place = format!("grid {}, {:.0} s of training", event.grid, event.seconds);
                    let what = format!("{array} not finite; {place}");
                    self.roll_back(self.progress.step, what, observer)?;
                    continue;
                }
                self.progress.elapsed = now - begun;
                self.save()?;
                saved = self.clock.seconds();
                self.book(|costs| &mut costs.checkpoint, saved - now);
            }
            if wanted {
                observer.note(&format!("step {}: checkpoint written", self.progress.step));
            }
            if self.progress.step == self.schedule.steps() {
                self.progress.elapsed = self.clock.seconds() - begun;
                self.spend_rest(observer)?;
            }
        }
        let last = self.progress.ledger.levels.last().and_then(|level| level.validation_loss);
        if let Some(loss) = last {
            let risen = divergence::parted(&self.progress, loss, self.schedule.steps());
            // told once where it was seen first in the end
            let first = self.progress.parted_step == Some(self.progress.step);
            let told = [self.useless(loss), risen.or(parted.filter(|_| !first))];
            told.iter().flatten().for_each(|warning| observer.warning(warning));
        }
        Ok(Outcome::Finished)
    }

    /// One step on a level's fields; the weights, the ledger and the counter move on unless the step
    /// is refused.
    pub(super) fn advance(&mut self, step: usize, level: usize) -> Result<Event, TrainError> {
        self.enter_level(level)?;
        let t = &self.config.training;
        let part = match &self.progress.plan {
            Some(plan) => plan.factor(&t.rate, t.warmup, step),
            None => t.rate.factor(step, self.schedule.steps(), t.warmup),
        };
        let rate = t.learning_rate * self.progress.rate_factor * part;
        let updates = self.begins();
        let warmup = (t.warmup * self.schedule.steps() as f64) as usize;
        let begins = Begins { updates: &updates, warmup };
        let update = Update::of(t, rate, begins);
        let data = match self.coarser.get(level) {
            Some(data) => data.as_ref().expect("a level was entered"),
            None => &self.data.training,
        };
        let grid = data.grid;
        let (begun, sent) = (self.clock.seconds(), self.group.traffic().bytes);
        let (batches, model) = (&mut self.batches, &self.model);
        let mut make = |part| batches.training_part(step, data, model, part);
        let of = (model, &self.optimizer.weights);
        let (loss, gradients) = self.pieces.loss_and_gradients(&self.group, of, &mut make)?;
        let norm = match loss.is_finite() {
            true => self.optimizer.step_network(&mut self.model.network, gradients, &update)?,
            false => f64::NAN,
        };
        let seconds = self.clock.seconds() - begun;
        let loss = if norm.is_finite() { loss } else { f64::NAN };
        let flops = 3.0 * t.batch as f64 * self.model.network.flops(&grid);
        if loss.is_finite() {
            self.progress.ledger.levels[level].add(t.batch, seconds, flops, loss);
            self.progress.step += 1;
        }
        Ok(Event {
            step: self.progress.step,
            level,
            grid: grid.to_string(),
            seconds: self.progress.ledger.seconds(),
            loss,
            validation_loss: None,
            validation_losses: vec![],
            training_loss: None,
            left: self.seconds_left(),
            gradient_norm: Some(norm),
            rate,
            sent: self.group.is_shared().then(|| self.group.traffic().bytes - sent),
            message: None,
        })
    }

    /// Updates done before the first one of each array of the network; none where all began with the
    /// run.
    fn begins(&self) -> Vec<usize> {
        let levels = &self.progress.ledger.levels;
        let of = |level: usize| levels.get(level).map_or(usize::MAX, |entry| entry.begun);
        let network = &self.model.network;
        let arrays = self.optimizer.weights.arrays.iter();
        arrays.map_while(|array| network.level_of(&array.name)).map(of).collect()
    }
}
