//! Budgets in seconds, with a clock that the test drives. Runs end in time on machines that slow
//! down or speed up, and keep the shares of their levels and the decay of their learning rate.

use std::fs;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use karhunen_net::Device;
use karhunen_train::checkpoint::Checkpoint;
use karhunen_train::clock::Clock;
use karhunen_train::config::{Length, TrainingConfig};
use karhunen_train::events::{Event, Observer, Silent};
use karhunen_train::extension::More;
use karhunen_train::{Outcome, Run, RunConfig};

/// A clock that advances by `tick` microseconds whenever it is read; a step reads it a few times. Before some of its
/// readings, counted from 1, it may have stood still for much longer.
#[derive(Debug, Default)]
struct Driven {
    now: AtomicU64,
    tick: AtomicU64,
    reads: AtomicU64,
    pause: Option<(Range<u64>, u64)>,
}

impl Clock for Driven {
    fn seconds(&self) -> f64 {
        let mut tick = self.tick.load(Ordering::Relaxed);
        let read = self.reads.fetch_add(1, Ordering::Relaxed) + 1;
        tick +=
            self.pause.as_ref().filter(|(at, _)| at.contains(&read)).map_or(0, |(_, pause)| *pause);
        1e-6 * (self.now.fetch_add(tick, Ordering::Relaxed) + tick) as f64
    }
}

/// Sets the clock's pace from the step and the level just done, and records learning rates.
struct Machine<'a> {
    clock: &'a Driven,
    pace: &'a dyn Fn(f64, usize) -> u64,
    stop: Option<(usize, &'a AtomicBool)>,
    events: Mutex<Vec<Event>>,
}

