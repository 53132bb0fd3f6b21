//! Runs of a nested network (one stage a level): resumed bit for bit, later stages, and one
//! function on every grid.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use karhunen_field::denoiser::Denoiser;
use karhunen_field::sampler::Method;
use karhunen_field::{Ensemble, Grid, noise::stream, resample};
use karhunen_net::{Device, Parameters};
use karhunen_train::checkpoint::Checkpoint;
use karhunen_train::config::OptimizerKind;
use karhunen_train::data::Data;
use karhunen_train::events::{Event, Observer, Silent};
use karhunen_train::model::build_model;
use karhunen_train::request::Request;
use karhunen_train::{Outcome, Run, RunConfig, TrainError, TrainedModel};

fn tiny(settings: &[&str]) -> RunConfig {
    let base = [
        "seed=3",
        "data.count=40",
        "network.kind=nested",
        "network.width=[8, 6]",
        "network.blocks=[2]",
        "training.batch=4",
        "training.steps=24",
        "training.validations=3",
        "training.validation_fields=4",
        "levels=[{ grid = \"4x4\", share = 0.4 }, { grid = \"8x8\", share = 0.3 }, { grid = \"16x12\", share = 0.3 }]",
    ];
    let all: Vec<String> = base.iter().chain(settings).map(|s| s.to_string()).collect();
    RunConfig::load(None, &all).expect("a valid configuration")
}

/// Sets the flag as soon as the given step is done.
struct StopAfter<'a>(usize, &'a AtomicBool);

impl Observer for StopAfter<'_> {
    fn step(&mut self, event: &Event, _total: usize) {
        if event.step == self.0 {
            self.1.store(true, Ordering::Relaxed);
        }
    }
}

/// Trains until a step is done, or to the end. Returns the state without the seconds of the clock.
fn train(config: &RunConfig, directory: &Path, until: Option<usize>) -> Checkpoint {
    let stop = AtomicBool::new(false);
    let mut run = Run::open(config, directory, true, &mut Silent).expect("opens");
    let outcome = run.train(&stop, &mut StopAfter(until.unwrap_or(usize::MAX), &stop)).unwrap();
    assert_eq!(outcome == Outcome::Interrupted, until.is_some());
    let (mut checkpoint, complaints) = Checkpoint::newest(directory).unwrap().unwrap();
    assert!(complaints.is_empty(), "{complaints:?}");
    checkpoint.progress.ledger.levels.iter_mut().for_each(|l| l.seconds = 0.0);
    checkpoint.progress.elapsed = 0.0;
    checkpoint
}

fn stage(parameters: &Parameters, stage: usize) -> Vec<Vec<f32>> {
    let prefix = format!("stages.{stage}.");
    let of_stage = parameters.arrays.iter().filter(|a| a.name.starts_with(&prefix));
    of_stage.map(|a| a.values.to_vec()).collect()
}

#[test]
fn it_resumes_bit_for_bit_and_late_stages_wait_for_their_level() {
    let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let config = tiny(&[]);
    let end = train(&config, whole.path(), None);
    let start = train(&config, parts.path(), Some(1));
    // stopped in the first level, at a switch, and after one
    for until in [6, 10, 14] {
        let here = train(&config, parts.path(), Some(until));
        let still =
            |of: usize| stage(&here.optimizer.weights, of) == stage(&start.optimizer.weights, of);
        assert_eq!([still(0), still(1), still(2)], [false, until <= 10, true], "{until}");
    }
    let resumed = train(&config, parts.path(), None);
    assert!(end.optimizer == resumed.optimizer);
    assert_eq!(end.progress, resumed.progress);
    let begun: Vec<usize> = end.progress.ledger.levels.iter().map(|l| l.begun).collect();
    assert_eq!(begun, [0, 10, 17]);
}

