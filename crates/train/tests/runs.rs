//! Runs as their users see them: resumed bit for bit, and robust against damaged directories.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use karhunen_net::NetworkConfig;
use karhunen_train::budget::Costs;
use karhunen_train::checkpoint::{Checkpoint, list};
use karhunen_train::events::{self, Event, Observer, Silent};
use karhunen_train::{Exported, Outcome, Run, RunConfig, TrainError, TrainedModel};

#[path = "runs/extension.rs"]
mod extension;
#[path = "runs/ranks.rs"]
mod ranks;
#[path = "runs/samples.rs"]
mod samples;
#[path = "runs/told.rs"]
mod told;

/// A directory of this test alone, removed when it ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("karhunen-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Two levels, a narrow network, a second's work.
fn tiny(settings: &[&str]) -> RunConfig {
    let base = [
        "seed=3",
        "data.count=40",
        "network.width=6",
        "network.modes=[4]",
        "network.layers=2",
        "network.projection=8",
        "training.batch=4",
        "training.steps=24",
        "training.validations=3",
        "training.validation_fields=4",
        "levels=[{ grid = \"8x8\", share = 0.5 }, { grid = \"16x12\", share = 0.5 }]",
    ];
    let all: Vec<String> = base.iter().chain(settings).map(|s| s.to_string()).collect();
    RunConfig::load(None, &all).expect("a valid configuration")
}

fn train(config: &RunConfig, directory: &Path) -> Outcome {
    let mut run = Run::open(config, directory, true, &mut Silent).expect("opens");
    run.train(&AtomicBool::new(false), &mut Silent).expect("trains")
}

/// Sets the flag as soon as a step is done.
struct StopAfter<'a>(usize, &'a AtomicBool);

impl Observer for StopAfter<'_> {
    fn step(&mut self, event: &Event, _total: usize) {
        if event.step == self.0 {
            self.1.store(true, Ordering::Relaxed);
        }
    }
}

/// The state that determines everything after it. Seconds are the clock's.
fn state(directory: &Path) -> Checkpoint {
    let (mut checkpoint, complaints) =
        Checkpoint::newest(directory).expect("readable").expect("there is one");
    assert!(complaints.is_empty(), "{complaints:?}");
    checkpoint.progress.ledger.levels.iter_mut().for_each(|l| l.seconds = 0.0);
    checkpoint.progress.elapsed = 0.0;
    if let Some(plan) = &mut checkpoint.progress.plan {
        plan.costs = Costs { steps: vec![], validation: 0.0, checkpoint: 0.0 };
    }
    checkpoint
}

fn lines(directory: &Path) -> Vec<Event> {
    events::read(&directory.join("events.jsonl")).unwrap()
}

fn resumes_bit_for_bit(name: &str, settings: &[&str], stops: &[usize]) -> Checkpoint {
    let (whole, parts) = (Scratch::new(name), Scratch::new(&format!("{name}-parts")));
    let config = tiny(settings);
    assert_eq!(train(&config, whole.path()), Outcome::Finished);
    for &until in stops {
        let stop = AtomicBool::new(false);
        let mut run = Run::open(&config, parts.path(), true, &mut Silent).unwrap();
        let outcome = run.train(&stop, &mut StopAfter(until, &stop)).unwrap();
        assert_eq!((outcome, run.step()), (Outcome::Interrupted, until));
    }
    assert_eq!(train(&config, parts.path()), Outcome::Finished);
    let (a, b) = (state(whole.path()), state(parts.path()));
    assert!(a.optimizer == b.optimizer);
    assert_eq!(a.progress, b.progress);
    let steps = |d: &Path| -> Vec<(usize, u64)> {
        let events = events::read(&d.join("events.jsonl")).unwrap();
        events.iter().map(|e| (e.step, e.loss.to_bits())).collect()
    };
    assert_eq!(steps(whole.path()), steps(parts.path()));
    a
}

#[test]
fn interrupted_and_resumed_is_the_uninterrupted_run_bit_for_bit() {
    // in the first level, right at the switch, in the second level
    resumes_bit_for_bit("whole", &[], &[5, 12, 17]);
}

#[test]
fn a_level_that_is_exhausted_is_left_early_and_resumed_bit_for_bit() {
    // a rate at which nothing is learned: no gain, and every finer mode is a promise
    let settings = ["training.switching=automatic", "training.learning_rate=1e-9"];
    let state = resumes_bit_for_bit("automatic", &settings, &[1, 2, 3, 17]);
    // the first decision sees one loss alone, and a tenth of 24 steps is two
    assert_eq!(state.progress.switches, [2]);
    let steps: Vec<usize> = state.progress.ledger.levels.iter().map(|l| l.steps).collect();
    // replay goes back for a fifth of the steps after the switch
    assert_eq!(steps.iter().sum::<usize>(), 24);
    assert!(steps[0] < 2 + 24 / 4, "{steps:?}");
}

