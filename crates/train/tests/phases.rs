//! Runs on labels: the network learns level sets, samples have the labels, and invalid labels are
//! reported.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use karhunen_field::{Boundary, Ensemble, Grid, level_set};
use karhunen_formats::{Precision, WriteOptions, write};
use karhunen_train::data::{self, Data};
use karhunen_train::events::Silent;
use karhunen_train::{Exported, Run, RunConfig, TrainedModel};
use tempfile::TempDir;

fn scratch() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn config(source: &Path, settings: &[&str]) -> RunConfig {
    let source = format!("data.source={}", source.display());
    let base = [
        source.as_str(),
        "network.width=6",
        "network.modes=[4]",
        "network.layers=2",
        "network.projection=8",
        "training.batch=5",
        "training.steps=12",
        "training.validations=2",
        "training.validation_fields=4",
        "prior={ kind = \"matern\", length = 0.2, smoothness = 1.5 }",
    ];
    let all: Vec<String> = base.iter().chain(settings).map(|s| s.to_string()).collect();
    RunConfig::load(None, &all).expect("a valid configuration")
}

/// Waves cut at thresholds: `labels.len()` phases, different in every field.
fn cut(points: &[usize], count: usize, labels: &[f64]) -> Ensemble {
    let grid = Grid::unit(points, Boundary::Neumann).unwrap();
    let wave = |i: usize| {
        let (field, p) = (i / grid.len(), grid.position(i % grid.len()));
        let x = |a: usize| p[a] as f64 / points.get(a).map_or(1.0, |n| *n as f64);
        let phase = field as f64 * 1.7;
        (6.0 * x(0) + phase).sin() + (5.0 * x(1) - phase).cos() + (7.0 * x(2) + 0.3 * phase).sin()
    };
    let label = |i: usize| {
        let part = (wave(i) + 3.0) / 6.0 * labels.len() as f64;
        labels[(part as usize).min(labels.len() - 1)]
    };
    let values = (0..grid.len() * count).map(label).collect();
    Ensemble::new(grid, 1, values).unwrap()
}

fn saved(folder: &TempDir, name: &str, fields: &Ensemble) -> std::path::PathBuf {
    let path = folder.path().join(name);
    let options = WriteOptions { precision: Precision::F32, ..WriteOptions::default() };
    write(&path, fields, &options).unwrap();
    path
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|v| f64::from(*v)).collect()
}

#[test]
fn a_model_of_three_phases_is_stored_exported_and_sampled_as_labels() {
    let folder = scratch();
    let path = saved(&folder, "a.npy", &cut(&[12, 12], 30, &[3.0, 7.0, 200.0]));
    let config = config(
        &path,
        &[
            "data.phases={ low = 3, middle = 7, high = 200 }",
            "levels=[{ grid = \"8x8\", share = 1 }]",
        ],
    );
    let directory = folder.path().join("run");
    let mut run = Run::open(&config, &directory, true, &mut Silent).unwrap();
    run.train(&AtomicBool::new(false), &mut Silent).unwrap();
    let model = TrainedModel::load(&directory).unwrap();
    let phases = model.phases().unwrap();
    assert_eq!(phases.labels, [3, 7, 200]);
    assert_eq!(model.phase_name(7), "middle");
    let means: f64 = phases.fractions.iter().map(|f| f[1]).sum();
    assert!((means - 1.0).abs() < 1e-12);
    assert!(phases.fractions.iter().all(|[l, m, h]| l <= m && m <= h && *h > 0.0));
    let request = model.request(model.grid(&[17, 9]).unwrap(), 4);
    let (fields, _) = model.sample(&request, 0..5, &|_, _| ()).unwrap();
    assert_eq!(fields.channels, 3);
    let labels = phases.labelled(&fields);
    assert_eq!((labels.channels, labels.count(), labels.grid.points()), (1, 5, vec![17, 9]));
    assert!(labels.values.iter().all(|v| [3.0, 7.0, 200.0].contains(v)));
    // the exported model is the same model
    let (exported, _) = Exported::open(&directory, None).unwrap();
    let given = folder.path().join("given");
    exported.save(&given, "", false).unwrap();
    let again = TrainedModel::load(&given).unwrap();
    assert_eq!(again.statistics, model.statistics);
    // a second run on the same data resumes, once the first has released its directory
    drop(run);
    assert!(Run::open(&config, &directory, true, &mut Silent).is_ok());
}

#[test]
fn fractions_are_hit_within_what_was_seen_and_refused_beyond() {
    let folder = scratch();
    let path = saved(&folder, "a.npy", &cut(&[12, 12], 30, &[0.0, 1.0]));
    let config = config(&path, &["data.phases=2", "levels=[{ grid = \"12x12\", share = 1 }]"]);
    let data = Data::load(&config.data, config.grids().unwrap()[0], 0).unwrap();
    let phases = data.statistics.phases.clone().unwrap();
    let mut fields = Ensemble::new(data.training.grid, 1, wide(&data.training.values)).unwrap();
    data.statistics.normalisation.undo(&mut fields);
    // on their own grid, labels are recovered exactly
    let [least, mean, most] = phases.fractions[0];
    let own = phases.of(&fields);
    let part = own.iter().filter(|p| **p == 0).count() as f64 / own.len() as f64;
    assert!((part - mean).abs() < 1e-9 && least < mean && mean < most);
    // distances between cells repeat, those of sampled fields do not, so equal values are perturbed
    fields.values.iter_mut().enumerate().for_each(|(i, v)| *v += 1e-7 * ((i * 79) % 144) as f64);
    let shifts = phases.shift(&mut fields, 0, mean).unwrap();
    assert!(shifts.iter().all(|s| (s.fraction - mean).abs() < 0.5 / 144.0 + 1e-9));
    for beyond in [least - 0.01, most + 0.01] {
        assert!(phases.shift(&mut fields, 0, beyond).is_err());
    }
}

