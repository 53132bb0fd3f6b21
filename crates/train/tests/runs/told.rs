//! What a run says of its data: overfitting, copies of training fields, motions that the data support.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use karhunen_train::checkpoint::Checkpoint;
use karhunen_train::copies::NearCopies;
use karhunen_train::events::Observer;
use karhunen_train::{Run, RunConfig};

use super::{Scratch, lines, resumes_bit_for_bit, state, tiny};

/// Hears what a run says.
#[derive(Default)]
struct Heard(Vec<String>);

impl Observer for Heard {
    fn note(&mut self, text: &str) {
        self.0.push(text.into());
    }
}

impl Heard {
    fn says(&self, part: &str) -> bool {
        self.0.iter().any(|line| line.contains(part))
    }
}

fn heard(config: &RunConfig, directory: &Path) -> (Heard, NearCopies) {
    let mut heard = Heard::default();
    let mut run = Run::open(config, directory, true, &mut heard).expect("opens");
    run.train(&AtomicBool::new(false), &mut heard).expect("trains");
    let copies = run.near_copies(&|_, _| {}).expect("samples");
    (heard, copies)
}

/// Eight fields are learned by heart, and said to be; of 400 nothing of the kind is said.
#[test]
fn overfitting_is_told_and_honest_learning_is_not() {
    let settings = |count: &str, validation: &str| {
        let (count, validation) =
            (format!("data.count={count}"), format!("data.validation={validation}"));
        tiny(&[
            &count,
            &validation,
            "network.width=16",
            "training.steps=1500",
            "training.batch=8",
            "training.learning_rate=4e-3",
            "training.validation_fields=32",
            "levels=[{ grid = \"8x8\", share = 1 }]",
        ])
    };
    let (few, many) = (Scratch::new("few"), Scratch::new("many"));
    let (told, copies) = heard(&settings("16", "0.5"), few.path());
    assert!(
        told.says("held-out fields have") && told.says("learns its fields by heart"),
        "{:?}",
        told.0
    );
    assert!(told.says("the validation loss has risen"), "{:?}", told.0);
    assert!(copies.samples[0] > copies.held_out[0], "{}", copies.told());
    let parted = state(few.path()).progress.parted_step;
    assert!(parted.is_some_and(|step| step < 1500), "{parted:?}");
    let events = lines(few.path());
    let last = events.last().unwrap();
    assert!(last.training_loss < last.validation_loss, "{last:?}");
    let (told, copies) = heard(&settings("400", "0.1"), many.path());
    assert!(!told.says("by heart") && !told.says("has risen"), "{:?}", told.0);
    assert_eq!(copies.copies, 0, "{}", copies.told());
}

/// A network that has room for its four fields gives them back.
#[test]
fn samples_that_are_training_fields_are_counted() {
    let scratch = Scratch::new("copies");
    let config = tiny(&[
        "data.count=12",
        "data.validation=0.7",
        "network.width=16",
        "network.modes=[6]",
        "network.layers=4",
        "network.projection=32",
        "training.steps=1500",
        "training.batch=8",
        "training.learning_rate=4e-3",
        "levels=[{ grid = \"8x8\", share = 1 }]",
    ]);
    let (_, copies) = heard(&config, scratch.path());
    assert_eq!((copies.training_fields, copies.held_out.len(), copies.samples.len()), (4, 8, 32));
    assert!(copies.copies > 16, "{}", copies.told());
    assert!(copies.held_out.iter().all(|r| *r < 0.8), "{}", copies.told());
}

/// Periodic axes are shifted unless the run says otherwise, or its data do; resumed bit for bit.
#[test]
fn fields_on_periodic_axes_are_shifted_at_random() {
    let periodic = "data.boundary=periodic";
    let shifted = resumes_bit_for_bit("shifted", &[periodic], &[5, 13]);
    let named = |state: &Checkpoint| {
        let list = state.config.data.augment.iter().flatten();
        list.map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(named(&shifted), ["shift:0,1"]);
    let still = resumes_bit_for_bit("still", &[periodic, "data.augment=[]"], &[]);
    assert!(still.optimizer.weights != shifted.optimizer.weights && named(&still).is_empty());
    // a shifted law has a constant mean, and waves whose cosine and sine have one variance
    let mean = &shifted.statistics.mean.values;
    assert!(mean.iter().all(|v| (v - mean[0]).abs() < 1e-12), "{mean:?}");
    let c = &shifted.statistics.variances[0];
    assert!(
        (c[1] - c[2]).abs() < 1e-15
            && still.statistics.variances[0][1] != still.statistics.variances[0][2]
    );
    let energy = |state: &Checkpoint| {
        let squares: f64 = state.statistics.mean.values.iter().map(|v| v * v / 192.0).sum();
        squares + state.statistics.variances[0].iter().sum::<f64>()
    };
    assert!((energy(&shifted) - energy(&still)).abs() < 1e-9);
    // no other box is
    let closed = Scratch::new("closed");
    let (told, _) = heard(&tiny(&[]), closed.path());
    assert!(named(&state(closed.path())).is_empty() && !told.says("shift"), "{:?}", told.0);
    let mirrored = Scratch::new("mirrored");
    let (told, _) = heard(&tiny(&["data.augment=[\"mirror\"]"]), mirrored.path());
    assert!(told.says("mirrors along axis 1: mean, variance and spectrum"), "{:?}", told.0);
}
