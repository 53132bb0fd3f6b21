//! Distillation: exact on Gaussian data, resumed bit for bit, and refused where it means nothing.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use karhunen_field::sampler::{self, Ddim, Reverse};
use karhunen_net::Device;
use karhunen_train::distil::{DistilOptions, Distillation};
use karhunen_train::events::{Event, Observer, Silent};
use karhunen_train::{Outcome, Run, RunConfig, TrainError, TrainedModel};

/// A folder of this test, empty.
fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("karhunen-distil-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    path
}

/// A small model, trained for a moment.
fn teacher(name: &str, settings: &[&str]) -> PathBuf {
    let settings: Vec<String> = [
        "data.source=builtin:grains",
        "data.count=64",
        "levels=[{grid=\"8x8\",share=0.5},{grid=\"16x16\",share=0.5}]",
        "network.width=[12,8]",
        "network.blocks=[2,2]",
        "training.steps=60",
        "training.batch=8",
    ]
    .iter()
    .chain(settings)
    .map(|s| s.to_string())
    .collect();
    let config = RunConfig::load(None, &settings).unwrap();
    let path = folder(name);
    let mut run = Run::open(&config, &path, false, &mut Silent).unwrap();
    run.train(&AtomicBool::new(false), &mut Silent).unwrap();
    path
}

fn small() -> DistilOptions {
    DistilOptions { evaluations: 3, trajectories: Some(40), batch: 8, ..DistilOptions::default() }
}

fn open(model: &Path, to: &Path, options: &DistilOptions) -> Result<Distillation, TrainError> {
    Distillation::open(model, options, to, &Device::flex(), &mut Silent)
}

fn whole(model: &Path, to: &Path, options: &DistilOptions) -> Distillation {
    let mut run = open(model, to, options).unwrap();
    run.run(&AtomicBool::new(false), &mut Silent, &|_, _| {}).unwrap();
    run
}

/// Stops after some steps.
struct After<'a>(usize, &'a AtomicBool);

impl Observer for After<'_> {
    fn step(&mut self, event: &Event, _: usize) {
        self.1.store(event.step >= self.0, Ordering::Relaxed);
    }
}

/// Without anything learned, the student of an untrained network takes the noise to the data's Gaussian law along the
/// exact flow: x = m + √(c / S) (x(T) − a m), in any number of evaluations.
#[test]
fn an_untrained_student_is_the_exact_flow_of_the_gaussian_law() {
    let model = teacher("gauss", &["training.steps=1", "training.learning_rate=1e-12"]);
    for evaluations in [1, 2, 5] {
        let to = folder(&format!("gauss-{evaluations}"));
        let options = DistilOptions { evaluations, trajectories: Some(1), ..small() };
        let (config, _) = {
            let run = open(&model, &to, &options).unwrap();
            (run.config().clone(), run.steps())
        };
        let student = TrainedModel::load(&to).unwrap();
        assert_eq!(config.sampling.evaluations, evaluations);
        assert_eq!(config.sampling.sharpness, None, "its teacher's is part of what it learned");
        let p = &student.model.preconditioner;
        let grid = student.statistics.grid;
        let x = sampler::start(p.law(), p.prior().as_ref(), p.path().as_ref(), grid, 4, 0..2);
        let (a, on) = (p.path().signal(p.path().start()), p.on(&grid));
        let b = p.path().noise(p.path().start());
        let frame = on.frame();
        let exact: Vec<f64> = (x.fields())
            .flat_map(|field| {
                let mut modes = frame.transform.analyse_channels(field);
                for (k, mode) in modes.iter_mut().enumerate() {
                    let (c, m) = (frame.variances[k], frame.mean[k]);
                    let s = a * a * c + b * b * frame.eigenvalues[k];
                    *mode = m + (c / s).sqrt() * (*mode - a * m);
                }
                frame.transform.synthesise_channels(&modes)
            })
            .collect();
        let mut reverse =
            Reverse::new(p.path().as_ref(), p.prior().as_ref(), p.law(), &student.model, 4, 0);
        let times = config.distilled.unwrap().times;
        let found = sampler::integrate(&mut Ddim, &mut reverse, &times, x, &mut |_, _| {}).unwrap();
        assert_eq!(reverse.evaluations, evaluations);
        let off = found.values.iter().zip(&exact).map(|(f, e)| (f - e).abs()).fold(0.0, f64::max);
        assert!(off < 1e-6, "{evaluations} evaluations: {off}");
        std::fs::remove_dir_all(&to).unwrap();
    }
    std::fs::remove_dir_all(&model).unwrap();
}

