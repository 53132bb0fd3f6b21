//! A run whose end is given in seconds: it makes a plan of steps, follows it, and revises it on the
//! way.

use crate::TrainError;
use crate::model::set;
use crate::run::budget::{Costs, Demands, Left, Plan};
use crate::run::events::Observer;
use crate::run::ledger::Ledger;
use crate::run::optimizer::Optimizer;

use super::Run;

/// Steps for the timing of each level; the first is a warm-up.
const TIMED: usize = 4;
/// A smaller relative change of the number of steps is not reported.
const WORTH_TELLING: f64 = 0.1;
/// Weight of the last measurement in the running cost.
const LAST: f64 = 0.5;
/// Batches of each process in the timing of a validation.
const TIMED_BATCHES: usize = 2;
/// A run whose plan ends with more than this part of its budget left goes on.
const UNUSED: f64 = 0.05;

impl Run {
    /// Turns a budget in seconds into steps by timing each level on a copy of the weights.
    pub(super) fn fit_budget(&mut self, observer: &mut dyn Observer) -> Result<(), TrainError> {
        let Some(seconds) = self.config.training.length.seconds() else { return Ok(()) };
        let demands = Demands::of(&self.config, seconds);
        if self.progress.plan.is_some() {
            return self.follow_plan();
        }
        // a run without a plan has made no update: its moments are zero and its averages are the
        // weights
        debug_assert_eq!(self.optimizer.updates, 0);
        let (start, progress) = (self.optimizer.weights.clone(), self.progress.clone());
        let opened = self.clock.seconds();
        let mut steps = Vec::new();
        for level in 0..self.schedule.levels.len() {
            self.progress.ledger = Ledger::default();
            let mut fastest = f64::INFINITY;
            for step in 0..TIMED {
                let begun = self.clock.seconds();
                self.advance(step, level)?;
                if step > 0 {
                    fastest = fastest.min(self.clock.seconds() - begun);
                }
            }
            // a clock may be too coarse to time one step
            steps.push(fastest.max(1e-6));
        }
        let validation = self.timed_validation()?;
        let costs = Costs { steps, validation, checkpoint: 0.0 };
        self.optimizer = Optimizer::new(start, self.config.training.ema.len());
        self.progress = progress;
        set(&mut self.model, &self.optimizer.weights)?;
        self.progress.elapsed = self.clock.seconds() - opened;
        let plan = Plan::new(&demands, costs, demands.budget - self.progress.elapsed);
        observer.note(&format!(
            "{:.0} s buy about {} steps; the number follows what they cost",
            demands.budget,
            plan.steps()
        ));
        let asked = demands.validations;
        let validations = plan.validations(asked, demands.budget);
        if validations < asked {
            observer.note(&format!(
                "a validation takes {validation:.2} s: {validations} of {asked} are made, and one at the end of each level"
            ));
        }
        self.told = plan.steps();
        self.progress.plan = Some(plan);
        self.follow_plan()
    }

    /// Seconds of one validation, from a few of its batches: the faster one of two tries, because the machine may be busy.
    fn timed_validation(&mut self) -> Result<f64, TrainError> {
        let together = TIMED_BATCHES * self.config.training.batch * self.group.size();
        let (all, few) = (self.held_out(), self.held_out().min(together));
        let data = self.data.validation.first(few);
        set(&mut self.evaluator, &self.optimizer.averages[0])?;
        let mut fastest = f64::INFINITY;
        for _ in 0..2 {
            let begun = self.clock.seconds();
            self.fixed_losses(&data)?;
            fastest = fastest.min(self.clock.seconds() - begun);
        }
        self.evaluator.network.release_parameters();
        // every average on held-out fields, and one of them on training fields
        let losses = self.optimizer.averages.len() + 1;
        Ok(fastest * (losses * all) as f64 / few as f64)
    }

    /// Records a step on a level's fields, and revises the plan if that is due.
    pub(super) fn consider_budget(
        &mut self,
        trained: usize,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        let seconds = self.config.training.length.seconds();
        let (Some(seconds), Some(plan)) = (seconds, &mut self.progress.plan) else {
            return Ok(());
        };
        let demands = Demands::of(&self.config, seconds);
        self.window.add(plan.costs.steps[trained], self.progress.elapsed);
        let Some(ratio) = self.window.ratio(demands.budget) else { return Ok(()) };
        plan.costs = plan.costs.scaled(ratio.powf(LAST));
        let (step, left) = (self.progress.step, demands.budget - self.progress.elapsed);
        let Some(revised) = plan.revised(&demands, step, left) else { return Ok(()) };
        let (told, now) = (self.told as f64, revised.steps());
        self.progress.plan = Some(revised);
        if (now as f64 / told - 1.0).abs() > WORTH_TELLING {
            observer.note(&format!(
                "steps take {ratio:.2} times what was planned: {now} in all, {step} done"
            ));
            self.told = now;
        }
        self.follow_plan()
    }

    /// Goes on after the last step of a plan that ended long before the budget, as one does whose validations were timed
    /// while the machine was busy.
    pub(super) fn spend_rest(&mut self, observer: &mut dyn Observer) -> Result<(), TrainError> {
        let seconds = self.config.training.length.seconds();
        let (Some(seconds), Some(plan)) = (seconds, &self.progress.plan) else { return Ok(()) };
        let demands = Demands::of(&self.config, seconds);
        let (step, left) = (self.progress.step, demands.budget - self.progress.elapsed);
        if left <= UNUSED * demands.budget {
            return Ok(());
        }
        let (rate, warmup) = demands.rate;
        let longer = plan.extended(step, Left::Seconds(&demands, left), rate, warmup);
        if longer.steps() <= step {
            return Ok(());
        }
        observer.note(&format!(
            "{left:.0} s of the budget are left: {} steps more",
            longer.steps() - step
        ));
        self.told = longer.steps();
        self.progress.plan = Some(longer);
        self.follow_plan()?;
        self.save()
    }

    /// Updates the plan with the measured cost of a validation or a checkpoint.
    pub(super) fn book(&mut self, cost: impl Fn(&mut Costs) -> &mut f64, seconds: f64) {
        self.window.pause(seconds);
        if let Some(plan) = &mut self.progress.plan {
            let known = cost(&mut plan.costs);
            let first = *known == 0.0;
            *known += if first { seconds } else { LAST * (seconds - *known) };
        }
    }

    /// Takes the levels, the number of steps and the times of snapshots from the plan.
    pub(super) fn follow_plan(&mut self) -> Result<(), TrainError> {
        if let Some(plan) = &self.progress.plan {
            self.config.training.length.follow(plan.steps());
            self.told = if self.told == 0 { plan.steps() } else { self.told };
        }
        self.follow_switches()?;
        self.place_stores();
        Ok(())
    }
}
