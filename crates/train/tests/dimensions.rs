//! The whole way in every dimension: files → training → samples on trained and other grids →
//! comparison. The fields are functions on lines, on boxes with mixed boundaries and on volumes,
//! with one channel and with several.
//!
//! The data are Gaussian, so a network of a few steps with its preconditioner samples their law
//! nearly exactly. A wrong axis, channel or unit anywhere shows in the spectrum and the variance.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use karhunen_field::metrics::{Comparison, ComparisonOptions, compare, cross_spectrum};
use karhunen_field::noise::stream;
use karhunen_field::prior::{self, Matern};
use karhunen_field::sampler::Method;
use karhunen_field::{Boundaries, Boundary, Ensemble, Grid, resample};
use karhunen_formats::{WriteOptions, write};
use karhunen_train::data;
use karhunen_train::events::{Observer, Silent};
use karhunen_train::request::Request;
use karhunen_train::{Outcome, Run, RunConfig, TrainError, TrainedModel};

/// A directory for one test, removed when the test ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("karhunen-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a temporary folder");
        Self(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// `count` draws of a Matérn field, from `first` on.
fn draws(points: &[usize], boundary: &Boundaries, first: u64, count: u64) -> Ensemble {
    smooth(0.2, points, boundary, first, count)
}

/// Draws with another correlation length, in units of the first axis.
fn smooth(
    length: f64,
    points: &[usize],
    boundary: &Boundaries,
    first: u64,
    count: u64,
) -> Ensemble {
    let grid = Grid::unit(points, boundary).unwrap();
    let law = Matern::new(1.0, length, 1.5).unwrap();
    prior::sample(&law, grid, 1, 5, first..first + count, stream::START)
}

fn window() -> Boundaries {
    Boundary::Neumann.into()
}

/// A narrow network with a few small steps: the training changes little.
fn config(settings: &[String]) -> RunConfig {
    let base = [
        "network.width=6",
        "network.modes=[3]",
        "network.layers=2",
        "network.projection=8",
        "training.batch=4",
        "training.steps=8",
        "training.learning_rate=1e-4",
        "training.validations=1",
        "training.validation_fields=4",
    ];
    let all: Vec<String> =
        base.iter().map(|s| s.to_string()).chain(settings.iter().cloned()).collect();
    RunConfig::load(None, &all).expect("a valid configuration")
}

fn train(config: &RunConfig, directory: &Path, observer: &mut dyn Observer) -> TrainedModel {
    let mut run = Run::open(config, directory, true, observer).expect("opens");
    assert_eq!(run.train(&AtomicBool::new(false), &mut Silent).unwrap(), Outcome::Finished);
    TrainedModel::load(directory).expect("loads")
}

fn sample(model: &TrainedModel, points: &[usize], count: u64) -> Ensemble {
    let grid = model.grid(points).unwrap();
    let request = Request::new(grid, 1, Method::DpmSolver2M, 20);
    let (fields, _) = model.sample(&request, 0..count, &|_, _| ()).unwrap();
    assert_eq!(fields.grid, grid);
    fields
}

/// Compares samples with real fields on a finer grid.
fn judged(samples: &Ensemble, real: &Ensemble) -> Comparison {
    let there = resample::spectral(samples, real.grid).unwrap();
    let options = ComparisonOptions { directions: 16, ..Default::default() };
    compare(&there, real, &options).unwrap()
}

/// Checks that samples have the law, except for its estimated spectrum and the few steps: within
/// 2.5 floors, and the variance within a fifth. A floor is the distance below which 95 of 100 pairs
/// of sets of real fields stay. Seeds are fixed, so there is no false alarm; a wrong axis or
/// channel is far off.
fn has_the_law(row: &Comparison, what: &str) {
    assert!((row.variance_ratio - 1.0).abs() < 0.2, "{what}: variance {}", row.variance_ratio);
    let (error, floor) = (row.spectrum_log_error, row.spectrum_log_error_floor);
    assert!(error < 2.5 * floor, "{what}: spectrum {error} {floor}");
    let (error, floor) = (row.energy_distance, row.energy_distance_floor);
    assert!(error < 2.5 * 2.5 * floor, "{what}: energy distance {error} {floor}");
}

#[test]
fn functions_on_lines_and_mixed_boxes() {
    for (name, boundary, points, levels, finer) in [
        ("ring", "periodic", &[14][..], "[{grid=\"7\",share=1},{grid=\"14\",share=1}]", &[29][..]),
        ("window", "neumann", &[11], "[{grid=\"11\",share=1}]", &[16]),
        ("walls", "dirichlet", &[12], "[{grid=\"6\",share=1},{grid=\"12\",share=1}]", &[24]),
        (
            "cylinder",
            "[\"neumann\",\"periodic\"]",
            &[9, 8],
            "[{grid=\"5x4\",share=1},{grid=\"9x8\",share=1}]",
            &[18, 12],
        ),
    ] {
        let scratch = Scratch::new(name);
        let source = scratch.file("fields.npy");
        let run = config(&[
            format!("data.source={source}"),
            format!("data.boundary={boundary}"),
            format!("levels={levels}"),
        ]);
        let fields = draws(points, &run.data.boundary, 0, 600);
        write(&source, &fields, &WriteOptions::default()).unwrap();
        let model = train(&run, &scratch.0.join("run"), &mut Silent);
        assert_eq!(model.statistics.grid, fields.grid);
        let real = draws(points, &run.data.boundary, 5000, 600);
        for grid in [points, finer] {
            let row = judged(&sample(&model, grid, 300), &real);
            has_the_law(&row, &format!("{name} at {grid:?}"));
        }
    }
}

#[test]
fn two_files_are_two_channels_in_their_own_units() {
    let scratch = Scratch::new("channels");
    let (a, b) = (scratch.file("a.npy"), scratch.file("b.npy"));
    let boundary = window();
    let own = |first| {
        let mut second = draws(&[8, 6], &boundary, first + 20_000, 600);
        second.values.iter_mut().for_each(|v| *v = 7.0 + 1e-3 * *v);
        (draws(&[8, 6], &boundary, first, 600), second)
    };
    let (first, second) = own(0);
    write(&a, &first, &WriteOptions::default()).unwrap();
    write(&b, &second, &WriteOptions::default()).unwrap();
    let run = config(&[
        format!("data.source=[\"{a}\", \"{b}\"]"),
        "levels=[{grid=\"4x3\",share=1},{grid=\"8x6\",share=1}]".into(),
    ]);
    let model = train(&run, &scratch.0.join("run"), &mut Silent);
    let scale = &model.statistics.normalisation.scale;
    assert!((scale[0] / scale[1] - 1e3).abs() < 100.0, "{scale:?}");
    let samples = sample(&model, &[16, 12], 300);
    assert_eq!(samples.channels, 2);
    let (first, second) = own(5000);
    for (channel, real) in [first, second].iter().enumerate() {
        let cells = samples.grid.len();
        let values = samples
            .values
            .chunks_exact(cells)
            .skip(channel)
            .step_by(2)
            .flatten()
            .copied()
            .collect();
        let one = Ensemble::new(samples.grid, 1, values).unwrap();
        has_the_law(&judged(&one, real), &format!("channel {channel}"));
    }
    // the files are independent: 5 standard errors of a correlation over 300 fields
    let coherence = &cross_spectrum(&samples).unwrap().coherence[0];
    assert!(coherence[0].abs() < 5.0 / 300f64.sqrt(), "{coherence:?}");

    // files that do not fit together are refused by name
    write(&b, &second_of(400), &WriteOptions { overwrite: true, ..Default::default() }).unwrap();
    let refused = data::load(&run.data, model.statistics.grid, 0).unwrap_err();
    assert!(matches!(refused, TrainError::Format(_)), "{refused}");
    let text = refused.to_string();
    assert!(
        text.contains("a.npy") && text.contains("600 field(s)") && text.contains("400"),
        "{text}"
    );
}

fn second_of(count: u64) -> Ensemble {
    draws(&[8, 6], &window(), 0, count)
}

#[test]
fn one_volume_in_its_file_becomes_patches_of_both_sides() {
    struct Notes(Vec<String>);
    impl Observer for Notes {
        fn note(&mut self, text: &str) {
            self.0.push(text.to_string());
        }
    }
    let scratch = Scratch::new("volume");
    // a correlation length of two cells, so that a patch of eight cells is many of them
    let volume = smooth(0.05, &[40, 14, 12], &window(), 0, 1);
    let bytes: Vec<u8> = volume.values.iter().flat_map(|v| (*v as f32).to_le_bytes()).collect();
    fs::write(scratch.file("volume.raw"), bytes).unwrap();
    let run = config(&[
        format!("data.source={}:40x14x12:f32:le", scratch.file("volume.raw")),
        "data.dim=3".into(),
        "data.patch=8x8x8".into(),
        "data.count=400".into(),
        "data.validation=0.25".into(),
        "data.gap=3".into(),
        "levels=[{grid=\"4x4x4\",share=1},{grid=\"8x8x8\",share=1}]".into(),
    ]);
    let mut notes = Notes(vec![]);
    let model = train(&run, &scratch.0.join("run"), &mut notes);
    let said = |text: &str| notes.0.iter().any(|n| n.contains(text));
    assert!(
        said("slices 15–24 of 40 are held out (25 %), 6 around them left out, 24 to train on"),
        "{:?}",
        notes.0
    );
    // another set of patches of the training part has the law that was learned
    let grid = model.statistics.grid;
    let real = data::load(&run.data, grid, run.seed + 1).unwrap().training;
    let real = Ensemble::new(grid, 1, real.values.iter().map(|v| f64::from(*v)).collect()).unwrap();
    for points in [[8, 8, 8], [12, 12, 12]] {
        has_the_law(&judged(&sample(&model, &points, 150), &real), &format!("{points:?}"));
    }
}
