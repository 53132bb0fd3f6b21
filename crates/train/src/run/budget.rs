//! Turns a budget in seconds into a number of steps, and adjusts it to the measured cost of steps.
//!
//! Each level is timed before the first step. The plan is the largest number of steps N that fits
//! the budget with its validations and checkpoints; the levels divide N by their shares. During the
//! run, measured and planned seconds of the last steps are compared. If the run would end early or
//! late by more than a hundredth of the budget, costs are scaled by the ratio and N is recomputed:
//!
//! - A level that has ended keeps its steps. The others divide the rest of N by their shares. The
//!   current level has at least the steps already taken; each later level has at least one.
//! - The learning rate continues from the part u of the run that is done. While the rate is flat, u
//!   is moved to step / N, so that the final decay takes its part of all steps. A rise or a decay
//!   that has begun continues from its current value without a jump, and ends at N.
//!
//! A plan is part of the checkpoint. A run that is resumed under the same plan gives the same bits.
//! Module [`crate::run::extension`] describes the plan of an extended run.

use serde::{Deserialize, Serialize};

use crate::config::{Rate, RunConfig};

/// Costs are measured in windows of the budget divided by this number.
const WINDOWS: f64 = 50.0;
/// A plan stays unchanged while its end is within this part of the budget.
const TOLERATED: f64 = 0.01;
/// The part of the budget that may go to validations beside those at the ends of levels.
const VALIDATING: f64 = 0.1;

/// The steps that a budget pays for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Steps done when each level ends; the last number is all steps.
    pub ends: Vec<usize>,
    /// Steps done when this plan was made.
    pub since: usize,
    /// Part of the run that counted as done at that time, for the learning rate.
    pub done: f64,
    /// Measured costs.
    pub costs: Costs,
    /// The renewed rise of a learning rate whose decay had begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rise: Option<Rise>,
}

/// The renewed rise of a learning rate whose decay had begun or ended.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rise {
    /// Steps done when the rise begins.
    pub since: usize,
    /// Length of the rise in steps.
    pub steps: usize,
    /// The rate at its beginning, as a part of the peak.
    pub from: f64,
}

impl Rise {
    /// Upper bound on the rate before step `step` (from 0), as a part of the peak.
    pub fn most(&self, step: usize) -> f64 {
        let done = (step + 1).saturating_sub(self.since) as f64 / self.steps as f64;
        self.from + (1.0 - self.from) * done.min(1.0)
    }
}

/// Measured costs in seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Costs {
    /// One step on each level's fields.
    pub steps: Vec<f64>,
    /// One validation.
    pub validation: f64,
    /// One checkpoint.
    pub checkpoint: f64,
}

/// The demands on a plan, independent of measured costs.
#[derive(Debug, Clone, PartialEq)]
pub struct Demands {
    /// Seconds of the whole run.
    pub budget: f64,
    /// Each level's share of the steps; shares need not sum to one.
    pub shares: Vec<f64>,
    /// Part of the steps after the first level that return to a coarser one.
    pub replay: f64,
    /// Number of validations spread over the run, if [`Plan::validations`] allows it; each level's end adds one.
    pub validations: usize,
    /// Seconds between checkpoints; each level's end adds one.
    pub between_checkpoints: f64,
    /// The shape of the learning rate, and the part of the steps over which it rises.
    pub rate: (Rate, f64),
}

impl Demands {
    /// The demands of a configuration on a run of so many seconds.
    pub fn of(config: &RunConfig, seconds: f64) -> Self {
        let t = &config.training;
        Self {
            budget: seconds,
            shares: config.levels.iter().map(|l| l.share).collect(),
            replay: t.replay,
            validations: t.validations,
            between_checkpoints: t.checkpoint_seconds,
            rate: (t.rate, t.warmup),
        }
    }
}

