//! A run that is given a later end: its new plan is reported and stored before the next step.

use crate::TrainError;
use crate::config::{Length, Rate, Switching};
use crate::run::budget::{Costs, Demands, Left, Plan};
use crate::run::events::Observer;
use crate::run::extension::End;
use crate::run::ledger::LedgerEntry;

use super::Run;

impl Run {
    /// Extends the run to another end: [`crate::run::extension`].
    pub(super) fn extend(
        &mut self,
        end: End,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        let (step, before) = (self.progress.step, self.schedule.steps());
        let plan = self.progress.plan.take().unwrap_or_else(|| self.plan_so_far());
        let t = &mut self.config.training;
        let (rate, warmup) = (t.rate, t.warmup);
        let until = match end {
            End::Steps(steps) => {
                t.length = t.length.until(steps);
                let shares: Vec<f64> = self.config.levels.iter().map(|l| l.share).collect();
                let left = Left::Steps(&shares, steps - step);
                self.progress.plan = Some(plan.extended(step, left, rate, warmup));
                format!("{steps} steps")
            }
            End::Seconds(seconds) if t.length.switching() == Switching::Automatic => {
                return Err(TrainError::StepsOnly {
                    place: self.directory.display().to_string(),
                    message: format!(
                        "{seconds:.0} s more: a run of training.switching = \"automatic\" is given steps, not seconds"
                    ),
                });
            }
            End::Seconds(seconds) => {
                t.length = Length::of_seconds(seconds);
                let demands = Demands::of(&self.config, seconds);
                let left = Left::Seconds(&demands, seconds - self.progress.elapsed);
                let plan = plan.extended(step, left, rate, warmup);
                let text = format!("{seconds:.0} s in all, about {} steps", plan.steps());
                self.progress.plan = Some(plan);
                text
            }
        };
        self.told = 0;
        self.follow_plan()?;
        let what = if step >= before { "ended" } else { "was to end" };
        let rises = self.progress.plan.as_ref().is_some_and(|plan| plan.rise.is_some());
        let shape = match (rate, rises) {
            (Rate::Trapezoid { .. }, true) => "rises back to its peak and falls at the new end",
            (Rate::Trapezoid { .. }, false) => "falls at the new end",
            (Rate::Cosine, true) => {
                "rises to where the longer run would have it and falls to the new end"
            }
            (Rate::Cosine, false) => "falls to the new end",
        };
        observer.note(&format!(
            "the run {what} after {before} steps and now goes on to {until}; the learning rate {shape}"
        ));
        self.save()
    }

    /// The plan that a run without one has followed so far.
    fn plan_so_far(&self) -> Plan {
        let mut done = 0;
        let ends = self.schedule.levels.iter().map(|level| {
            done += level.steps;
            done
        });
        let entries = &self.progress.ledger.levels;
        let cost = |level: usize| self.model.network.flops(&self.schedule.levels[level].grid);
        let mean = |entry: &LedgerEntry| entry.seconds / entry.steps.max(1) as f64;
        // the cost of levels not yet reached is estimated from their operations
        let seconds =
            |level: usize| match (entries.get(level).filter(|e| e.steps > 0), entries.last()) {
                (Some(own), _) => mean(own),
                (None, Some(last)) => mean(last) * cost(level) / cost(entries.len() - 1),
                (None, None) => 0.0,
            };
        let ends: Vec<usize> = ends.collect();
        // a clock may be too coarse to time one step
        let steps = (0..ends.len()).map(|level| seconds(level).max(1e-6)).collect();
        let costs = Costs { steps, validation: 0.0, checkpoint: 0.0 };
        Plan { ends, since: 0, done: 0.0, costs, rise: None }
    }
}
