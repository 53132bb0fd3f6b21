//! A model knows its data by what they are, wherever they lie and whatever they are called.

use std::fs;
use std::path::Path;

use crate::sandbox::{Ended, Sandbox};

/// Cells of a field.
const CELLS: usize = 12 * 12;

/// Writes fields of 12x12 cells, the values of cell `j` of field `i` being `value(i, j)`.
fn npy(path: &Path, fields: impl Iterator<Item = usize>, value: impl Fn(usize, usize) -> f32) {
    let fields: Vec<usize> = fields.collect();
    let head = format!(
        "{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, 12, 12), }}",
        fields.len()
    );
    let length = (10 + head.len() + 1).next_multiple_of(64) - 10;
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((length as u16).to_le_bytes());
    bytes.extend(format!("{head:<width$}\n", width = length - 1).bytes());
    for i in fields {
        bytes.extend((0..CELLS).flat_map(|j| value(i, j).to_le_bytes()));
    }
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Values that resemble no others: a hash of both numbers, and a wave along the cells.
fn value(i: usize, j: usize) -> f32 {
    let mixed = ((i * CELLS + j) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed >> 40) as f32 / (1u64 << 24) as f32 + (0.3 * j as f32 + i as f32).sin()
}

/// A sandbox with a model in `a/run`, trained on 45 of the 50 fields of `a/data.npy`.
fn trained(name: &str) -> Sandbox {
    let sandbox = Sandbox::new(name);
    npy(&sandbox.file("a/data.npy"), 0..50, value);
    let settings = "training.steps=4 training.validations=1 training.batch=4 network.width=4";
    let sets: Vec<String> = settings.split(' ').map(|s| format!("--set {s}")).collect();
    let train = format!(
        "cd a && $K train --set data.source=data.npy {} --set 'levels=[{{grid=\"12x12\",share=1}}]' --out run",
        sets.join(" ")
    );
    sandbox.shell(&train).works();
    let sample = "cd a && $K sample --model run --count 4 --evaluations 2 --out s.npy";
    sandbox.shell(sample).works();
    sandbox
}

fn evaluate(sandbox: &Sandbox, from: &str, line: &str) -> Ended {
    sandbox.shell(&format!("cd {from} && $K evaluate {line}"))
}

/// The note that says which part is used.
fn note(ended: &Ended) -> &str {
    ended.works();
    let notes: Vec<&str> = ended.err.lines().filter(|l| l.starts_with("note: ")).collect();
    assert_eq!(notes.len(), 1, "{}", ended.err);
    notes[0]
}

#[test]
fn held_out_fields_are_the_reference_from_everywhere_and_under_every_name() {
    let sandbox = trained("kin-places");
    fs::create_dir_all(sandbox.file("b")).unwrap();
    fs::copy(sandbox.file("a/data.npy"), sandbox.file("b/copy.npy")).unwrap();
    let lines = [
        ("a", "--reference data.npy --samples s.npy --model run"),
        (".", "--reference a/data.npy --samples a/s.npy --model a/run"),
        ("b", "--reference copy.npy --samples ../a/s.npy --model ../a/run"),
    ];
    for (from, line) in lines {
        let ended = evaluate(&sandbox, from, line);
        assert!(note(&ended).contains("held-out part is used, 5 of 50 fields"), "{}", ended.err);
        assert!(ended.out.contains("training fields"), "{}", ended.out);
    }
    // memorisation is measured with the data as they are named, not where the path once led
    let line = "--reference copy.npy --samples ../a/s.npy --model ../a/run --memorisation";
    let ended = evaluate(&sandbox, "b", line);
    assert!(ended.works().out.contains("one of 45 training fields"), "{}", ended.out);
    // an export remembers
    sandbox.shell("$K export --model a/run --out b/model").works();
    let line = "--reference copy.npy --samples ../a/s.npy --model model";
    assert!(note(&evaluate(&sandbox, "b", line)).contains("5 of 50 fields"));
}

#[test]
fn another_file_of_the_same_name_is_another_file() {
    let sandbox = trained("kin-names");
    npy(&sandbox.file("b/data.npy"), (0..50).rev(), |i, j| 3.0 * value(i, j) + 10.0);
    let line = "--reference data.npy --samples ../a/s.npy --model ../a/run";
    let ended = evaluate(&sandbox, "b", line);
    assert!(note(&ended).contains("none of the reference's fields: all are used"), "{}", ended.err);
    // fields of another size tell nothing
    let crop = "$K sample --model a/run --grid 9x9 --count 30 --evaluations 2 --out b/crop.npy";
    sandbox.shell(crop).works();
    let ended =
        evaluate(&sandbox, "b", "--reference crop.npy --samples ../a/s.npy --model ../a/run");
    assert!(ended.works().err.contains("cannot be told"), "{}", ended.err);
}

#[test]
fn a_file_that_grew_puts_no_training_field_into_the_held_out_part() {
    let sandbox = trained("kin-grown");
    // in front, behind, and in another order
    npy(&sandbox.file("a/grown.npy"), (50..58).chain(0..50).chain(58..60), value);
    let line = "--reference grown.npy --samples s.npy --model run";
    let ended = evaluate(&sandbox, "a", line);
    let told = note(&ended);
    assert!(told.contains("45 of the reference's 60 fields were trained on"), "{told}");
    assert!(told.contains("5 that were held out and 10 that the model never met"), "{told}");
}

#[test]
fn a_run_goes_on_from_another_directory_and_not_with_other_data() {
    let sandbox = trained("kin-resume");
    let more = "--set training.steps=4 --set training.validations=1 --set training.batch=4 \
                --set network.width=4 --set 'levels=[{grid=\"12x12\",share=1}]'";
    let resumed =
        sandbox.shell(&format!("$K train --set data.source=a/data.npy {more} --out a/run"));
    assert!(resumed.works().err.contains("resuming at step 4"), "{}", resumed.err);
    npy(&sandbox.file("b/data.npy"), 1..51, value);
    sandbox
        .shell(&format!("cd b && $K train --set data.source=data.npy {more} --out ../a/run"))
        .refuses(2, &["data.npy: not the data this run began with", "50 of 50 fields"]);
    npy(&sandbox.file("b/data.npy"), 0..60, value);
    sandbox
        .shell(&format!("cd b && $K train --set data.source=data.npy {more} --out ../a/run"))
        .refuses(2, &["60 of [12, 12] now"]);
}
