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
    /// Number of validations spread over the run; each level's end adds one.
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
        let validations = (demands.validations as f64 * part).floor() + levels as f64;
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
mod tests {
    use super::*;

    fn demands() -> Demands {
        Demands {
            budget: 100.0,
            shares: vec![0.6, 0.25, 0.15],
            replay: 0.0,
            validations: 0,
            between_checkpoints: f64::INFINITY,
            rate: (Rate::Trapezoid { cooldown: 0.1 }, 0.03),
        }
    }

    fn costs(steps: [f64; 3]) -> Costs {
        Costs { steps: steps.to_vec(), validation: 0.0, checkpoint: 0.0 }
    }

    /// 0.6 · 0.01 + 0.25 · 0.04 + 0.15 · 0.16 = 0.04 s a step, which gives 2500 steps.
    #[test]
    fn a_budget_is_filled_by_shares() {
        // a hundredth of a millisecond more than 2500 steps take, so that rounding does no harm
        let plan = Plan::new(&demands(), costs([0.01, 0.04, 0.16]), 100.00001);
        assert_eq!(plan.ends, [1500, 2125, 2500]);
        assert_eq!(plan.level_steps(), [1500, 625, 375]);
        // a tenth of the steps of finer levels are on coarser levels, at their cost
        let replayed = Demands { replay: 0.1, ..demands() };
        let per_step = 0.6 * 0.01 + 0.25 * 0.037 + 0.15 * (0.144 + 0.1 * 0.025);
        let steps = Plan::new(&replayed, costs([0.01, 0.04, 0.16]), 100.0).steps() as f64;
        assert!((steps * per_step - 100.0).abs() < 0.3, "{steps}");
        // validations and checkpoints of 1 s each: 10 and 3, and 3 with the ends of levels
        let paused = Demands { validations: 10, between_checkpoints: 30.0, ..demands() };
        let costs = Costs { validation: 1.0, checkpoint: 1.0, ..costs([0.01, 0.04, 0.16]) };
        let steps = Plan::new(&paused, costs, 100.0).steps() as f64;
        assert!((steps * 0.04 - 81.0).abs() < 0.3, "{steps}");
    }

    #[test]
    fn a_budget_too_small_buys_a_step_a_level() {
        let plan = Plan::new(&demands(), costs([1e3; 3]), 100.0);
        assert_eq!(plan.ends, [1, 2, 3]);
    }

    /// Half-way through level 0, steps take twice as long: the shares hold for the steps that fit.
    #[test]
    fn shares_hold_when_the_number_of_steps_changes() {
        let plan = Plan::new(&demands(), costs([0.01, 0.04, 0.16]), 100.00001);
        assert_eq!(plan.revised(&demands(), 750, 92.5), None);
        let slower = Plan { costs: plan.costs.scaled(2.0), ..plan.clone() };
        let revised = slower.revised(&demands(), 750, 92.5).unwrap();
        let steps = revised.level_steps();
        let total = revised.steps() as f64;
        for (steps, share) in steps.iter().zip([0.6, 0.25, 0.15]) {
            assert!((*steps as f64 / total - share).abs() < 1e-3, "{steps} of {total}");
        }
        let left = (steps[0] - 750) as f64 * 0.02 + steps[1] as f64 * 0.08 + steps[2] as f64 * 0.32;
        assert!((left - 92.5).abs() < 0.2, "{left}");
        // steps that ended too long ago to be cut are not taken from the next level alone
        let half = slower.revised(&demands(), 1600, 40.00001).unwrap().level_steps();
        assert_eq!(half[0], 1500);
        assert!((half[1] as f64 / half[2] as f64 - 0.25 / 0.15).abs() < 0.05, "{half:?}");
        // levels that have ended keep their steps; the last level is cut
        let late = slower.revised(&demands(), 2200, 48.00001).unwrap();
        assert_eq!(late.ends[..2], [1500, 2125]);
        assert_eq!(late.steps(), 2200 + 150);
    }

    /// The rate never jumps up and ends near zero. Its decay takes a tenth of all steps where that
    /// is still possible.
    #[test]
    fn the_rate_falls_at_the_end_whatever_the_number_of_steps() {
        let demands = demands();
        let (rate, warmup) = demands.rate;
        let plan = Plan::new(&demands, costs([0.04; 3]), 100.00001);
        let factor = |plan: &Plan, step: usize| {
            rate.factor_at(plan.position(step), plan.steps() as f64, warmup)
        };
        assert_eq!(factor(&plan, 1000), 1.0);
        for (step, left, total) in
            [(1000, 30.0, 1750), (1000, 90.0, 3250), (2400, 2.0, 2450), (2400, 8.0, 2600)]
        {
            let revised = plan.revised(&demands, step, left + 1e-5).unwrap();
            assert_eq!(revised.steps(), total);
            let (before, after) = (factor(&plan, step), factor(&revised, step));
            assert!((before - after).abs() < 0.01, "{step} {left}: {before} {after}");
            let rates: Vec<f64> = (step..total).map(|step| factor(&revised, step)).collect();
            assert!(rates.windows(2).all(|w| w[1] <= w[0] + 1e-12), "{step} {left}");
            assert!(rates[rates.len() - 1] < 0.03, "{step} {left}: {rates:?}");
            if step == 1000 {
                let falling = rates.iter().filter(|f| **f < 1.0).count() as f64;
                assert!((falling / total as f64 - 0.1).abs() < 2e-3, "{left}: {falling}");
            }
        }
    }

    #[test]
    fn windows_leave_pauses_out() {
        let mut window = Window::starting(5.0);
        window.add(1.0, 6.5);
        assert_eq!(window.ratio(100.0), None);
        window.pause(10.0);
        window.add(1.0, 18.0);
        assert_eq!(window.ratio(100.0), Some(1.5));
        assert_eq!(window, Window::starting(18.0));
    }
}
