//! Runs with class labels: labels follow their fields, runs resume bit for bit, and samples have
//! their classes.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use karhunen_field::sampler::Method;
use karhunen_field::{Boundary, Ensemble, Grid};
use karhunen_formats::{WriteOptions, write, write_labels};
use karhunen_train::batch::LevelData;
use karhunen_train::checkpoint::Checkpoint;
use karhunen_train::classes::{Bound, ClassFault};
use karhunen_train::data::Data;
use karhunen_train::events::{Event, Observer, Silent};
use karhunen_train::request::Request;
use karhunen_train::{Classes, Run, RunConfig, TrainedClassifier, TrainedModel, builtin};
use tempfile::TempDir;

/// A directory for one test, removed when the test ends.
fn scratch() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn tiny(settings: &[&str]) -> RunConfig {
    let base = [
        "seed=3",
        "data.source=builtin:shapes",
        "data.count=60",
        "network.width=6",
        "network.modes=[4]",
        "network.layers=2",
        "network.projection=8",
        "training.batch=5",
        "training.steps=16",
        "training.label_dropout=0.3",
        "training.validations=2",
        "training.validation_fields=6",
        "levels=[{ grid = \"8x8\", share = 0.5 }, { grid = \"12x12\", share = 0.5 }]",
    ];
    let all: Vec<String> = base.iter().chain(settings).map(|s| s.to_string()).collect();
    RunConfig::load(None, &all).expect("a valid configuration")
}

struct StopAfter<'a>(usize, &'a AtomicBool);

impl Observer for StopAfter<'_> {
    fn step(&mut self, event: &Event, _total: usize) {
        if event.step == self.0 {
            self.1.store(true, Ordering::Relaxed);
        }
    }
}

fn train(config: &RunConfig, directory: &Path) -> Checkpoint {
    let mut run = Run::open(config, directory, true, &mut Silent).expect("opens");
    run.train(&AtomicBool::new(false), &mut Silent).expect("trains");
    Checkpoint::newest(directory).unwrap().unwrap().0
}

#[test]
fn a_labelled_run_resumes_bit_for_bit_and_does_not_depend_on_threads() {
    let (whole, parts) = (scratch(), scratch());
    let config = tiny(&[]);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let expected = pool.install(|| train(&config, whole.path()));
    for until in [3, 8, 11] {
        let stop = AtomicBool::new(false);
        let mut run = Run::open(&config, parts.path(), true, &mut Silent).unwrap();
        run.train(&stop, &mut StopAfter(until, &stop)).unwrap();
        assert_eq!(run.step(), until);
    }
    let found = train(&config, parts.path());
    assert!(found.optimizer == expected.optimizer);
    assert_eq!(found.statistics.classes.iter().sum::<u64>(), 54);
    assert_eq!(found.statistics.classes.len(), 3);
    // random numbers decide which labels are dropped: another probability is another run
    let other = scratch();
    let told = train(&tiny(&["training.label_dropout=0"]), other.path());
    assert!(told.optimizer != expected.optimizer);
    // measurements want a network that answers without a class, and this one cannot
    let open = |folder: &Path, bound| TrainedModel::load(folder).unwrap().unchosen_classes(bound);
    let always_told = Err(ClassFault::AlwaysTold);
    assert_eq!(open(other.path(), Some(Bound::Measurements)), always_told);
    assert_eq!(open(other.path(), Some(Bound::LargerBox)), Ok(Classes::Drawn));
    assert_eq!(open(parts.path(), Some(Bound::Measurements)), Ok(Classes::Open));
    assert_eq!(open(parts.path(), Some(Bound::LargerBox)), Ok(Classes::Drawn));
    // an unlabelled run has no class table at all
    let plain = scratch();
    let unlabelled = train(&tiny(&["data.source=builtin:grains"]), plain.path());
    let has_table =
        |c: &Checkpoint| c.optimizer.weights.arrays.iter().any(|a| a.name == "time.classes");
    assert!(has_table(&expected) && !has_table(&unlabelled));
    assert!(unlabelled.statistics.classes.is_empty());
    assert_eq!(open(plain.path(), Some(Bound::Measurements)), Ok(Classes::Drawn));
}

