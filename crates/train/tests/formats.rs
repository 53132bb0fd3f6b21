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
use karhunen_train::request::Request;

/// Largest difference from the stored samples. Another machine rounds products differently, and six
/// evaluations propagate the difference.
const TOLERANCE: f64 = 1e-4;

fn run(format: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(format)
}

#[test]
fn runs_of_every_format_are_read_and_sample_what_they_did() {
    for format in ["format-2", "format-3"] {
        let model = TrainedModel::load(&run(format)).unwrap();
        assert_eq!(model.steps, 12);
        assert_eq!(model.sharpness(), 1.0);
        assert!(model.notes.is_empty(), "{:?}", model.notes);
        let grid = model.grid(&[8, 8]).unwrap();
        // the first of these programs had neither calibration nor, on the trained grid, a band
        let request = Request::new(grid, 3, Method::DpmSolver2M, 6);
        let (fields, evaluations) = model.sample(&request, 0..2, &|_, _| ()).unwrap();
        assert_eq!(evaluations, 6);
        let text = std::fs::read_to_string(run(format).join("answers.json")).unwrap();
        let answers: Vec<Vec<f64>> = serde_json::from_str(&text).unwrap();
        for (field, answer) in fields.fields().zip(&answers) {
            assert_eq!(field.len(), answer.len());
            for (value, expected) in field.iter().zip(answer) {
                assert!((value - expected).abs() < TOLERANCE, "{format}: {value} {expected}");
            }
        }
    }
}

#[test]
fn a_run_of_today_has_a_fixture_of_its_format() {
    let manifest = |format: &str| {
        let path = run(format).join("checkpoints/00000012/manifest.json");
        let text = std::fs::read_to_string(path).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["format"].as_u64()
    };
    assert_eq!((manifest("format-2"), manifest("format-3")), (Some(2), Some(3)));
    let checkpoint = Checkpoint::load(&run("format-3").join("checkpoints/00000012")).unwrap();
    let folder = std::env::temp_dir().join(format!("format-now-{}", std::process::id()));
    let written = checkpoint.save(&folder).unwrap();
    let text = std::fs::read_to_string(written.join("manifest.json")).unwrap();
    let now = serde_json::from_str::<serde_json::Value>(&text).unwrap()["format"].as_u64();
    assert!(run(&format!("format-{}", now.unwrap())).is_dir(), "{now:?}");
    // what was read is written as it was, but for the program's way to spell it
    let again = Checkpoint::load(&written).unwrap();
    assert_eq!(again.optimizer, checkpoint.optimizer);
    assert_eq!((again.config, again.progress), (checkpoint.config, checkpoint.progress));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn its_keys_mean_what_they_did() {
    let checkpoint = Checkpoint::load(&run("format-2").join("checkpoints/00000012")).unwrap();
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
    let text = std::fs::read_to_string(run("format-2").join("config.toml")).unwrap();
    let said = karhunen_train::RunConfig::from_table(text.parse().unwrap(), "config.toml")
        .unwrap_err()
        .to_string();
    assert!(said.contains("training.ema"), "{said}");
}
