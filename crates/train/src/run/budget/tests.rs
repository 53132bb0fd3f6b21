//! Tests of plans that fill a budget.

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

/// Ten validations were asked for. What they cost decides how many are made, beside those at the ends of three levels.
#[test]
fn validations_take_a_tenth_of_the_budget_at_most() {
    let asked = Demands { validations: 10, ..demands() };
    for (seconds, made, steps) in [(0.5, 10, 2338), (3.0, 3, 2050), (20.0, 0, 1000)] {
        let costs = Costs { validation: seconds, ..costs([0.01, 0.04, 0.16]) };
        let plan = Plan::new(&asked, costs, 100.0);
        assert_eq!(plan.validations(10, 100.0), made);
        // 0.04 s a step, and three ends of levels
        assert!(plan.steps().abs_diff(steps) < 8, "{}", plan.steps());
    }
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
    let factor =
        |plan: &Plan, step: usize| rate.factor_at(plan.position(step), plan.steps() as f64, warmup);
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