#[test]
fn a_killed_run_goes_on_from_its_last_checkpoint() {
    let (whole, killed) = (Scratch::new("unkilled"), Scratch::new("killed"));
    let config = tiny(&[]);
    train(&config, whole.path());
    let stop = AtomicBool::new(false);
    let mut run = Run::open(&config, killed.path(), true, &mut Silent).unwrap();
    run.train(&stop, &mut StopAfter(15, &stop)).unwrap();
    drop(run);
    // killed while it wrote the next checkpoint: the newest lost its manifest, another was begun
    let newest = list(killed.path()).unwrap().pop().unwrap();
    fs::remove_file(newest.join("manifest.json")).unwrap();
    let begun = killed.path().join("checkpoints/.writing-00000016");
    fs::create_dir_all(&begun).unwrap();
    fs::write(begun.join("weights.safetensors"), b"cut sho").unwrap();
    // and while it wrote an event
    let path = killed.path().join("events.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{text}{{\"step\": 16, \"lev")).unwrap();

    struct Notes(Vec<String>);
    impl Observer for Notes {
        fn note(&mut self, text: &str) {
            self.0.push(text.to_string());
        }
    }
    let mut notes = Notes(vec![]);
    let mut run = Run::open(&config, killed.path(), true, &mut notes).unwrap();
    assert_eq!(run.step(), 12, "the checkpoint at the level switch is the newest whole one");
    let told = |text: &str| notes.0.iter().any(|n| n.contains(text));
    assert!(
        told("skipped") && told("manifest.json") && told("resuming at step 12"),
        "{:?}",
        notes.0
    );
    run.train(&AtomicBool::new(false), &mut Silent).unwrap();
    assert!(state(whole.path()).optimizer == state(killed.path()).optimizer);
}

#[test]
fn numbers_do_not_depend_on_threads() {
    let weights = |threads: usize| {
        let scratch = Scratch::new(&format!("threads-{threads}"));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| train(&tiny(&[]), scratch.path()));
        state(scratch.path()).optimizer
    };
    assert!(weights(1) == weights(3));
}

/// An average's arrays in one row.
fn flat(parameters: &karhunen_net::Parameters) -> Vec<f64> {
    parameters.arrays.iter().flat_map(|a| a.values.iter().map(|v| f64::from(*v))).collect()
}