/// How much longer an extended run goes on.
#[derive(Debug, Clone, Copy)]
pub enum Left<'a> {
    /// This many seconds, under these demands.
    Seconds(&'a Demands, f64),
    /// This many steps. The levels that have not ended divide them by these shares.
    Steps(&'a [f64], usize),
}

/// Seconds of the steps since costs were last compared: planned and measured.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Window {
    planned: f64,
    taken: f64,
    /// Seconds of the run when the last step ended, plus the pauses since then.
    since: f64,
}

impl Window {
    /// A window that begins after `elapsed` seconds of the run.
    pub fn starting(elapsed: f64) -> Self {
        Self { since: elapsed, ..Self::default() }
    }

    /// Records a step that ended after `elapsed` seconds of the run.
    pub fn add(&mut self, planned: f64, elapsed: f64) {
        self.planned += planned;
        self.taken += elapsed - self.since;
        self.since = elapsed;
    }

    /// Excludes seconds that belong to no step.
    pub fn pause(&mut self, seconds: f64) {
        self.since += seconds;
    }

    /// Measured cost of steps relative to the plan, if the window is long enough; it then restarts.
    pub fn ratio(&mut self, budget: f64) -> Option<f64> {
        if self.taken.max(self.planned) < budget / WINDOWS || self.planned <= 0.0 {
            return None;
        }
        let ratio = self.taken / self.planned;
        *self = Self::starting(self.since);
        Some(ratio)
    }
}

impl Costs {
    /// Costs on a machine `ratio` times as slow; those of checkpoints stay, as they wait for a disk.
    pub fn scaled(&self, ratio: f64) -> Self {
        let steps = self.steps.iter().map(|s| s * ratio).collect();
        Self { steps, validation: self.validation * ratio, ..*self }
    }
}

impl Plan {
    /// The plan for `left` seconds with no step done.
    pub fn new(demands: &Demands, costs: Costs, left: f64) -> Self {
        let ends = vec![1; demands.shares.len()];
        let blank = Self { ends, since: 0, done: 0.0, costs, rise: None };
        Self { ends: blank.filled(demands, 0, left), ..blank }
    }

    /// Number of validations spread over the run: those asked for, or fewer, so that they take a tenth of the budget at most.
    pub fn validations(&self, asked: usize, budget: f64) -> usize {
        asked.min((VALIDATING * budget / self.costs.validation) as usize)
    }

    /// Steps over all levels.
    pub fn steps(&self) -> usize {
        self.ends[self.ends.len() - 1]
    }

    /// Steps of each level.
    pub fn level_steps(&self) -> Vec<usize> {
        let before = std::iter::once(0).chain(self.ends.iter().copied());
        self.ends.iter().zip(before).map(|(end, before)| end - before).collect()
    }

    /// The position of the learning rate before step `step` (from 0): the number of steps done, as
    /// if this plan had held from the start.
    pub fn position(&self, step: usize) -> f64 {
        let total = self.steps() as f64;
        let (done, left) = (self.done * total, self.steps().saturating_sub(self.since).max(1));
        done + (total - done) * step.saturating_sub(self.since) as f64 / left as f64
    }

    /// The learning rate before step `step` (from 0), as a part of its peak.
    pub fn factor(&self, rate: &Rate, warmup: f64, step: usize) -> f64 {
        let own = rate.factor_at(self.position(step), self.steps() as f64, warmup);
        self.rise.map_or(own, |rise| own.min(rise.most(step)))
    }

    /// The plan of an extended run: `left` more seconds, or `left` more steps, after the `step`
    /// steps done. This plan would have ended earlier.
    ///
    /// The rate returns to its value in a run planned like this from the start, and ends at 0: see
    /// [`crate::run::extension`].
    pub fn extended(&self, step: usize, left: Left<'_>, rate: Rate, warmup: f64) -> Self {
        let ends = match left {
            Left::Seconds(demands, seconds) => self.filled(demands, step, seconds),
            Left::Steps(shares, steps) => self.ends_of(shares, step + steps, step),
        };
        let before = self.factor(&rate, warmup, step);
        let total = ends[ends.len() - 1];
        let done = rate.re_entered(step as f64 / total as f64);
        let longer = Self { ends, since: step, done, costs: self.costs.clone(), rise: None };
        if longer.factor(&rate, warmup, step) <= before {
            return longer;
        }
        let most = (total - step).div_ceil(2).max(1);
        let steps = ((warmup * total as f64) as usize).clamp(1, most);
        Self { rise: Some(Rise { since: step, steps, from: before }), ..longer }
    }

