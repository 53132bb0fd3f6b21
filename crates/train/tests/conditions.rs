//! Models conditioned on attributes, or on other fields.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use karhunen_field::noise::stream;
use karhunen_field::prior::{self, Matern};
use karhunen_field::sampler::Method;
use karhunen_field::{Boundary, Ensemble, FieldError, Grid, resample};
use karhunen_formats::{WriteOptions, write};
use karhunen_train::checkpoint::Checkpoint;
use karhunen_train::data::Data;
use karhunen_train::events::{Event, Observer, Silent};
use karhunen_train::request::Request;
use karhunen_train::{Run, RunConfig, TrainError, TrainedModel};

fn tiny(settings: &[&str]) -> RunConfig {
    let base = [
        "seed=3",
        "data.count=40",
        "network.kind=nested",
        "network.width=[8]",
        "network.blocks=[2]",
        "training.batch=5",
        "training.steps=16",
        "training.label_dropout=0.3",
        "training.validations=2",
        "training.validation_fields=4",
        "levels=[{ grid = \"4x4\", share = 0.5 }, { grid = \"8x8\", share = 0.5 }]",
    ];
    let all: Vec<String> = base.iter().chain(settings).map(|s| s.to_string()).collect();
    RunConfig::load(None, &all).expect("a valid configuration")
}

fn train(config: &RunConfig, directory: &Path) -> Checkpoint {
    let mut run = Run::open(config, directory, true, &mut Silent).expect("opens");
    run.train(&AtomicBool::new(false), &mut Silent).expect("trains");
    Checkpoint::newest(directory).unwrap().unwrap().0
}

struct StopAfter<'a>(usize, &'a AtomicBool);

impl Observer for StopAfter<'_> {
    fn step(&mut self, event: &Event, _total: usize) {
        if event.step == self.0 {
            self.1.store(true, Ordering::Relaxed);
        }
    }
}

/// The last validation loss.
struct Last(f64);

impl Observer for Last {
    fn step(&mut self, event: &Event, _total: usize) {
        self.0 = event.validation_loss.unwrap_or(self.0);
    }
}

fn make(model: &TrainedModel, request: &Request, range: std::ops::Range<u64>) -> Ensemble {
    model.sample(request, range, &|_, _| ()).unwrap().0
}

fn field(fields: &Ensemble, i: usize) -> Vec<f64> {
    fields.slice(i..i + 1).values
}

#[test]
fn volume_fractions_are_measured_kept_and_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [
        "data.source=builtin:grains",
        "data.phases={ pore = 0, grain = 1 }",
        "data.attributes=volume-fraction",
    ];
    let trained = train(&tiny(&settings), folder.path());
    let known = &trained.statistics.attributes;
    assert_eq!((known.len(), known[0].name.as_str()), (1, "pore"));
    let [least, most] = known[0].range;
    let phases = trained.statistics.phases.as_ref().unwrap();
    // the attribute and the phases' own fractions count the same cells
    assert!((known[0].mean - phases.fractions[0][1]).abs() < 1e-6);
    assert!((least - phases.fractions[0][0]).abs() < 1e-6 && most > least);
    let model = TrainedModel::load(folder.path()).unwrap();
    assert_eq!(model.statistics.attributes, *known);
    let base = Request::new(model.grid(&[8, 8]).unwrap(), 5, Method::DpmSolver2M, 6);
    let asked = |value: f64| Request {
        attributes: model.attributes(&[("pore".into(), value)]).unwrap(),
        ..base.clone()
    };
    let middle = 0.5 * (least + most);
    let (few, many) = (make(&model, &asked(least), 0..4), make(&model, &asked(middle), 0..4));
    assert!(few.values != many.values && few.values != make(&model, &base, 0..4).values);
    assert!(field(&make(&model, &asked(least), 2..3), 0) == field(&few, 2));
    // guidance weight 0 ignores the condition
    let without = Request { guidance: 0.0, ..asked(least) };
    assert!(make(&model, &without, 0..1).values == make(&model, &base, 0..1).values);
    let refused = |name: &str, value| model.attributes(&[(name.into(), value)]).unwrap_err();
    assert!(matches!(refused("grain", 0.5), FieldError::UnknownName { .. }));
    assert!(matches!(refused("pore", 1.0), FieldError::Parameter { .. }));
    assert!(matches!(refused("pore", f64::NAN), FieldError::Parameter { .. }));
}

