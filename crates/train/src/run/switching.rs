//! Decides when a run goes from one level to the next.
//!
//! Two losses are compared. Both are of the averaged weights on the validation fields, in the units
//! of the finest level: V_ℓ on the grid of level ℓ, and V_finest on the finest grid. Twenty times a
//! run, on level ℓ and with R steps left,
//!
//! gain = (V_ℓ before − V_ℓ now) / (steps between · c_ℓ), the improvement for each floating-point
//! operation on this level; promise = (V_finest − V_ℓ) / (R · c_{ℓ+1}), the whole part of the loss
//! that level ℓ cannot see, spread over the rest of the run at the next level's cost.
//!
//! The run goes to the next level when gain < promise. The cost c_ℓ counts operations, not seconds,
//! so a run does not depend on how busy the machine is and can be resumed. A level takes at least a
//! tenth of the run, and leaves the finer levels at least half of their shares.

use serde::{Deserialize, Serialize};

/// Number of decisions over a run.
const DECISIONS: usize = 20;
/// A level takes at least one part in this many of the run.
const LEAST: usize = 10;
/// Part of their shares that finer levels keep at least.
const KEPT: f64 = 0.5;

/// The losses at one decision.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Steps done.
    pub step: usize,
    /// The current level.
    pub level: usize,
    /// V_ℓ, on the level's own grid.
    pub own: f64,
    /// V_finest.
    pub finest: f64,
}

/// Whether a decision is due after `step` steps of `total`.
pub fn due(step: usize, total: usize) -> bool {
    step.is_multiple_of((total / DECISIONS).max(1))
}

/// The first step after which a level may end, from the step at which it began and the steps of the
/// run.
pub fn may_end(began: usize, total: usize) -> usize {
    began + (total / LEAST).max(1)
}

/// The last step of a level, if the finer levels have `finer` steps by their shares.
pub fn must_end(total: usize, finer: &[usize]) -> usize {
    let kept: usize = finer.iter().map(|n| ((*n as f64 * KEPT) as usize).max(1)).sum();
    total.saturating_sub(kept)
}

/// Whether the current level gains less than the finer ones promise. Without an earlier measurement
/// on the same level the answer is no.
pub fn exhausted(
    before: Option<&Measured>,
    now: &Measured,
    total: usize,
    cost: f64,
    next_cost: f64,
) -> bool {
    let Some(before) = before.filter(|b| b.level == now.level && b.step < now.step) else {
        return false;
    };
    let gain = (before.own - now.own) / ((now.step - before.step) as f64 * cost);
    let left = total.saturating_sub(now.step).max(1) as f64;
    let promise = (now.finest - now.own).max(0.0) / (left * next_cost);
    gain < promise
}

#[cfg(test)]
mod tests {
    use super::*;

    /// V_ℓ = 0.2 + 0.2 e^{−n/100}, a gap of 0.05, and next steps four times as expensive. The rule
    /// switches when the mean slope over an interval of 50 steps falls to 0.05 / (4 (1000 − n)).
    #[test]
    fn it_turns_where_gain_meets_promise() {
        let at = |step: usize| {
            let own = 0.2 + 0.2 * (-(step as f64) / 100.0).exp();
            Measured { step, level: 0, own, finest: own + 0.05 }
        };
        let says = |step: usize| exhausted(Some(&at(step - 50)), &at(step), 1000, 1.0, 4.0);
        let turn = (100..1000).step_by(50).find(|n| says(*n)).unwrap();
        let gain = |n: f64| 0.2 * ((-(n - 50.0) / 100.0).exp() - (-n / 100.0).exp()) / 50.0;
        let promise = |n: f64| 0.05 / (4.0 * (1000.0 - n));
        let expected = (100..1000).step_by(50).find(|n| gain(*n as f64) < promise(*n as f64));
        assert_eq!(Some(turn), expected);
        assert!((300..800).contains(&turn), "{turn}");
    }

    #[test]
    fn bounds_leave_every_level_its_due() {
        assert_eq!(may_end(200, 1000), 300);
        assert_eq!(must_end(1000, &[250, 150]), 1000 - 125 - 75);
        assert_eq!(must_end(3, &[1, 1]), 1);
        assert!(due(50, 1000) && !due(51, 1000) && due(7, 3));
        let one = Measured { step: 10, level: 1, own: 0.3, finest: 0.4 };
        // the first measurement on a level decides nothing
        assert!(!exhausted(None, &one, 100, 1.0, 2.0));
        assert!(!exhausted(Some(&Measured { level: 0, step: 5, ..one }), &one, 100, 1.0, 2.0));
    }
}
