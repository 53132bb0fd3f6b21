//! Fields of a trained run: one function on every grid, in every batch, with calibrations that are kept.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use karhunen_field::sampler::Method;
use karhunen_field::{Ensemble, resample};
use karhunen_net::Band;
use karhunen_train::TrainedModel;
use karhunen_train::config::DEFAULT_SHARPNESS;
use karhunen_train::request::{Coarse, Request};

use super::{Scratch, tiny, train};

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

/// A new model samples with its own sharpness, which a run keeps; one whose run had none samples with 1.
#[test]
fn sharpness_is_the_models_own() {
    let scratch = Scratch::new("sharpness");
    train(&tiny(&["training.steps=4"]), scratch.path());
    let mut model = TrainedModel::load(scratch.path()).unwrap();
    let grid = model.statistics.grid;
    let request = model.request(grid, 5);
    assert_eq!(
        (model.config.sampling.sharpness, request.sharpness),
        (Some(DEFAULT_SHARPNESS), DEFAULT_SHARPNESS)
    );
    let values = |model: &TrainedModel, sharpness| {
        let request = Request { sharpness, calibrated: false, evaluations: 3, ..request.clone() };
        model.sample(&request, 0..1, &|_, _| ()).unwrap().0.values
    };
    assert_ne!(values(&model, DEFAULT_SHARPNESS), values(&model, 1.0));
    let known = model.fingerprint();
    // as a program without the key left it
    model.config.sampling.sharpness = None;
    assert_eq!(model.request(grid, 5).sharpness, 1.0);
    assert_ne!(model.fingerprint(), known);

    // calibrations of two sharpnesses are two
    let kept = |sharpness| {
        let asked = Request { sharpness, evaluations: 3, calibrated: true, ..request.clone() };
        model.sample(&asked, 0..1, &|_, _| ()).unwrap();
        fs::read_dir(scratch.path().join("calibrations")).unwrap().count()
    };
    assert_eq!((kept(1.0), kept(1.2), kept(1.2)), (1, 2, 2));
}

/// What is not asked for is what the run has; another number is another run.
#[test]
fn a_run_keeps_its_sharpness() {
    let scratch = Scratch::new("sharpness-kept");
    for asked in [&["sampling.sharpness=1.3"][..], &[], &["sampling.sharpness=1.3"]] {
        train(&tiny(asked), scratch.path());
    }
    assert_eq!(TrainedModel::load(scratch.path()).unwrap().sharpness(), 1.3);
    let published = Scratch::new("sharpness-published");
    train(&tiny(&["training.preconditioning=\"none\""]), published.path());
    let model = TrainedModel::load(published.path()).unwrap();
    assert_eq!((model.sharpness(), model.can_be_sharpened()), (1.0, false));
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