#[test]
fn a_conditional_run_resumes_bit_for_bit() {
    let settings = [
        "data.source=builtin:fitzhugh-nagumo",
        "data.condition=[1]",
        "data.boundary=periodic",
        "data.augment=[\"shift\", \"mirror\"]",
    ];
    let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let config = tiny(&settings);
    let expected = train(&config, whole.path());
    for until in [3, 11] {
        let stop = AtomicBool::new(false);
        let mut run = Run::open(&config, parts.path(), true, &mut Silent).unwrap();
        run.train(&stop, &mut StopAfter(until, &stop)).unwrap();
    }
    assert!(train(&config, parts.path()).optimizer == expected.optimizer);
    assert_eq!(expected.statistics.mean.channels, 1);
    let condition = expected.statistics.condition.as_ref().unwrap();
    assert_eq!(condition.scale.len(), 1);

    // one seed and one given field make one function, whatever the batch and the grid
    let model = TrainedModel::load(whole.path()).unwrap();
    assert_eq!(model.statistics.condition.as_ref(), Some(condition));
    let grid = model.grid(&[8, 8]).unwrap();
    let law = Matern::new(1.0, 0.2, 1.5).unwrap();
    let given = prior::sample(&law, grid, 1, 1, 0..2, stream::METRICS);
    let beside = |fields: &Ensemble, grid| Request {
        given: Some(model.given(fields).unwrap()),
        ..Request::new(grid, 5, Method::DpmSolver2M, 6)
    };
    let all = make(&model, &beside(&given, grid), 0..4);
    assert!(field(&make(&model, &beside(&given, grid), 3..4), 0) == field(&all, 3));
    // fields 0 and 2 are given the first one
    let first = given.slice(0..1);
    assert!(field(&make(&model, &beside(&first, grid), 2..3), 0) == field(&all, 2));
    assert!(field(&make(&model, &beside(&first, grid), 1..2), 0) != field(&all, 1));
    let fine = model.grid(&[16, 20]).unwrap();
    let finer = resample::spectral(&given, fine).unwrap();
    let fine = make(&model, &beside(&finer, fine), 0..4);
    let back = resample::spectral(&fine, grid).unwrap();
    let worst = back.values.iter().zip(&all.values).map(|(a, b)| (a - b).abs());
    assert!(worst.fold(0.0, f64::max) < 1e-3 * all.channel_scales()[0].1);
    let two = Ensemble::new(grid, 2, vec![0.0; 2 * grid.len()]).unwrap();
    assert!(model.given(&two).is_err());
    // a model trained without given fields refuses them
    let plain = tempfile::tempdir().unwrap();
    train(&tiny(&["data.source=builtin:grains"]), plain.path());
    assert!(TrainedModel::load(plain.path()).unwrap().given(&given).is_err());
}

/// If the given field determines the answer, a model that sees it has little left to learn.
#[test]
fn a_given_field_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let grid = Grid::unit(&[8, 8], Boundary::Neumann).unwrap();
    let law = Matern::new(1.0, 0.3, 1.5).unwrap();
    let y = prior::sample(&law, grid, 1, 7, 0..240, stream::METRICS);
    let x = Ensemble::new(grid, 1, y.values.iter().map(|v| 2.0 - 3.0 * v).collect()).unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    for (name, fields) in [("x.npy", x), ("y.npy", y)] {
        write(path(name), &fields, &WriteOptions::default()).unwrap();
    }
    let source = format!("data.source={}", path("x.npy"));
    let condition = format!("data.condition=[{:?}]", path("y.npy"));
    let long = ["training.steps=600", "training.label_dropout=0.2", "data.count=240"];
    let loss = |settings: &[&str], name: &str| {
        let all: Vec<&str> = long.iter().chain(settings).copied().collect();
        let mut run = Run::open(&tiny(&all), &folder.path().join(name), true, &mut Silent).unwrap();
        let mut last = Last(f64::NAN);
        run.train(&AtomicBool::new(false), &mut last).unwrap();
        last.0
    };
    let with = loss(&[&source, &condition], "with");
    let without = loss(&[&source], "without");
    assert!(with < 0.4 * without, "{with} with the given field, {without} without");
    // samples belong to their given fields
    let model = TrainedModel::load(&folder.path().join("with")).unwrap();
    let given = prior::sample(&law, grid, 1, 7, 300..308, stream::METRICS);
    let request = Request {
        given: Some(model.given(&given).unwrap()),
        ..Request::new(grid, 5, Method::DpmSolver2M, 12)
    };
    let found = make(&model, &request, 0..8);
    let (mut off, mut all) = (0.0, 0.0);
    for (f, y) in found.values.iter().zip(&given.values) {
        off += (f - (2.0 - 3.0 * y)).powi(2);
        all += (3.0 * y).powi(2);
    }
    assert!(off < 0.15 * all, "{off} of {all}");
}