#[test]
fn a_field_of_a_class_is_one_function_whatever_the_batch_and_the_grid() {
    let folder = scratch();
    train(&tiny(&[]), folder.path());
    let model = TrainedModel::load(folder.path()).unwrap();
    let grid = model.grid(&[15, 15]).unwrap();
    let base = Request::new(grid, 5, Method::DpmSolver2M, 4);
    let make = |request: &Request, range| model.sample(request, range, &|_, _| ()).unwrap();
    let request = Request {
        classes: Classes::Turns(vec![2, 0]),
        guidance: 2.0,
        calibrated: true,
        ..base.clone()
    };
    let classes: Vec<u32> = model.classes(&request, 3..7).into_iter().flatten().collect();
    assert_eq!(classes, [0, 2, 0, 2]);
    let (many, evaluations) = make(&request, 3..7);
    assert_eq!(evaluations, 8, "two of the network an evaluation");
    let (one, _) = make(&request, 5..6);
    // calibration knows only the law of all classes, so samples of chosen classes are not
    // calibrated
    let plain = Request { calibrated: false, ..request.clone() };
    assert!(make(&plain, 3..7).0.values == many.values);
    let field = |fields: &Ensemble, i: usize| {
        fields.values[i * fields.field_len()..(i + 1) * fields.field_len()].to_vec()
    };
    assert!(field(&one, 0) == field(&many, 2));
    // random classes depend on the index alone
    let drawn = model.classes(&base, 0..40);
    assert_eq!(drawn[7..9], model.classes(&base, 7..9)[..]);
    assert!((0..3).all(|class| drawn.contains(&Some(class))), "{drawn:?}");
    let as_drawn = Request { classes: Classes::Turns(vec![drawn[0].unwrap()]), ..base.clone() };
    assert!(make(&as_drawn, 0..1).0.values == make(&base, 0..1).0.values);
    // the class matters, and guidance weight 0 ignores it
    let of = |class, guidance| {
        let classes = Classes::Turns(vec![class]);
        make(&Request { classes, guidance, ..base.clone() }, 0..1)
    };
    assert!(of(0, 1.0).0.values != of(2, 1.0).0.values);
    assert!(of(0, 0.0).0.values == of(2, 0.0).0.values);
    assert_eq!((of(0, 1.0).1, of(0, 0.0).1), (4, 4));
    let refused = |request: Request| model.sample(&request, 0..1, &|_, _| ()).is_err();
    assert!(refused(Request { classes: Classes::Turns(vec![3]), ..base.clone() }));
    assert!(refused(Request { classes: Classes::Turns(vec![]), ..base.clone() }));
    assert!(refused(Request { guidance: f64::NAN, ..base.clone() }));
    assert!(refused(Request { guidance: -1.0, ..base }));
}