/// A new run's matrices move by Muon; what a run began with, it goes on with.
#[test]
fn a_run_keeps_its_optimizer() {
    let [muon, adamw] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let new = train(&tiny(&[]), muon.path(), Some(6));
    assert_eq!(new.config.training.optimizer, Some(OptimizerKind::Muon));
    let asked = tiny(&["training.optimizer=adamw"]);
    let whole = tempfile::tempdir().unwrap();
    let end = train(&asked, whole.path(), None);
    let other = train(&asked, adamw.path(), Some(6));
    assert!(other.optimizer.weights != new.optimizer.weights);
    // without the key the second half is AdamW's too
    let resumed = train(&tiny(&[]), adamw.path(), None);
    assert_eq!(resumed.config.training.optimizer, Some(OptimizerKind::AdamW));
    assert!(resumed.optimizer == end.optimizer);
    // the checkpoint knows what the file leaves open
    let ask = |optimizer: &str| {
        Run::open(&tiny(&[optimizer]), adamw.path(), true, &mut Silent).map(|_| ())
    };
    let Err(refused) = ask("training.optimizer=muon") else { panic!("another optimizer") };
    assert!(refused.to_string().contains("optimizer = \"adamw\""), "{refused}");
    ask("training.optimizer=adamw").unwrap();
    let fno = RunConfig::load(None, &["network.kind=fno".into()]).unwrap();
    assert_eq!(fno.begun().training.optimizer, None);
}

#[test]
fn untrained_it_is_the_wiener_denoiser_on_every_level() {
    let config = tiny(&[]);
    let finest = *config.grids().unwrap().last().unwrap();
    let data = Data::load(&config.data, finest, config.seed).unwrap();
    let model = build_model(&config, &data.statistics, &Device::flex()).unwrap();
    let p = &model.preconditioner;
    for points in [[4, 4], [8, 8], [16, 12], [5, 7], [24, 30]] {
        let grid = finest.with_points(&points).unwrap();
        let x = p.law().sample(grid, 5, 0..2, stream::START);
        for t in [0.05, 0.4, 0.9] {
            let found = model.denoise(&x, t).unwrap();
            let on = p.on(&grid);
            let (a, frame) = (p.path().signal(t), on.frame());
            let weights = frame.wiener(p.path().as_ref(), t);
            let values = x.values.chunks_exact(x.field_len());
            let expected: Vec<f64> = values
                .flat_map(|x| {
                    let mut modes = on.transform().analyse_channels(x);
                    for ((x, m), w) in modes.iter_mut().zip(&frame.mean).zip(&weights) {
                        *x = m + w * (*x - a * m);
                    }
                    on.transform().synthesise_channels(&modes)
                })
                .collect();
            let error = found.values.iter().zip(&expected).map(|(a, b)| (a - b).abs());
            assert!(error.fold(0.0, f64::max) < 1e-9, "{points:?} at {t}");
        }
    }
}

#[test]
fn one_seed_is_one_function_beyond_its_levels_and_between_them() {
    let directory = tempfile::tempdir().unwrap();
    train(&tiny(&[]), directory.path(), None);
    let model = TrainedModel::load(directory.path()).unwrap();
    let finest = *model.levels().unwrap().last().unwrap();
    let sample = |points: [usize; 2]| -> Ensemble {
        let grid = finest.with_points(&points).unwrap();
        let request =
            Request { calibrated: false, ..Request::new(grid, 7, Method::WienerExponential, 6) };
        model.sample(&request, 0..2, &|_, _| {}).unwrap().0
    };
    let at_finest = sample([16, 12]);
    let agrees = |other: &Ensemble, to: Grid| {
        let a = resample::spectral(&at_finest, to).unwrap();
        let b = resample::spectral(other, to).unwrap();
        let size = a.values.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        let error = a.values.iter().zip(&b.values).map(|(a, b)| (a - b).abs());
        error.fold(0.0, f64::max) / size
    };
    for points in [[32, 24], [17, 40], [31, 13]] {
        let error = agrees(&sample(points), at_finest.grid);
        assert!(error < 1e-6, "{points:?}: {error:e}");
    }
    for points in [[9, 9], [12, 12], [16, 9]] {
        let other = sample(points);
        let error = agrees(&other, other.grid);
        assert!(error < 1e-6, "{points:?}: {error:e}");
    }
}

#[test]
fn ladders_that_it_cannot_hold_are_refused() {
    for levels in [
        "levels=[{ grid = \"3x8\", share = 1 }, { grid = \"8x8\", share = 1 }]",
        "levels=[{ grid = \"8x8\", share = 1 }, { grid = \"8x8\", share = 1 }]",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let refused = Run::open(&tiny(&[levels]), directory.path(), true, &mut Silent);
        let Err(TrainError::Net(e)) = refused else { panic!("{levels}") };
        assert!(e.to_string().contains("levels: "), "{e}");
    }
}