/// An interrupted distillation goes on to the same weights, and the student comes nearer to its teacher by learning.
#[test]
fn it_resumes_bit_for_bit_and_learns() {
    let model = teacher("resume", &["training.steps=300"]);
    let (once, twice) = (folder("once"), folder("twice"));
    let before = open(&model, &twice, &small()).unwrap().difference().unwrap();
    let all = whole(&model, &once, &small());
    let after = all.difference().unwrap();
    assert!(after < 0.8 * before, "{before} to {after}");
    drop(all);
    let stop = AtomicBool::new(false);
    let mut run = open(&model, &twice, &small()).unwrap();
    let outcome = run.run(&stop, &mut After(11, &stop), &|_, _| {}).unwrap();
    assert_eq!((outcome, run.steps().0), (Outcome::Interrupted, 11));
    drop(run);
    let run = whole(&model, &twice, &small());
    let steps = run.steps();
    assert_eq!(steps.0, steps.1);
    drop(run);
    let weights =
        |path: &Path| TrainedModel::load(path).unwrap().model.network.parameters().unwrap();
    assert_eq!(weights(&once), weights(&twice));
    // the same functions on every grid: those of the finest level
    let student = TrainedModel::load(&once).unwrap();
    let on = |points: &[usize]| {
        let grid = student.grid(points).unwrap();
        let request =
            karhunen_train::request::Request { calibrated: false, ..student.request(grid, 5) };
        student.sample(&request, 0..2, &|_, _| {}).unwrap().0
    };
    let fine =
        karhunen_field::resample::spectral(&on(&[32, 32]), student.grid(&[8, 8]).unwrap()).unwrap();
    let coarse = on(&[8, 8]);
    let off = fine.values.iter().zip(&coarse.values).map(|(a, b)| (a - b).abs());
    assert!(off.fold(0.0, f64::max) < 1e-4 * student.statistics.normalisation.scale[0].abs());
    // another distillation has no place there
    let other = DistilOptions { seed: 1, ..small() };
    assert!(matches!(open(&model, &once, &other), Err(TrainError::OtherRun { .. })));
    for path in [model, once, twice] {
        std::fs::remove_dir_all(path).unwrap();
    }
}

/// What cannot be distilled says why, and leaves nothing behind.
#[test]
fn what_means_nothing_is_refused() {
    let model = teacher("refused", &["training.preconditioning=scalar"]);
    let to = folder("refused-out");
    assert!(matches!(open(&model, &to, &small()), Err(TrainError::Distil { .. })));
    std::fs::remove_dir_all(&model).unwrap();
    let model = teacher("numbers", &[]);
    for wrong in [
        DistilOptions { evaluations: 0, ..small() },
        DistilOptions { evaluations: 65, ..small() },
        DistilOptions { share: 0.0, ..small() },
        DistilOptions { share: f64::NAN, ..small() },
        DistilOptions { trajectories: Some(0), ..small() },
        DistilOptions { batch: 0, ..small() },
        DistilOptions { learning_rate: -1.0, ..small() },
    ] {
        assert!(matches!(open(&model, &to, &wrong), Err(TrainError::Distil { .. })), "{wrong:?}");
    }
    assert!(!to.exists());
    // a student is no teacher
    drop(whole(&model, &to, &DistilOptions { trajectories: Some(2), ..small() }));
    let again = folder("again");
    assert!(matches!(open(&to, &again, &small()), Err(TrainError::Distil { .. })));
    // and no configuration of a training
    let config = TrainedModel::load(&to).unwrap().config;
    let refused = Run::open(&config, &again, false, &mut Silent);
    assert!(matches!(refused, Err(TrainError::Config { .. })));
    for path in [model, to] {
        std::fs::remove_dir_all(path).unwrap();
    }
}