/// Constant fields whose value is their label, in a file: the values show where the labels go.
#[test]
fn labels_follow_their_fields_through_split_subsample_and_levels() {
    let folder = scratch();
    let grid = Grid::unit(&[8, 8], Boundary::Neumann).unwrap();
    let labels: Vec<u32> = (0..30).map(|i| (i * i) % 5).collect();
    let values = labels.iter().flat_map(|l| vec![f64::from(*l); grid.len()]).collect();
    let (fields, of_them) = (folder.path().join("x.npy"), folder.path().join("l.npy"));
    write(&fields, &Ensemble::new(grid, 1, values).unwrap(), &WriteOptions::default()).unwrap();
    write_labels(&of_them, &labels, false).unwrap();
    let set = |more: &[&str]| {
        let source = format!("data.source={}", fields.display());
        let named = format!("data.labels={}", of_them.display());
        let base = [source.as_str(), &named, "levels=[{ grid = \"6x6\", share = 1.0 }]"];
        let all: Vec<String> = base.iter().chain(more).map(|s| s.to_string()).collect();
        RunConfig::load(None, &all)
    };
    for (more, trained) in [(&["data.validation=0.3"][..], 21), (&["data.count=12"][..], 11)] {
        let config = set(more).unwrap();
        let finest = config.grids().unwrap()[0];
        let data = Data::load(&config.data, finest, 9).unwrap();
        let of = &data.statistics.normalisation;
        let belong = |part: &LevelData| {
            assert_eq!(part.labels.len(), part.count());
            for (field, label) in part.values.chunks(part.field_len()).zip(&part.labels) {
                let value = f64::from(field[0]) * of.scale[0] + of.offset[0];
                assert!((value - f64::from(*label)).abs() < 1e-4, "{value} {label}");
            }
        };
        assert_eq!(data.training.count(), trained);
        belong(&data.training);
        belong(&data.validation);
        let coarse = finest.with_points(&[3, 3]).unwrap();
        belong(&karhunen_train::data::restrict(&data.training, coarse).unwrap());
        let counted: Vec<u64> = (0..5)
            .map(|c| data.training.labels.iter().filter(|l| **l == c).count() as u64)
            .collect();
        assert_eq!(data.statistics.classes[..], counted[..data.statistics.classes.len()]);
    }
    write_labels(&of_them, &labels[1..], true).unwrap();
    let config = set(&[]).unwrap();
    let error = Data::load(&config.data, config.grids().unwrap()[0], 9).unwrap_err().to_string();
    assert!(error.contains("29 labels") && error.contains("30 fields"), "{error}");
    // held-out fields from files of their own, with their own labels
    let other = format!("data.validation_source={}", fields.display());
    assert!(set(&[other.as_str()]).is_err());
    write_labels(&of_them, &labels, true).unwrap();
    let labelled = format!("data.validation_labels={}", of_them.display());
    let config = set(&[other.as_str(), labelled.as_str()]).unwrap();
    let data = Data::load(&config.data, config.grids().unwrap()[0], 9).unwrap();
    assert_eq!((data.training.labels, data.validation.labels), (labels.clone(), labels));
}

/// Fields of two kinds that nobody labelled: near 0 and near 5, one of the latter for two of the former.
#[test]
fn clusters_are_classes_where_there_are_no_labels() {
    let (folder, whole, parts) = (scratch(), scratch(), scratch());
    let grid = Grid::unit(&[8, 8], Boundary::Neumann).unwrap();
    let kind = |i: usize| i % 3 == 2;
    let field = |i: usize| {
        let base = if kind(i) { 5.0 } else { 0.0 };
        (0..64).map(move |p| base + 0.1 * ((7 * i + 3 * p) % 11) as f64)
    };
    let path = folder.path().join("x.npy");
    let fields = Ensemble::new(grid, 1, (0..60).flat_map(field).collect()).unwrap();
    write(&path, &fields, &WriteOptions::default()).unwrap();
    let source = format!("data.source={}", path.display());
    let levels = "levels=[{ grid = \"4x4\", share = 0.5 }, { grid = \"8x8\", share = 0.5 }]";
    let config = |more: &[&str]| {
        tiny(&[&[source.as_str(), levels, "data.clusters=2", "network.modes=[2]"], more].concat())
    };
    let data = Data::load(&config(&[]).data, grid, 3).unwrap();
    assert_eq!(data.statistics.classes.iter().sum::<u64>(), 54);
    assert!(data.notes.iter().any(|n| n.starts_with("2 clusters of ")), "{:?}", data.notes);
    for part in [&data.training, &data.validation] {
        assert_eq!(part.labels.len(), part.count());
        for (field, label) in part.values.chunks(part.field_len()).zip(&part.labels) {
            // the larger cluster is the first one; normalised values are below 0 near 0
            assert_eq!(*label == 1, field.iter().sum::<f32>() > 0.0);
        }
    }
    // resumed, the clusters are the same again
    let expected = train(&config(&[]), whole.path());
    let stop = AtomicBool::new(false);
    let mut run = Run::open(&config(&[]), parts.path(), true, &mut Silent).unwrap();
    run.train(&stop, &mut StopAfter(7, &stop)).unwrap();
    drop(run);
    assert!(train(&config(&[]), parts.path()).optimizer == expected.optimizer);
    // fields that are bound to something are told no cluster, which is guidance of weight 0
    let model = TrainedModel::load(whole.path()).unwrap();
    assert_eq!(model.unchosen_classes(None), Ok(Classes::Drawn));
    assert_eq!(model.unchosen_classes(Some(Bound::Measurements)), Ok(Classes::Open));
    assert_eq!(model.unchosen_classes(Some(Bound::LargerBox)), Ok(Classes::Open));
    let drawn = Request::new(grid, 5, Method::DpmSolver2M, 4);
    let open = Request { classes: Classes::Open, ..drawn.clone() };
    let make = |request: &Request| model.sample(request, 0..6, &|_, _| ()).unwrap().0.values;
    assert_eq!(model.classes(&open, 0..2), [None, None]);
    assert!(make(&open) == make(&Request { guidance: 0.0, ..drawn.clone() }));
    assert!(make(&open) != make(&drawn));
    // what cannot be
    let error = |more: &[&str]| {
        let all = [&["data.clusters=2"], more].concat();
        let all: Vec<String> = all.iter().map(|s| s.to_string()).collect();
        RunConfig::load(None, &all).unwrap_err().to_string()
    };
    for (set, said) in [
        ("data.source=builtin:shapes", "the labels of builtin:shapes"),
        ("data.clusters=1", "between 2 and 1024"),
        ("training.label_dropout=0", "above 0 with data.clusters"),
    ] {
        assert!(error(&[set]).contains(said), "{}", error(&[set]));
    }
    let many = Data::load(&config(&["data.clusters=7"]).data, grid, 3).unwrap_err().to_string();
    assert!(many.contains("at least 56") && many.contains("at most 6 clusters"), "{many}");
}