impl Observer for Machine<'_> {
    fn step(&mut self, event: &Event, _: usize) {
        let now = 1e-6 * self.clock.now.load(Ordering::Relaxed) as f64;
        self.clock.tick.store((self.pace)(now, event.level), Ordering::Relaxed);
        if let Some((step, flag)) = self.stop
            && event.step == step
        {
            flag.store(true, Ordering::Relaxed);
        }
        self.events.lock().unwrap().push(event.clone());
    }
}

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("karhunen-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const BUDGET: f64 = 60.0;

fn config() -> RunConfig {
    let settings = [
        "seed=3",
        "data.count=40",
        "network.width=4",
        "network.modes=[2]",
        "network.layers=1",
        "network.projection=4",
        "training.batch=2",
        "training.seconds=60",
        "training.validations=5",
        "training.validation_fields=2",
        "training.checkpoint_seconds=25",
        "levels=[{ grid = \"4x4\", share = 0.5 }, { grid = \"6x6\", share = 0.3 }, { grid = \"8x8\", share = 0.2 }]",
    ];
    RunConfig::load(None, &settings.map(String::from)).expect("a valid configuration")
}

/// Trains with a driven clock. Returns its end, the events and the last checkpoint.
fn train(name: &str, pace: &dyn Fn(f64, usize) -> u64) -> (f64, Vec<Event>, Checkpoint) {
    let scratch = Scratch::new(name);
    let clock = Arc::new(Driven::default());
    clock.tick.store(pace(0.0, 0), Ordering::Relaxed);
    let mut run =
        Run::open_by(&config(), &scratch.0, true, &Device::flex(), clock.clone(), &mut Silent)
            .expect("opens");
    let mut machine = Machine { clock: &clock, pace, stop: None, events: Mutex::default() };
    let outcome = run.train(&AtomicBool::new(false), &mut machine).expect("trains");
    assert_eq!(outcome, Outcome::Finished);
    let end = 1e-6 * clock.now.load(Ordering::Relaxed) as f64;
    let (checkpoint, _) = Checkpoint::newest(&scratch.0).unwrap().unwrap();
    (end, machine.events.into_inner().unwrap(), checkpoint)
}

/// Microseconds of a step, from the seconds that have passed and the level.
type Pace = dyn Fn(f64, usize) -> u64;

/// Paces: steady, three times as slow from the middle on, twice as fast, slow only at the end, and
/// a machine whose finer levels cost more than in the timing.
#[test]
fn runs_end_within_a_twentieth_of_their_budget() {
    let paces: [(&str, Box<Pace>); 5] = [
        ("steady", Box::new(|_, _| 10_000)),
        ("slower", Box::new(|now, _| if now < 30.0 { 8_000 } else { 24_000 })),
        ("faster", Box::new(|now, _| if now < 35.0 { 16_000 } else { 8_000 })),
        ("late", Box::new(|now, _| if now < 56.0 { 8_000 } else { 16_000 })),
        ("levels", Box::new(|_, level| [6_000, 12_000, 24_000][level])),
    ];
    for (name, pace) in &paces {
        let (end, events, checkpoint) = train(name, pace.as_ref());
        assert!((end / BUDGET - 1.0).abs() < 0.05, "{name}: {end} s");
        let plan = checkpoint.progress.plan.expect("a plan");
        let steps = plan.level_steps();
        println!("{name}: {end:.1} s, steps {steps:?}");
        assert_eq!(plan.steps(), events.len(), "{name}");
        assert_eq!(checkpoint.progress.step, events.len(), "{name}");
        let planned = Some(events.len());
        let length = Length::Seconds { seconds: BUDGET, planned };
        assert_eq!(checkpoint.config.training.length, length);
        // the decay of the rate: none before, and to almost nothing at the end
        let peak = config().training.learning_rate;
        let falling = events.iter().rev().take_while(|e| e.rate < peak).count();
        let part = falling as f64 / events.len() as f64;
        assert!((0.03..0.2).contains(&part), "{name}: falls over {part}");
        let last = events[events.len() - 1].rate / peak;
        assert!(last < 0.2, "{name}: ends at {last} of the peak");
        assert!(events[events.len() - 1].validation_loss.is_some(), "{name}");
        if *name == "steady" {
            for (steps, share) in steps.iter().zip([0.5, 0.3, 0.2]) {
                let off = *steps as f64 / plan.steps() as f64 - share;
                assert!(off.abs() < 0.02, "{steps} of {}", plan.steps());
            }
        }
    }
}

/// A machine that is busy for half of the budget, at whatever moment of the start: what was timed then is not
/// believed for ever.
#[test]
fn a_pause_while_costs_are_timed_does_not_shorten_the_run() {
    let budget = 6.0;
    let length = Length::Seconds { seconds: budget, planned: None };
    let config = RunConfig { training: TrainingConfig { length, ..config().training }, ..config() };
    let (pace, device) = (|_: f64, _: usize| 8_000, Device::flex());
    let mut steps = Vec::new();
    for at in (1..70).step_by(3) {
        let at = at..at + 9;
        let scratch = Scratch::new(&format!("pause-{}-{}", at.start, at.end));
        let clock = Driven { pause: Some((at.clone(), 400_000)), ..Driven::default() };
        clock.tick.store(8_000, Ordering::Relaxed);
        let clock = Arc::new(clock);
        let opened = Run::open_by(&config, &scratch.0, true, &device, clock.clone(), &mut Silent);
        let mut machine =
            Machine { clock: &clock, pace: &pace, stop: None, events: Mutex::default() };
        opened.unwrap().train(&AtomicBool::new(false), &mut machine).unwrap();
        let (checkpoint, _) = Checkpoint::newest(&scratch.0).unwrap().unwrap();
        let end = checkpoint.progress.elapsed;
        assert!((end / budget - 1.0).abs() < 0.1, "pause before readings {at:?}: {end} s");
        let events = machine.events.into_inner().unwrap();
        assert_eq!(checkpoint.progress.step, events.len());
        assert!(events[events.len() - 1].validation_loss.is_some());
        steps.push(events.len());
    }
    println!("{steps:?}");
    assert!(steps.iter().all(|n| *n > 20), "{steps:?}");
}

/// A stopped and resumed run gives the same result as an uninterrupted one.
#[test]
fn resumed_under_the_same_plan_it_gives_the_same_bits() {
    let pace = |_: f64, _: usize| 10_000;
    let (_, events, whole) = train("whole", &pace);
    let scratch = Scratch::new("stopped");
    let clock = Arc::new(Driven::default());
    clock.tick.store(10_000, Ordering::Relaxed);
    let stop = AtomicBool::new(false);
    let at = events.len() * 2 / 3;
    for stopped in [true, false] {
        let mut run =
            Run::open_by(&config(), &scratch.0, true, &Device::flex(), clock.clone(), &mut Silent)
                .expect("opens");
        stop.store(false, Ordering::Relaxed);
        let stop_at = stopped.then_some((at, &stop));
        let mut machine =
            Machine { clock: &clock, pace: &pace, stop: stop_at, events: Mutex::default() };
        let outcome = run.train(&stop, &mut machine).expect("trains");
        let expected = if stopped { Outcome::Interrupted } else { Outcome::Finished };
        assert_eq!(outcome, expected);
        // this time passes between the two processes and counts for no budget
        clock.now.fetch_add(500_000_000, Ordering::Relaxed);
    }
    let (parts, _) = Checkpoint::newest(&scratch.0).unwrap().unwrap();
    let ends = |c: &Checkpoint| c.progress.plan.as_ref().map(|p| (p.ends.clone(), p.since));
    assert_eq!(ends(&parts), ends(&whole));
    assert!((parts.progress.elapsed / BUDGET - 1.0).abs() < 0.05, "{}", parts.progress.elapsed);
    for (a, b) in parts.optimizer.weights.arrays.iter().zip(&whole.optimizer.weights.arrays) {
        assert!(a == b, "{}", a.name);
    }
}

/// A finished run of 60 s is extended by 30 s, and one of 300 steps by 20 s; both take that time by
/// the clock.
#[test]
fn runs_that_have_ended_go_on_for_the_seconds_they_are_given() {
    let pace = |_: f64, level: usize| [6_000, 9_000, 14_000][level];
    let of_steps = RunConfig {
        training: TrainingConfig { length: Length::of_steps(300), ..config().training },
        ..config()
    };
    for (name, config, more) in [("budget", config(), 30.0), ("steps", of_steps, 20.0)] {
        let scratch = Scratch::new(&format!("more-{name}"));
        let clock = Arc::new(Driven::default());
        clock.tick.store(pace(0.0, 0), Ordering::Relaxed);
        let machine =
            || Machine { clock: &clock, pace: &pace, stop: None, events: Mutex::default() };
        let device = Device::flex();
        let open = |more: Option<More>| match more {
            None => Run::open_by(&config, &scratch.0, true, &device, clock.clone(), &mut Silent),
            Some(more) => {
                Run::extend_by(&config, &scratch.0, more, &device, clock.clone(), &mut Silent)
            }
        };
        open(None).unwrap().train(&AtomicBool::new(false), &mut machine()).unwrap();
        let (before, _) = Checkpoint::newest(&scratch.0).unwrap().unwrap();
        // extended twice and interrupted once: the second command resumes it
        let stop = AtomicBool::new(false);
        let at = before.progress.step + 50;
        let mut stopped = Machine { stop: Some((at, &stop)), ..machine() };
        let mut run = open(Some(More::Seconds(more))).unwrap();
        assert_eq!(run.train(&stop, &mut stopped).unwrap(), Outcome::Interrupted, "{name}");
        drop(run);
        let mut run = open(Some(More::Seconds(more))).unwrap();
        let mut last = machine();
        assert_eq!(run.train(&AtomicBool::new(false), &mut last).unwrap(), Outcome::Finished);
        let (after, _) = Checkpoint::newest(&scratch.0).unwrap().unwrap();
        let taken = after.progress.elapsed - before.progress.elapsed;
        assert!((taken / more - 1.0).abs() < 0.1, "{name}: {taken} s");
        let plan = after.progress.plan.expect("a plan");
        assert_eq!(plan.steps(), after.progress.step, "{name}");
        let seconds = before.progress.elapsed + more;
        let planned = Some(after.progress.step);
        assert_eq!(after.config.training.length, Length::Seconds { seconds, planned });
        let events = last.events.into_inner().unwrap();
        let end = events[events.len() - 1].rate / config.training.learning_rate;
        assert!(end < 0.2, "{name}: ends at {end} of the peak");
        assert!(events.iter().any(|e| e.rate == config.training.learning_rate), "{name}");
    }
}