#[test]
fn a_table_of_attributes_belongs_to_its_fields() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    // field i has the value i everywhere, up to a small perturbation
    let values = (0..20 * 64).map(|j| (j / 64) as f64 + 0.01 * (j % 7) as f64).collect();
    let grid = Grid::unit(&[8, 8], Boundary::Neumann).unwrap();
    write(path("x.npy"), &Ensemble::new(grid, 1, values).unwrap(), &WriteOptions::default())
        .unwrap();
    let lines: Vec<String> = (0..20).map(|i| format!("{},{}", 10 * i, i % 3)).collect();
    std::fs::write(path("t.csv"), format!("depth,kind\n{}\n", lines.join("\n"))).unwrap();
    let source = format!("data.source={}", path("x.npy"));
    let table = format!("data.attributes={}", path("t.csv"));
    let config = tiny(&[&source, &table, "data.count=20"]);
    let finest = *config.grids().unwrap().last().unwrap();
    let data = Data::load(&config.data, finest, 3).unwrap();
    let depth = &data.statistics.attributes[0];
    assert_eq!(
        data.statistics.attributes.iter().map(|a| &a.name[..]).collect::<Vec<_>>(),
        ["depth", "kind"]
    );
    for part in [&data.training, &data.validation] {
        let rows = part.attributes.chunks_exact(2).zip(part.values.chunks_exact(64));
        for (row, field) in rows {
            let own = f64::from(row[0]) * depth.deviation + depth.mean;
            let n = &data.statistics.normalisation;
            let index = f64::from(field[0]) * n.scale[0] + n.offset[0];
            assert!((own / 10.0 - index).abs() < 0.1, "{own} {index}");
        }
    }
    std::fs::write(path("t.csv"), "depth\n1\n").unwrap();
    let error = Data::load(&config.data, finest, 3).unwrap_err();
    assert!(matches!(error, TrainError::Format(_)), "{error}");
    std::fs::write(path("t.csv"), format!("depth\n{}", "1\n".repeat(20))).unwrap();
    let error = Data::load(&config.data, finest, 3).unwrap_err().to_string();
    assert!(error.contains("attribute depth is 1 in all"), "{error}");
}

#[test]
fn what_does_not_go_together_is_refused() {
    let said = |settings: &[&str]| {
        let all: Vec<String> = settings.iter().map(|s| s.to_string()).collect();
        RunConfig::load(None, &all).unwrap_err().to_string()
    };
    assert!(said(&["data.attributes=volume-fraction"]).contains("data.phases"));
    assert!(said(&["data.attributes=t.csv"]).contains("made on the spot"));
    let patched = ["data.source=a.npy", "data.attributes=t.csv", "data.patch=8x8"];
    assert!(said(&patched).contains("patches of 8x8"));
    assert!(said(&["data.condition=[]"]).contains("empty list"));
    assert!(said(&["data.condition=[1, 1]"]).contains("channel 1 is named twice"));
    assert!(said(&["data.condition=[\"y.npy\"]"]).contains("made on the spot"));
    let labels = ["data.source=builtin:grains", "data.phases=2", "data.condition=[1]"];
    assert!(said(&labels).contains("data.phases"));
    let open = |settings: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        let run = Run::open(&tiny(settings), folder.path(), true, &mut Silent);
        run.err().expect("is refused").to_string()
    };
    let both = "data.source=builtin:fitzhugh-nagumo";
    assert!(open(&[both, "data.condition=[2]"]).contains("channel 2"));
    assert!(open(&[both, "data.condition=[0, 1]"]).contains("none is left"));
    let unet = ["data.condition=[1]", "network={ kind = \"unet\", channels = 4, groups = 2 }"];
    assert!(open(&[both, unet[0], unet[1]]).contains("unet"));
}
