//! The models that come with the program.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use karhunen_train::TrainedModel;
use karhunen_train::builtin_models::{MODELS, find};
use karhunen_train::request::Request;

/// Number of steps observed while one field is sampled.
fn steps(model: &TrainedModel, request: &Request) -> usize {
    let seen = AtomicUsize::new(0);
    let count = |_, _| {
        seen.fetch_add(1, Ordering::Relaxed);
    };
    let (fields, _) = model.sample(request, 0..1, &count).unwrap();
    assert!(fields.values.iter().all(|v| v.is_finite()));
    seen.into_inner()
}

#[test]
fn each_is_small_finished_and_brings_its_calibration() {
    for builtin in &MODELS {
        let path = PathBuf::from(format!("builtin:{}", builtin.name));
        let model = TrainedModel::load(&path).unwrap();
        assert_eq!(model.unfinished(), None, "{}", builtin.name);
        assert_eq!(model.config.data.source.builtin(), Some(builtin.name));
        assert!(builtin.bytes() < 4 << 20, "{}: {} bytes", builtin.name, builtin.bytes());
        assert!(builtin.card.contains(&format!("# {}", builtin.name)), "{}", builtin.card);
        let finer: Vec<usize> = model.statistics.grid.points().iter().map(|n| n + n / 2).collect();
        let calibrated = model.request(model.grid(&finer).unwrap(), 5);
        assert!(calibrated.calibrated);
        let plain = Request { calibrated: false, ..calibrated.clone() };
        // measuring a calibration would sample 256 more fields
        assert_eq!(steps(&model, &calibrated), steps(&model, &plain), "{}", builtin.name);
        // the name is no folder, and none is created
        assert!(!path.exists());
    }
}

#[test]
fn an_unknown_name_lists_those_there_are() {
    let error = TrainedModel::load(Path::new("builtin:foam")).unwrap_err();
    let text = error.to_string();
    for part in ["builtin:foam", "builtin:spinodal", "builtin:grains", "builtin:shapes"] {
        assert!(text.contains(part), "{text}");
    }
    assert!(find(Path::new("runs/x")).unwrap().is_none());
}