#[test]
fn an_average_made_afterwards_is_the_one_that_was_not_kept() {
    let scratch = |name: &str| Scratch::new(name);
    let (kept, made, finer) = (scratch("kept"), scratch("made"), scratch("finer"));
    let with = |more: &[&str]| tiny(&[&["training.steps=60"], more].concat());
    train(&with(&["training.ema=[0.07]"]), kept.path());
    train(&with(&["training.ema=[0.05,0.1]", "training.snapshots=6"]), made.path());
    train(&with(&["training.ema=[0.05,0.1]", "training.snapshots=12"]), finer.path());
    // averages do not touch the weights: the runs pass through the same ones
    let weights = |scratch: &Scratch| state(scratch.path()).optimizer.weights;
    assert!(weights(&kept) == weights(&made) && weights(&kept) == weights(&finer));
    let of = |scratch: &Scratch, length| Exported::open(scratch.path(), Some(length)).unwrap().0;
    let (exact, found, near) = (of(&kept, 0.07), of(&made, 0.07), of(&made, 0.05));
    let average = found.average.unwrap();
    assert_eq!((average.length, average.made_of), (0.07, 12));
    // by NumPy: 2.1 % of the profile with six snapshots
    assert!((average.error - 0.0212).abs() < 1e-4, "{average:?}");
    let apart = |a: &Exported| -> f64 {
        let (a, b) = (flat(&a.weights), flat(&exact.weights));
        a.iter().zip(&b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
    };
    let [coarse, fine, other] = [&found, &of(&finer, 0.07), &near].map(apart);
    // nearer than the nearest that was kept, and twelve snapshots nearer than six
    assert!(coarse < 0.5 * other && fine < 0.3 * coarse, "{coarse} {fine} {other}");
    // what the run kept is itself, by default the first
    let (default, _) = Exported::open(made.path(), None).unwrap();
    assert!(default.weights == near.weights && near.average.unwrap().error == 0.0);
    let far = Exported::open(made.path(), Some(0.01)).unwrap_err().to_string();
    assert!(far.contains("5 snapshots") && far.contains("% off"), "{far}");
    let wild = Exported::open(made.path(), Some(0.9)).unwrap_err().to_string();
    assert!(wild.contains("between 0.005 and 0.28"), "{wild}");
}

#[test]
fn snapshots_of_an_interrupted_run_are_the_uninterrupted_ones() {
    let (whole, parts) = (Scratch::new("whole-snapshots"), Scratch::new("part-snapshots"));
    let config = tiny(&["training.snapshots=6"]);
    train(&config, whole.path());
    let stop = AtomicBool::new(false);
    let mut run = Run::open(&config, parts.path(), true, &mut Silent).unwrap();
    run.train(&stop, &mut StopAfter(13, &stop)).unwrap();
    drop(run);
    // of a step that the newest checkpoint has not reached
    fs::write(parts.path().join("snapshots/00000020.safetensors"), b"of a lost future").unwrap();
    train(&config, parts.path());
    let files = |scratch: &Scratch| -> Vec<(String, Vec<u8>)> {
        let entries = fs::read_dir(scratch.path().join("snapshots")).unwrap();
        let mut files: Vec<_> = entries
            .map(|e| e.unwrap())
            .map(|e| (e.file_name().into_string().unwrap(), fs::read(e.path()).unwrap()))
            .collect();
        files.sort();
        files
    };
    let (a, b) = (files(&whole), files(&parts));
    let names: Vec<&str> = a.iter().map(|(name, _)| &name[..8]).collect();
    assert_eq!(names, ["00000004", "00000008", "00000012", "00000016", "00000020"]);
    assert!(a == b);
}

#[test]
fn a_directory_belongs_to_one_configuration() {
    let scratch = Scratch::new("other");
    train(&tiny(&[]), scratch.path());
    let other = tiny(&["training.learning_rate=0.01"]);
    let Err(TrainError::OtherRun { message, .. }) =
        Run::open(&other, scratch.path(), true, &mut Silent)
    else {
        panic!("another run was resumed")
    };
    assert!(message.contains("learning_rate = 0.01"), "{message}");
    let refused = Run::open(&tiny(&[]), scratch.path(), false, &mut Silent);
    assert!(matches!(refused, Err(TrainError::RunExists { .. })));
}

#[test]
fn a_diverging_run_rolls_back_halves_its_rate_and_gives_up() {
    struct Messages(Vec<String>);
    impl Observer for Messages {
        fn milestone(&mut self, event: &Event) {
            self.0.extend(event.message.clone());
        }
    }
    let scratch = Scratch::new("diverging");
    // steps of size 1e30 overflow f32 in the next forward pass, half and quarter of it as well
    let config = tiny(&["training.learning_rate=1e30", "training.warmup=0.0"]);
    let mut messages = Messages(vec![]);
    let mut run = Run::open(&config, scratch.path(), true, &mut messages).unwrap();
    let error = run.train(&AtomicBool::new(false), &mut messages).unwrap_err();
    assert!(matches!(error, TrainError::Diverged { .. }), "{error}");
    assert_eq!(messages.0.len(), 3, "{:?}", messages.0);
    assert!(messages.0.iter().all(|m| m.contains("rate halved")), "{:?}", messages.0);
    // what is left is a model of finite weights
    let kept = state(scratch.path());
    assert!(kept.optimizer.weights.arrays.iter().all(|a| a.values.iter().all(|v| v.is_finite())));
    assert_eq!(kept.progress.rate_factor, 0.125);
}

#[test]
fn a_roll_back_past_a_damaged_checkpoint_is_told() {
    /// Leaves a checkpoint without a manifest when a roll-back is told.
    struct Damages<'a>(&'a Path, Vec<String>);
    impl Observer for Damages<'_> {
        fn milestone(&mut self, _event: &Event) {
            fs::create_dir_all(self.0.join("checkpoints/99999999")).unwrap();
        }
        fn warning(&mut self, text: &str) {
            self.1.push(text.to_string());
        }
    }
    let scratch = Scratch::new("damaged-roll-back");
    let config = tiny(&["training.learning_rate=1e30", "training.warmup=0.0"]);
    let mut damages = Damages(scratch.path(), vec![]);
    let mut run = Run::open(&config, scratch.path(), true, &mut damages).unwrap();
    run.train(&AtomicBool::new(false), &mut damages).unwrap_err();
    // the first of three roll-backs found nothing wrong
    assert_eq!(damages.1.len(), 2, "{:?}", damages.1);
    assert!(damages.1.iter().all(|w| w.contains("99999999")), "{:?}", damages.1);
}

#[test]
fn levels_left_at_their_bounds_are_counted_and_resumed() {
    // steady gain at a high rate keeps every level as long as it may
    let settings = [
        "training.switching=automatic",
        "training.learning_rate=3e-3",
        "levels=[{ grid = \"6x6\", share = 0.4 }, { grid = \"8x8\", share = 0.3 }, { grid = \"12x12\", share = 0.3 }]",
    ];
    let state = resumes_bit_for_bit("bounds", &settings, &[3, 11, 16, 20]);
    assert_eq!(state.progress.switches.len(), 2, "{:?}", state.progress.switches);
    assert!(state.progress.switches[0] < state.progress.switches[1]);
}

#[test]
fn a_checkpoint_of_another_architecture_is_refused_by_name() {
    let scratch = Scratch::new("architecture");
    train(&tiny(&[]), scratch.path());
    let mut checkpoint = state(scratch.path());
    let NetworkConfig::Fno(network) = &mut checkpoint.config.network else { panic!("a default") };
    network.width = 7;
    checkpoint.save(scratch.path()).unwrap();
    let error = TrainedModel::load(scratch.path()).unwrap_err().to_string();
    assert!(error.contains("lifting.weight") && error.contains("[3, 7]"), "{error}");
}
