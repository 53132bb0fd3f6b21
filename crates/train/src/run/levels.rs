//! Moves a run along its ladder of levels: the fields of a level, its entry in the ledger, its end,
//! and the time left.

use crate::TrainError;
use crate::config::Switching;
use crate::data::restrict;
use crate::model::set;
use crate::run::events::Observer;
use crate::run::ledger::LedgerEntry;
use crate::run::schedule::Schedule;
use crate::run::switching::{self, Measured};
use crate::store::snapshot;

use super::Run;

impl Run {
    /// Loads the fields of a level and adds its entry to the ledger, if they are missing.
    pub(super) fn enter_level(&mut self, level: usize) -> Result<(), TrainError> {
        let levels = &self.schedule.levels;
        self.coarser.resize(levels.len() - 1, None);
        if let Some(missing @ None) = self.coarser.get_mut(level) {
            *missing = Some(restrict(&self.data.training, levels[level].grid)?);
        }
        let ledger = &mut self.progress.ledger.levels;
        while ledger.len() <= level {
            let grid = levels[ledger.len()].grid.to_string();
            let begun = self.optimizer.updates;
            ledger.push(LedgerEntry { grid, begun, ..LedgerEntry::default() });
        }
        Ok(())
    }

    pub(super) fn place_stores(&mut self) {
        let (total, count) = (self.schedule.steps(), self.config.training.snapshots);
        self.stores = snapshot::steps(total, count).collect();
    }

    /// Updates the schedule with the switches decided so far.
    pub(super) fn follow_switches(&mut self) -> Result<(), TrainError> {
        let mut planned = Schedule::new(&self.config)?;
        if let Some(plan) = &self.progress.plan {
            planned = planned.with_steps(&plan.level_steps());
        }
        self.schedule = match self.config.training.length.switching() {
            Switching::Shares => planned,
            Switching::Automatic => planned.switched(&self.progress.switches),
        };
        Ok(())
    }

    /// Ends the current level if switching is automatic and the level is exhausted.
    pub(super) fn consider_switching(
        &mut self,
        level: usize,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        if self.config.training.length.switching() == Switching::Shares {
            return Ok(());
        }
        let (step, total) = (self.progress.step, self.schedule.steps());
        if step < total && self.schedule.level_of(step) != level {
            // the level has reached its largest number of steps
            self.progress.switches.push(step);
            return self.follow_switches();
        }
        let began = self.progress.switches.last().copied().unwrap_or(0);
        let last = level + 1 == self.schedule.levels.len();
        if last || !switching::due(step, total) {
            return Ok(());
        }
        let grid = self.schedule.levels[level].grid;
        set(&mut self.evaluator, &self.optimizer.averages[0])?;
        let finest = self.validation_loss(&self.data.validation)?;
        let own = self.validation_loss(&restrict(&self.data.validation, grid)?)?;
        self.evaluator.network.release_parameters();
        let now = Measured { step, level, own, finest };
        let cost = |level: usize| self.model.network.flops(&self.schedule.levels[level].grid);
        let before = self.progress.measured.replace(now);
        let exhausted =
            switching::exhausted(before.as_ref(), &now, total, cost(level), cost(level + 1));
        if exhausted && step >= switching::may_end(began, total) {
            let Measured { own, finest, .. } = now;
            observer.note(&format!(
                "{grid} is left after step {step}: validation {own:.4} here, {finest:.4} at the finest level"
            ));
            self.progress.switches.push(step);
            self.follow_switches()?;
        }
        Ok(())
    }

    /// Estimated seconds of the remaining steps. Levels not yet reached are estimated from their
    /// operations.
    pub(super) fn seconds_left(&self) -> f64 {
        let entries = &self.progress.ledger.levels;
        let cost = |level: usize| self.model.network.flops(&self.schedule.levels[level].grid);
        let mean = |entry: &LedgerEntry| entry.seconds / entry.steps.max(1) as f64;
        let mut begun = 0;
        let mut left = 0.0;
        for (level, planned) in self.schedule.levels.iter().enumerate() {
            let end = begun + planned.steps;
            let steps = end.saturating_sub(self.progress.step.max(begun)) as f64;
            let seconds = match entries.get(level).filter(|entry| entry.steps > 0) {
                Some(entry) => mean(entry),
                None => entries
                    .last()
                    .map_or(0.0, |last| mean(last) * cost(level) / cost(entries.len() - 1)),
            };
            left += steps * seconds;
            begun = end;
        }
        left
    }
}