#[test]
fn a_classifier_learns_shapes_keeps_what_it_knows_and_reads_on_any_grid() {
    let folder = scratch();
    let grid = Grid::unit(&[16, 16], Boundary::Neumann).unwrap();
    let shapes = builtin::structure("shapes", None).unwrap();
    let make = |grid, indices| builtin::make(&*shapes, grid, 2, indices).unwrap();
    let (training, test) = (make(grid, 0..300), make(grid, 1000..1200));
    let fit = || TrainedClassifier::train(&training, &test, 120, 4, &mut |_, _, _| true).unwrap();
    let (classifier, again) = (fit(), fit());
    // chance gives a third; a ball, a ring and a pair are learned in a second
    assert!(classifier.accuracy > 0.85, "{}", classifier.accuracy);
    assert_eq!(classifier.tested, 200);
    let ensemble = |data: &LevelData| {
        let values = data.values.iter().map(|v| f64::from(*v)).collect();
        Ensemble::new(data.grid, 1, values).unwrap()
    };
    let read = classifier.read(&ensemble(&test)).unwrap();
    assert!(read == again.read(&ensemble(&test)).unwrap(), "the same run, the same bits");
    let path = folder.path().join("shapes.classifier");
    classifier.save(&path).unwrap();
    let back = TrainedClassifier::load(&path).unwrap();
    assert!(back.read(&ensemble(&test)).unwrap() == read);
    assert_eq!((back.accuracy, back.counts.clone()), (classifier.accuracy, classifier.counts));
    // the same functions are classified alike on a finer grid
    let fine = make(grid.with_points(&[40, 40]).unwrap(), 1000..1200);
    let finer = back.read(&ensemble(&fine)).unwrap();
    let same = finer.classes.iter().zip(&read.classes).filter(|(a, b)| a == b).count();
    assert!(same > 190, "{same} of 200");
    let unlabelled = LevelData { labels: vec![], ..training.clone() };
    assert!(TrainedClassifier::train(&unlabelled, &test, 2, 4, &mut |_, _, _| true).is_err());
    fs::write(&path, b"nothing").unwrap();
    let error = TrainedClassifier::load(&path).unwrap_err().to_string();
    assert!(error.contains("no classifier"), "{error}");
}
