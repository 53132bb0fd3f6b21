//! Observers of a run change nothing of it, and see each step once.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use karhunen::formats::crc32c;
use karhunen::training::checkpoint::Checkpoint;
use karhunen::training::optimizer::Optimizer;
use karhunen::{Data, Event, Observer, TrainOptions, train};

const STEPS: usize = 12;

fn options(settings: &[&str]) -> TrainOptions {
    let data = Data::open("builtin:spinodal").unwrap().at_most(24);
    let mut options = TrainOptions::of(&data).levels(&[8, 16]).steps(STEPS);
    let small = ["network.width=[8]", "network.blocks=[2]", "training.batch=4"];
    for setting in small.iter().chain(&["training.validations=3"]).chain(settings) {
        options = options.set(setting).unwrap();
    }
    options
}

fn folder(name: &str) -> PathBuf {
    let path =
        std::env::temp_dir().join(format!("karhunen-watching-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    path
}

/// Records events, and stops after a step.
#[derive(Default)]
struct Watching {
    stop_after: Option<usize>,
    stop: Arc<AtomicBool>,
    notes: Vec<String>,
}

impl Observer for Watching {
    fn note(&mut self, text: &str) {
        self.notes.push(text.into());
    }

    fn step(&mut self, event: &Event, _total: usize) {
        if self.stop_after == Some(event.step) {
            self.stop.store(true, Ordering::Relaxed);
        }
    }
}

/// Weights, averages and moments at the end.
fn learned(run: &Path) -> Optimizer {
    let (checkpoint, complaints) = Checkpoint::newest(run).unwrap().unwrap();
    assert_eq!((checkpoint.progress.step, complaints.len()), (STEPS, 0));
    checkpoint.optimizer
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn previews_change_no_bit_and_have_one_scale() {
    let (plain, seen) = (folder("plain"), folder("seen"));
    train(&options(&[]), &plain, &mut Watching::default()).unwrap();
    let mut first = Watching { stop_after: Some(7), ..Watching::default() };
    let asked = TrainOptions { preview: true, stop: first.stop.clone(), ..options(&[]) };
    train(&asked, &seen, &mut first).unwrap();
    let before = names(&seen.join("preview"));
    // the picture of a step that will be repeated is removed when the step is done
    fs::write(seen.join("preview/00000011.png"), b"old").unwrap();
    let mut watching = Watching::default();
    train(&TrainOptions { stop: Arc::default(), ..asked }, &seen, &mut watching).unwrap();
    assert!(learned(&plain) == learned(&seen));
    assert!(!plain.join("preview").exists());
    // a short run draws only the ends of its levels
    let found = names(&seen.join("preview"));
    assert_eq!(found.first().unwrap(), "00000005.png");
    assert!(found.contains(&"00000012.png".to_string()) && found.contains(&"data.png".to_string()));
    assert!(!found.contains(&"00000011.png".to_string()), "{found:?}");
    assert!(before.iter().all(|name| found.contains(name)));
    let png = fs::read(seen.join("preview/00000012.png")).unwrap();
    assert!(png.starts_with(b"\x89PNG") && png.len() > 500);
    let told = watching.notes.iter().find(|note| note.contains("pictures in"));
    assert!(told.is_some_and(|note| note.contains("% of the time in training steps")));
    [plain, seen].iter().for_each(|path| fs::remove_dir_all(path).unwrap());
}

/// Steps and bodies of the records of an event file. Every checksum is compared.
fn records(path: &Path) -> Vec<(u64, Vec<u8>)> {
    let bytes = fs::read(path).unwrap();
    let masked = |part: &[u8]| {
        crc32c(part).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes().to_vec()
    };
    let (mut at, mut found) = (0, Vec::new());
    while at < bytes.len() {
        let length = u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
        assert_eq!(masked(&bytes[at..at + 8]), bytes[at + 8..at + 12]);
        let data = &bytes[at + 12..at + 12 + length];
        assert_eq!(masked(data), bytes[at + 12 + length..at + 16 + length]);
        // a time of eight bytes, then the step
        assert_eq!((data[0], data[9]), (0x09, 0x10));
        let length_of_step = 1 + data[10..].iter().position(|byte| byte & 0x80 == 0).unwrap();
        let step = data[10..10 + length_of_step]
            .iter()
            .rev()
            .fold(0, |sum: u64, byte| sum << 7 | u64::from(byte & 0x7f));
        found.push((step, data[10 + length_of_step..].to_vec()));
        at += 16 + length;
    }
    found
}

fn holds(body: &[u8], text: &str) -> bool {
    body.windows(text.len()).any(|part| part == text.as_bytes())
}

#[test]
fn event_files_tell_each_step_once_and_a_resumed_run_voids_what_it_repeats() {
    let run = folder("board");
    let mut first = Watching { stop_after: Some(7), ..Watching::default() };
    let asked = options(&["training.tensorboard=true"]);
    let asked = TrainOptions { preview: true, stop: first.stop.clone(), ..asked };
    train(&asked, &run, &mut first).unwrap();
    let files = names(&run.join("tensorboard"));
    assert_eq!(files.len(), 1);
    assert!(files[0].starts_with("events.out.tfevents."));
    let written = records(&run.join("tensorboard").join(&files[0]));
    assert!(holds(&written[0].1, "brain.Event:2"));
    // in a fresh run nothing from step 1 on is void
    assert_eq!((written[1].0, &written[1].1[..]), (1, &[0x3a, 2, 0x08, 1][..]));
    let told = |records: &[(u64, Vec<u8>)], tag: &str| -> Vec<u64> {
        records.iter().filter(|(_, body)| holds(body, tag)).map(|(step, _)| *step).collect()
    };
    assert_eq!(told(&written, "loss/training"), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(told(&written, "training/gradient norm"), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(told(&written, "loss at 8x8/training").last(), Some(&5));
    assert_eq!(told(&written, "loss at 16x16/training"), [6, 7]);
    assert_eq!(told(&written, "loss/validation, average 0.1"), told(&written, "loss/validation"));
    let pictures: Vec<u64> = written
        .iter()
        .filter(|(_, body)| body.windows(4).any(|part| part == b"\x89PNG"))
        .map(|(step, _)| *step)
        .collect();
    assert_eq!(pictures, [5]);
    // the run goes on without TensorBoard, then with it again: the setting makes no other run of it
    let again = TrainOptions { stop: Arc::default(), preview: false, ..asked };
    let mut second = Watching { stop_after: Some(9), ..Watching::default() };
    let plain = again.clone().set("training.tensorboard=false").unwrap();
    train(&TrainOptions { stop: second.stop.clone(), ..plain }, &run, &mut second).unwrap();
    assert_eq!(names(&run.join("tensorboard")).len(), 1);
    train(&again, &run, &mut Watching::default()).unwrap();
    let files = names(&run.join("tensorboard"));
    assert_eq!(files.len(), 2);
    let rest = records(&run.join("tensorboard").join(&files[1]));
    assert_eq!((rest[1].0, &rest[1].1[..]), (10, &[0x3a, 2, 0x08, 1][..]));
    assert_eq!(told(&rest, "loss/training"), [10, 11, 12]);
    fs::remove_dir_all(&run).unwrap();
}
