//! Runs as their users see them: resumed bit for bit, and robust against damaged directories.
//!
//! This file is long: its tests share one set of small runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use karhunen_field::sampler::Method;
use karhunen_field::{Ensemble, resample};
use karhunen_net::{Band, Device, NetworkConfig};
use karhunen_train::budget::Costs;
use karhunen_train::checkpoint::{Checkpoint, list};
use karhunen_train::copies::NearCopies;
use karhunen_train::events::{self, Event, Observer, Silent};
use karhunen_train::extension::More;
use karhunen_train::request::{Coarse, Request};
use karhunen_train::{Exported, Outcome, Run, RunConfig, TrainError, TrainedModel};

#[path = "runs/ranks.rs"]
mod ranks;

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

/// Trains a run with 24 more steps than it had, until it has done `until`.
fn extend(directory: &Path, until: usize) -> Outcome {
    let (stop, more) = (AtomicBool::new(false), More::Steps(24));
    let mut run =
        Run::extend_on(&tiny(&[]), directory, more, &Device::flex(), &mut Silent).unwrap();
    run.train(&stop, &mut StopAfter(until, &stop)).unwrap()
}

fn lines(directory: &Path) -> Vec<Event> {
    events::read(&directory.join("events.jsonl")).unwrap()
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
    assert_eq!((end.progress.step, end.config.training.steps), (48, 48));
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
fn a_model_is_the_same_function_whatever_the_batch() {
    let scratch = Scratch::new("model");
    train(&tiny(&[]), scratch.path());
    let model = TrainedModel::load(scratch.path()).unwrap();
    let grid = model.grid(&[17, 9]).unwrap();
    let request = Request::new(grid, 5, Method::DpmSolver2M, 4);
    let (many, evaluations) = model.sample(&request, 0..6, &|_, _| ()).unwrap();
    assert_eq!(evaluations, 4);
    let (one, _) = model.sample(&request, 4..5, &|_, _| ()).unwrap();
    assert_eq!(one.values[..], many.values[4 * grid.len()..5 * grid.len()]);
    assert!(many.values.iter().all(|v| v.is_finite()));
}

#[test]
fn calibrated_fields_are_one_function_on_every_grid_and_in_every_batch() {
    let scratch = Scratch::new("calibrated");
    train(&tiny(&["training.steps=4"]), scratch.path());
    let mut model = TrainedModel::load(scratch.path()).unwrap();
    let trained = model.statistics.grid;
    let fine = model.grid(&[21, 30]).unwrap();
    let apart = |a: &Ensemble, b: &Ensemble| {
        let difference = a.values.iter().zip(&b.values).map(|(a, b)| (a - b).abs());
        difference.fold(0.0, f64::max)
    };
    let calibrated =
        |grid| Request { calibrated: true, ..Request::new(grid, 5, Method::DpmSolver2M, 3) };
    let (low, _) = model.sample(&calibrated(trained), 0..3, &|_, _| ()).unwrap();
    let (plain, _) =
        model.sample(&Request::new(trained, 5, Method::DpmSolver2M, 3), 0..3, &|_, _| ()).unwrap();
    assert!(apart(&low, &plain) > 1e-3, "a network of four steps has something to calibrate");
    let (high, _) = model.sample(&calibrated(fine), 0..3, &|_, _| ()).unwrap();
    // single precision of the network's answers
    assert!(apart(&resample::spectral(&high, trained).unwrap(), &low) < 1e-5);
    let (one, _) = model.sample(&calibrated(fine), 2..3, &|_, _| ()).unwrap();
    assert_eq!(one.values[..], high.values[2 * fine.len()..]);
    // refined on the way, pilots and fields alike
    let coarse = vec![Coarse { grid: model.grid(&[8, 8]).unwrap(), until: 0.5 }];
    let refined = Request { coarse, method: Method::WienerExponential, ..calibrated(fine) };
    assert!(model.sample(&refined, 0..2, &|_, _| ()).is_ok());
    // where the network answers for the whole grid, pilots are of that grid
    model.model.band = Band::Grid;
    let (whole, _) = model.sample(&calibrated(fine), 0..3, &|_, _| ()).unwrap();
    assert!(apart(&whole, &high) > 0.0 && whole.values.iter().all(|v| v.is_finite()));
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

/// Pilots are sampled once for a model and a request; what is kept changes no bit and hinders nobody.
#[test]
fn calibrations_are_kept_with_their_model() {
    let scratch = Scratch::new("calibrations");
    train(&tiny(&[]), scratch.path());
    let folder = scratch.path().join("calibrations");
    let steps = |grid: &[usize]| -> (Ensemble, usize) {
        let model = TrainedModel::load(scratch.path()).unwrap();
        let request = Request { evaluations: 4, ..model.request(model.grid(grid).unwrap(), 5) };
        assert!(request.calibrated);
        let steps = AtomicUsize::new(0);
        let count = |_: usize, _: usize| {
            steps.fetch_add(1, Ordering::Relaxed);
        };
        let (fields, _) = model.sample(&request, 0..3, &count).unwrap();
        (fields, steps.into_inner())
    };
    let files = || fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect::<Vec<_>>();
    let (fields, with_pilots) = steps(&[16, 12]);
    let file = files().pop().expect("a file");
    let (again, without) = steps(&[16, 12]);
    assert_eq!(fields.values, again.values);
    assert!(without < with_pilots, "{without} steps, {with_pilots} with pilots");
    // another grid has its own; a finer one is calibrated on the trained one
    steps(&[12, 9]);
    assert_eq!((files().len(), steps(&[32, 24]).1), (2, steps(&[32, 24]).1));
    // a damaged file, and one of another model, are made anew
    let bytes = fs::read(&file).unwrap();
    for other in [b"nothing".to_vec(), bytes[..bytes.len() - 9].to_vec(), {
        let text = b", band ";
        let at = bytes.windows(text.len()).position(|w| w == text).unwrap();
        let mut other = bytes.clone();
        other[at - 1] = if other[at - 1] == b'0' { b'1' } else { b'0' };
        other
    }] {
        fs::write(&file, other).unwrap();
        assert_eq!(steps(&[16, 12]), (fields.clone(), with_pilots));
        assert_eq!(fs::read(&file).unwrap(), bytes);
    }
    // other weights are another model
    train(&tiny(&["training.steps=30"]), scratch.path());
    let (other, pilots) = steps(&[16, 12]);
    assert!(other.values != fields.values && pilots == with_pilots);
    // a place that cannot be written to is no error
    fs::remove_dir_all(&folder).unwrap();
    fs::write(&folder, b"in the way").unwrap();
    assert_eq!(steps(&[16, 12]), (other.clone(), with_pilots));
    assert_eq!(steps(&[16, 12]), (other, with_pilots));
}

/// Hears what a run says.
#[derive(Default)]
struct Heard(Vec<String>);

impl Observer for Heard {
    fn note(&mut self, text: &str) {
        self.0.push(text.into());
    }
}

impl Heard {
    fn says(&self, part: &str) -> bool {
        self.0.iter().any(|line| line.contains(part))
    }
}

fn heard(config: &RunConfig, directory: &Path) -> (Heard, NearCopies) {
    let mut heard = Heard::default();
    let mut run = Run::open(config, directory, true, &mut heard).expect("opens");
    run.train(&AtomicBool::new(false), &mut heard).expect("trains");
    let copies = run.near_copies(&|_, _| {}).expect("samples");
    (heard, copies)
}

/// Eight fields are learned by heart, and said to be; of 400 nothing of the kind is said.
#[test]
fn overfitting_is_told_and_honest_learning_is_not() {
    let settings = |count: &str, validation: &str| {
        let (count, validation) =
            (format!("data.count={count}"), format!("data.validation={validation}"));
        tiny(&[
            &count,
            &validation,
            "network.width=16",
            "training.steps=1500",
            "training.batch=8",
            "training.learning_rate=4e-3",
            "training.validation_fields=32",
            "levels=[{ grid = \"8x8\", share = 1 }]",
        ])
    };
    let (few, many) = (Scratch::new("few"), Scratch::new("many"));
    let (told, copies) = heard(&settings("16", "0.5"), few.path());
    assert!(
        told.says("held-out fields have") && told.says("learns its fields by heart"),
        "{:?}",
        told.0
    );
    assert!(told.says("the validation loss has risen"), "{:?}", told.0);
    assert!(copies.samples[0] > copies.held_out[0], "{}", copies.told());
    let parted = state(few.path()).progress.parted_step;
    assert!(parted.is_some_and(|step| step < 1500), "{parted:?}");
    let events = lines(few.path());
    let last = events.last().unwrap();
    assert!(last.training_loss < last.validation_loss, "{last:?}");
    let (told, copies) = heard(&settings("400", "0.1"), many.path());
    assert!(!told.says("by heart") && !told.says("has risen"), "{:?}", told.0);
    assert_eq!(copies.copies, 0, "{}", copies.told());
}

/// A network that has room for its four fields gives them back.
#[test]
fn samples_that_are_training_fields_are_counted() {
    let scratch = Scratch::new("copies");
    let config = tiny(&[
        "data.count=12",
        "data.validation=0.7",
        "network.width=16",
        "network.modes=[6]",
        "network.layers=4",
        "network.projection=32",
        "training.steps=1500",
        "training.batch=8",
        "training.learning_rate=4e-3",
        "levels=[{ grid = \"8x8\", share = 1 }]",
    ]);
    let (_, copies) = heard(&config, scratch.path());
    assert_eq!((copies.training_fields, copies.held_out.len(), copies.samples.len()), (4, 8, 32));
    assert!(copies.copies > 16, "{}", copies.told());
    assert!(copies.held_out.iter().all(|r| *r < 0.8), "{}", copies.told());
}

/// Periodic axes are shifted unless the run says otherwise, or its data do; resumed bit for bit.
#[test]
fn fields_on_periodic_axes_are_shifted_at_random() {
    let periodic = "data.boundary=periodic";
    let shifted = resumes_bit_for_bit("shifted", &[periodic], &[5, 13]);
    let named = |state: &Checkpoint| {
        let list = state.config.data.augment.iter().flatten();
        list.map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(named(&shifted), ["shift:0,1"]);
    let still = resumes_bit_for_bit("still", &[periodic, "data.augment=[]"], &[]);
    assert!(still.optimizer.weights != shifted.optimizer.weights && named(&still).is_empty());
    // a shifted law has a constant mean, and waves whose cosine and sine have one variance
    let mean = &shifted.statistics.mean.values;
    assert!(mean.iter().all(|v| (v - mean[0]).abs() < 1e-12), "{mean:?}");
    let c = &shifted.statistics.variances[0];
    assert!(
        (c[1] - c[2]).abs() < 1e-15
            && still.statistics.variances[0][1] != still.statistics.variances[0][2]
    );
    let energy = |state: &Checkpoint| {
        let squares: f64 = state.statistics.mean.values.iter().map(|v| v * v / 192.0).sum();
        squares + state.statistics.variances[0].iter().sum::<f64>()
    };
    assert!((energy(&shifted) - energy(&still)).abs() < 1e-9);
    // no other box is
    let closed = Scratch::new("closed");
    let (told, _) = heard(&tiny(&[]), closed.path());
    assert!(named(&state(closed.path())).is_empty() && !told.says("shift"), "{:?}", told.0);
    let mirrored = Scratch::new("mirrored");
    let (told, _) = heard(&tiny(&["data.augment=[\"mirror\"]"]), mirrored.path());
    assert!(told.says("mirrors along axis 1: mean, variance and spectrum"), "{:?}", told.0);
}
