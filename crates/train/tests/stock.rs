//! Data that are more than a process may take lie in a file, and nothing that is learned depends on it.
//!
//! A file of its own: the limit is that of the process.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use karhunen_field::noise::stream;
use karhunen_field::{Boundary, Ensemble, Grid, ModeNoise, Transform};
use karhunen_formats::{FieldWriter, Form, Units, WriteOptions};
use karhunen_train::checkpoint::Checkpoint;
use karhunen_train::data::Data;
use karhunen_train::events::Silent;
use karhunen_train::{Run, RunConfig, memory};

/// Half of it is less than the values take, all of it more than the run takes besides.
const LIMIT: u64 = 48 << 20;
const COUNT: usize = 29_000;

fn folder() -> PathBuf {
    let path = std::env::temp_dir().join(format!("karhunen-stock-{}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

/// Fields of 16×16 that are combinations of a few functions: 28 MiB of values.
fn write(path: &std::path::Path) {
    let grid = Grid::unit(&[16, 16], Boundary::Neumann).unwrap();
    let (transform, noise) = (Transform::new(grid), ModeNoise::new(4));
    let few: Vec<Vec<f64>> = (0..40)
        .map(|i| {
            let mut modes = noise.normals(&grid, i, stream::METRICS, 0);
            modes.iter_mut().enumerate().for_each(|(k, x)| *x /= 1.0 + k as f64);
            transform.synthesise_channels(&modes)
        })
        .collect();
    let form = Form { points: vec![16, 16], channels: 1, count: COUNT, units: Units::default() };
    let mut writer = FieldWriter::create(path, &form, &WriteOptions::default()).unwrap();
    for i in 0..COUNT {
        let weight = i as f64 / COUNT as f64;
        let values = few[i % 40].iter().zip(&few[i % 37]).map(|(a, b)| a + weight * b).collect();
        writer.push(&Ensemble::new(grid, 1, values).unwrap()).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn what_is_learned_does_not_depend_on_where_data_lie() {
    let folder = folder();
    let source = folder.join("fields.npy");
    write(&source);
    let settings = [
        format!("data.source={:?}", source.display().to_string()),
        "data.hold_out=\"shuffled\"".into(),
        "network.width=[6]".into(),
        "network.blocks=[1]".into(),
        "training.batch=4".into(),
        "training.steps=8".into(),
        "training.validations=2".into(),
        "training.validation_fields=4".into(),
        "levels=[{ grid = \"8x8\", share = 0.5 }, { grid = \"16x16\", share = 0.5 }]".into(),
    ];
    let config = RunConfig::load(None, &settings).unwrap();
    let grid = Grid::unit(&[16, 16], Boundary::Neumann).unwrap();
    let learn = |name: &str| {
        let directory = folder.join(name);
        let mut run = Run::open(&config, &directory, true, &mut Silent).unwrap();
        run.train(&AtomicBool::new(false), &mut Silent).unwrap();
        drop(run);
        Checkpoint::newest(&directory).unwrap().unwrap().0.optimizer
    };
    let here = Data::load(&config.data, grid, config.seed).unwrap();
    let learned = learn("memory");
    memory::set_limit(Some(LIMIT));
    let there = Data::load(&config.data, grid, config.seed).unwrap();
    assert!(there.training.values.is_in_file() && !here.training.values.is_in_file());
    assert!(there.notes.iter().any(|note| note.contains("lie in a file")), "{:?}", there.notes);
    assert!(there.training.values == here.training.values);
    assert!(there.validation.values == here.validation.values);
    assert_eq!(there.statistics, here.statistics);
    // both parts together go to a file as well
    let mut both = there.training.values.clone();
    both.append(&there.validation.values).unwrap();
    assert!(both.is_in_file());
    assert!(both[there.training.values.len()..] == there.validation.values[..]);
    drop((here, there, both));
    assert!(learn("file") == learned);
    // what no file holds is refused in one line
    memory::set_limit(Some(1 << 10));
    let refused = Run::open(&config, &folder.join("none"), true, &mut Silent);
    let error = refused.err().expect("too little for the network").to_string();
    assert!(error.contains("GiB are allowed"), "{error}");
    assert!(!folder.join("none").join("config.toml").exists());
    memory::set_limit(None);
    let _ = fs::remove_dir_all(&folder);
}