    /// The plan with `left` seconds to go after `step` steps; none if this plan is still good.
    pub fn revised(&self, demands: &Demands, step: usize, left: f64) -> Option<Self> {
        let planned = self.seconds_left(demands, &self.ends, step, left);
        if (planned - left).abs() <= TOLERATED * demands.budget {
            return None;
        }
        let ends = self.filled(demands, step, left);
        let total = ends[ends.len() - 1] as f64;
        let (rate, warmup) = demands.rate;
        let before = self.position(step) / self.steps() as f64;
        let done = rate.resumed(before, step as f64 / total, warmup);
        Some(Self { ends, since: step, done, costs: self.costs.clone(), rise: self.rise })
    }

    /// Ends of the levels that fill `left` seconds.
    fn filled(&self, demands: &Demands, step: usize, left: f64) -> Vec<usize> {
        let fits = |total: usize| {
            let ends = self.ends_of(&demands.shares, total, step);
            self.seconds_left(demands, &ends, step, left) <= left
        };
        let (mut enough, mut most) = (step, step + 1);
        while fits(most) && most < usize::MAX / 4 {
            (enough, most) = (most, step + 2 * (most - step));
        }
        while enough + 1 < most {
            let middle = enough + (most - enough) / 2;
            if fits(middle) { enough = middle } else { most = middle }
        }
        self.ends_of(&demands.shares, enough, step)
    }

    /// Where levels end in a run of about `total` steps, `step` of which are done.
    fn ends_of(&self, shares: &[f64], total: usize, step: usize) -> Vec<usize> {
        let mut rest: f64 = shares.iter().sum();
        let (mut before, mut ends) = (0, Vec::new());
        for (i, (share, &end)) in shares.iter().zip(&self.ends).enumerate() {
            // the steps left by earlier levels, divided by the shares of this and later levels
            let part = total.saturating_sub(before) as f64 * share / rest;
            let planned = before + part.round() as usize;
            rest -= share;
            // a run that goes on after its end does so on its last level
            let ended = step > 0 && end <= step && i + 1 < shares.len();
            // every level has at least one step and at least the steps it has taken
            before = if ended { end } else { planned.max(step).max(before + 1) };
            ends.push(before);
        }
        ends
    }

    /// Seconds that steps, validations and checkpoints after `step` take.
    fn seconds_left(&self, demands: &Demands, ends: &[usize], step: usize, left: f64) -> f64 {
        let total = ends[ends.len() - 1];
        let (mut seconds, mut before, mut levels) = (0.0, step, 0);
        for (level, &end) in ends.iter().enumerate() {
            let steps = end.saturating_sub(before);
            seconds += steps as f64 * self.step_cost(demands, level);
            levels += usize::from(steps > 0);
            before = before.max(end);
        }
        let part = total.saturating_sub(step) as f64 / total as f64;
        let validations = (self.validations(demands.validations, demands.budget) as f64 * part)
            .floor()
            + levels as f64;
        let checkpoints = (left.max(0.0) / demands.between_checkpoints).floor() + levels as f64;
        seconds + validations * self.costs.validation + checkpoints * self.costs.checkpoint
    }

    /// Seconds of one step of a level, its share of replayed coarser steps included.
    fn step_cost(&self, demands: &Demands, level: usize) -> f64 {
        let own = self.costs.steps[level];
        if level == 0 {
            return own;
        }
        let coarser = self.costs.steps[..level].iter().sum::<f64>() / level as f64;
        own + demands.replay * (coarser - own)
    }
}

#[cfg(test)]
mod tests;