#[test]
fn patches_have_the_level_sets_of_the_whole_volume() {
    let folder = scratch();
    let volume = cut(&[40, 14, 15], 1, &[0.0, 255.0]);
    let path = saved(&folder, "a.npy", &volume);
    let settings = [
        "data.phases=2",
        "data.dim=3",
        "data.patch=8x8x8",
        "data.count=24",
        "data.validation=0.3",
        "data.gap=2",
        "levels=[{ grid = \"8x8x8\", share = 1 }]",
    ];
    let config = config(&path, &settings);
    let loaded = data::load(&config.data, config.grids().unwrap()[0], 0).unwrap();
    let grid = volume.grid.with_points(&[40, 14, 15]).unwrap();
    // the patch's first axis has length 1, so the volume's has length 5
    let axes: Vec<karhunen_field::Axis> = grid
        .axes()
        .iter()
        .map(|a| karhunen_field::Axis { length: a.points as f64 / 8.0, ..*a })
        .collect();
    let phases: Vec<u8> = volume.values.iter().map(|v| u8::from(*v > 0.0)).collect();
    let whole = level_set::level_sets(&Grid::new(&axes).unwrap(), &phases, 2, 1.5 / 8.0).unwrap();
    for patch in loaded.training.values.chunks_exact(512) {
        let same = |corner: [usize; 3]| {
            (0..512).all(|c| {
                let at = [c / 64, c / 8 % 8, c % 8];
                let place = (0..3).fold(0, |p, a| p * [40, 14, 15][a] + corner[a] + at[a]);
                (whole[place] - patch[c]).abs() < 1e-3
            })
        };
        let somewhere = (0..33).any(|i| (0..7).any(|j| (0..8).any(|k| same([i, j, k]))));
        assert!(somewhere);
    }
}

#[test]
fn made_structures_have_two_phases() {
    let names: Vec<String> = ["data.source=builtin:grains", "data.count=12", "data.phases=2"]
        .iter()
        .map(|s| s.to_string())
        .collect();
    let config = RunConfig::load(None, &names).unwrap();
    let grid = Grid::unit(&[20, 24], Boundary::Neumann).unwrap();
    let data = Data::load(&config.data, grid, 1).unwrap();
    assert_eq!(data.statistics.phases.unwrap().labels, [0, 1]);
    assert_eq!(data.training.grid.points(), [20, 24]);
    let shapes = vec!["data.source=builtin:shapes".to_string(), "data.phases=2".into()];
    let error = Data::load(&RunConfig::load(None, &shapes).unwrap().data, grid, 1).unwrap_err();
    assert!(error.to_string().contains("not made of two phases"), "{error}");
}

#[test]
fn what_are_no_labels_says_why_in_one_line() {
    let folder = scratch();
    let mut grey = cut(&[8, 8], 12, &[0.0, 1.0]);
    grey.values.iter_mut().enumerate().for_each(|(i, v)| *v = (i % 40) as f64);
    let mut half = cut(&[8, 8], 12, &[0.0, 1.0]);
    half.values[3] = 0.5;
    let mut large = cut(&[8, 8], 12, &[0.0, 1.0]);
    large.values[3] = 300.0;
    let two = cut(&[8, 8], 12, &[0.0, 1.0]);
    let alone = Ensemble { values: vec![7.0; 12 * 64], ..two.clone() };
    let message = |fields: &Ensemble, phases: &str| {
        let path = saved(&folder, &format!("{}.npy", fields.values.as_ptr() as usize), fields);
        let settings = [phases, "levels=[{ grid = \"8x8\", share = 1 }]"];
        let config = config(&path, &settings);
        let loaded = Data::load(&config.data, config.grids().unwrap()[0], 0);
        let _ = std::fs::remove_file(&path);
        let error = loaded.unwrap_err().to_string();
        assert!(!error.contains('\n') && error.contains(".npy"), "{error}");
        error
    };
    for (fields, phases, said) in [
        (&half, "data.phases=2", "holds the value 0.5"),
        (&large, "data.phases=2", "holds the value 300"),
        (&grey, "data.phases=2", "more than 32 different values"),
        (&alone, "data.phases=2", "holds 1 label(s) (7), but data.phases = 2"),
        (&two, "data.phases=3", "holds 2 label(s) (0, 1), but data.phases = 3"),
        (&two, "data.phases=[0, 2]", "holds the label 1, which data.phases (0, 2) does not name"),
        (&two, "data.phases={ a = 0, b = 1, gas = 9 }", "label 9 (gas) is nowhere"),
    ] {
        let error = message(fields, phases);
        assert!(error.contains(said), "{phases}: {error}");
    }
}
