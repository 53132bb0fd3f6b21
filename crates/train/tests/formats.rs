//! Reads runs of earlier versions.
//!
//! `format-2/` was written by the last version whose checkpoints held a single average of the
//! weights and whose configuration said `ema = 0.9`. `answers.json` holds what that version sampled
//! from it with `--grid 8x8 --count 2 --seed 3 --evaluations 6`.

use std::path::{Path, PathBuf};

use karhunen_field::sampler::Method;
use karhunen_train::TrainedModel;
use karhunen_train::checkpoint::Checkpoint;
use karhunen_train::config::Rate;
use karhunen_train::trained::Request;

/// Largest difference from the stored samples. Another machine rounds products differently, and six
/// evaluations propagate the difference.
const TOLERANCE: f64 = 1e-4;

fn run() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/format-2")
}

#[test]
fn a_run_with_one_average_is_read_and_samples_what_it_did() {
    let model = TrainedModel::load(&run()).unwrap();
    assert_eq!(model.steps, 12);
    assert!(model.notes.is_empty(), "{:?}", model.notes);
    let grid = model.grid(&[8, 8]).unwrap();
    // that version had no calibration, and no band on the trained grid
    let request = Request::new(grid, 3, Method::DpmSolver2M, 6);
    let (fields, evaluations) = model.sample(&request, 0..2, &|_, _| ()).unwrap();
    assert_eq!(evaluations, 6);
    let text = std::fs::read_to_string(run().join("answers.json")).unwrap();
    let answers: Vec<Vec<f64>> = serde_json::from_str(&text).unwrap();
    for (field, answer) in fields.fields().zip(&answers) {
        assert_eq!(field.len(), answer.len());
        for (value, expected) in field.iter().zip(answer) {
            assert!((value - expected).abs() < TOLERANCE, "{value} {expected}");
        }
    }
}

#[test]
fn its_keys_mean_what_they_did() {
    let checkpoint = Checkpoint::load(&run().join("checkpoints/00000012")).unwrap();
    let (training, optimizer) = (&checkpoint.config.training, &checkpoint.optimizer);
    assert_eq!(optimizer.averages.len(), training.ema.len());
    assert_eq!(training.ema.len(), 1, "{:?}", training.ema);
    assert!(training.ema[0] > 0.0 && training.ema[0] < 1.0, "{:?}", training.ema);
    assert_ne!(optimizer.averages[0], optimizer.weights);
    assert_eq!(optimizer.updates, 12);
    assert_eq!(training.rate, Rate::Cosine);
}

/// In the old configuration a number stands where a new run expects a list.
#[test]
fn its_configuration_is_refused_with_the_key() {
    let text = std::fs::read_to_string(run().join("config.toml")).unwrap();
    let said = karhunen_train::RunConfig::from_table(text.parse().unwrap(), "config.toml")
        .unwrap_err()
        .to_string();
    assert!(said.contains("training.ema"), "{said}");
}
