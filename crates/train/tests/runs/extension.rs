//! Runs that go on longer than was planned.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use karhunen_net::Device;
use karhunen_train::config::Length;
use karhunen_train::events::Silent;
use karhunen_train::extension::More;
use karhunen_train::{Outcome, Run, TrainedModel};

use super::{Scratch, StopAfter, lines, state, tiny, train};

/// Trains a run with 24 more steps than it had, until it has done `until`.
fn extend(directory: &Path, until: usize) -> Outcome {
    let (stop, more) = (AtomicBool::new(false), More::Steps(24));
    let mut run =
        Run::extend_on(&tiny(&[]), directory, more, &Device::flex(), &mut Silent).unwrap();
    run.train(&stop, &mut StopAfter(until, &stop)).unwrap()
}

/// By `more`, by a configuration of more steps, interrupted and resumed by either command: the same bits.
#[test]
fn a_finished_run_goes_on_and_is_resumed_bit_for_bit() {
    let [whole, asked, parts] = ["more", "asked", "more-parts"].map(Scratch::new);
    for scratch in [&whole, &asked, &parts] {
        train(&tiny(&[]), scratch.path());
    }
    assert_eq!(extend(whole.path(), usize::MAX), Outcome::Finished);
    let longer = tiny(&["training.steps=48"]);
    assert_eq!(train(&longer, asked.path()), Outcome::Finished);
    for until in [25, 31] {
        assert_eq!(extend(parts.path(), until), Outcome::Interrupted);
        assert_eq!(state(parts.path()).progress.step, until);
    }
    assert_eq!(train(&tiny(&[]), parts.path()), Outcome::Finished);
    let end = state(whole.path());
    assert_eq!((end.progress.step, end.config.training.length), (48, Length::of_steps(48)));
    for other in [asked.path(), parts.path()] {
        let other = state(other);
        assert!(other.optimizer == end.optimizer);
        assert_eq!(other.progress, end.progress);
    }
    assert_eq!(TrainedModel::load(whole.path()).unwrap().unfinished(), None);
    // the same words once more change nothing, an earlier end is refused
    assert_eq!(train(&longer, asked.path()), Outcome::Finished);
    assert_eq!(state(asked.path()).progress, end.progress);
    let shorter = tiny(&["training.steps=30"]);
    let Err(refused) = Run::open(&shorter, asked.path(), true, &mut Silent) else {
        panic!("an earlier end was taken up")
    };
    assert!(refused.to_string().contains("30 steps would be an earlier end"), "{refused}");
    let nothing = Scratch::new("more-of-nothing");
    let more = More::Seconds(9.0);
    let none = Run::extend_on(&tiny(&[]), nothing.path(), more, &Device::flex(), &mut Silent);
    assert!(none.err().unwrap().to_string().contains("holds no run"));
}

/// Steps 24 to 47: up within the warm-up, at the peak, down over the last tenth of all; the first level's
/// steps stay, the last one takes the others.
#[test]
fn an_extension_has_a_rate_that_rises_again_and_falls_at_the_new_end() {
    let scratch = Scratch::new("rates");
    let shaped = |steps: usize| {
        let steps = format!("training.steps={steps}");
        tiny(&[
            &steps,
            "training.warmup=0.1",
            "training.rate={ kind = \"trapezoid\", cooldown = 0.25 }",
        ])
    };
    train(&shaped(24), scratch.path());
    let before = state(scratch.path());
    train(&shaped(64), scratch.path());
    let (end, peak) = (state(scratch.path()), shaped(24).training.learning_rate);
    let rates: Vec<f64> = lines(scratch.path()).iter().map(|e| e.rate / peak).collect();
    assert_eq!(rates.len(), 64);
    // a sixth of the peak in the last step of the first end, then up over a tenth of 64 steps
    assert!((rates[23] - 1.0 / 6.0).abs() < 1e-12, "{rates:?}");
    assert!(rates[24..30].windows(2).all(|r| r[0] < r[1]) && rates[24] < 0.2, "{rates:?}");
    assert!(rates[30..48].iter().all(|r| *r == 1.0), "{rates:?}");
    assert!(rates[48..].windows(2).all(|r| r[0] > r[1]), "{rates:?}");
    assert!((rates[63] - 1.0 / 16.0).abs() < 1e-12, "{rates:?}");
    let events = lines(scratch.path());
    assert!(events[24..].iter().all(|e| e.level == 1));
    assert!(end.progress.best_validation <= before.progress.best_validation);
    assert_eq!(end.optimizer.updates, 64);
}

/// What a run of 24 steps is given at step 18, in its fall: it goes on as one of 48 that stood there.
#[test]
fn a_run_may_be_given_a_later_end_before_its_own() {
    let scratch = Scratch::new("later");
    let stop = AtomicBool::new(false);
    let mut run = Run::open(&tiny(&[]), scratch.path(), true, &mut Silent).unwrap();
    run.train(&stop, &mut StopAfter(6, &stop)).unwrap();
    drop(run);
    train(&tiny(&["training.steps=48"]), scratch.path());
    let plan = state(scratch.path()).progress.plan.unwrap();
    // levels that have not ended share all steps as a run of 48 does
    assert_eq!((plan.level_steps(), plan.rise), (vec![24, 24], None));
    let peak = tiny(&[]).training.learning_rate;
    let rates: Vec<f64> = lines(scratch.path()).iter().map(|e| e.rate).collect();
    assert!(rates[1..43].iter().all(|r| *r == peak), "{rates:?}");
    assert!(rates[44] < peak && rates[47] < 0.3 * peak, "{rates:?}");
}

/// Of a run that differs in what ends its levels this is told, whatever its end.
#[test]
fn what_ends_levels_is_no_end_of_a_run() {
    let scratch = Scratch::new("switched");
    train(&tiny(&[]), scratch.path());
    let told =
        |settings: &[&str]| match Run::open(&tiny(settings), scratch.path(), true, &mut Silent) {
            Ok(_) => panic!("another run was taken up"),
            Err(error) => error.to_string(),
        };
    let automatic = "training.switching=automatic";
    for settings in [&[automatic][..], &[automatic, "training.steps=48"]] {
        let (own, asked) = ("`switching = \"shares\"`", "`switching = \"automatic\"`");
        let said = told(settings);
        assert!(said.contains(&format!("a run with {own}, asked for is {asked}")), "{said}");
    }
    let other = Scratch::new("switched-time");
    train(&tiny(&[automatic]), other.path());
    let Err(error) = Run::open(&tiny(&["training.seconds=600"]), other.path(), true, &mut Silent)
    else {
        panic!("a time was given to a run of automatic switching")
    };
    let said = error.to_string();
    assert!(said.contains("a run with `switching = \"automatic\"`, asked for is"), "{said}");
}
