//! Long use of one process: runs that go on again and again, samples without end. Memory and open files stay as they
//! are, and so does what lies in the run's directory.
//!
//! `KARHUNEN_RESUMES=1000 KARHUNEN_SAMPLES=100000` is the long version.

#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use karhunen::training::events::{Event, Observer};
use karhunen::{Data, Model, Run, SampleOptions, TrainOptions};

/// How often memory is looked at.
const LOOKS: u64 = 20;
/// Memory that may come and go, in KiB.
const SLACK: u64 = 16 << 10;
/// Numbers of one process: the tests take turns.
static TURN: Mutex<()> = Mutex::new(());

fn asked(name: &str, usually: u64) -> u64 {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(usually)
}

/// Resident memory in KiB.
fn memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Open files, and threads.
fn handles() -> (usize, usize) {
    let count = |folder| fs::read_dir(folder).unwrap().count();
    (count("/proc/self/fd"), count("/proc/self/task"))
}

/// What was seen on the way.
struct Seen {
    every: u64,
    memory: Vec<u64>,
    handles: Vec<(usize, usize)>,
}

impl Seen {
    fn of(count: u64) -> Self {
        Self { every: (count / LOOKS).max(1), memory: vec![], handles: vec![] }
    }

    fn look(&mut self, at: u64) {
        if at.is_multiple_of(self.every) {
            self.memory.push(memory());
            self.handles.push(handles());
        }
    }

    /// The second half is like the second quarter: what comes first is kept buffers and tables.
    fn is_flat(&self, what: &str) {
        let n = self.memory.len();
        let largest = |part: &[u64]| part.iter().copied().max().unwrap_or_default();
        let (early, late) = (largest(&self.memory[n / 4..n / 2]), largest(&self.memory[n / 2..]));
        println!("{what}: {:?} KiB, (files, threads) {:?}", self.memory, self.handles);
        assert!(late <= early + early / 20 + SLACK, "memory rises from {early} to {late} KiB");
        let most = |part: &[(usize, usize)]| part.iter().map(|h| h.0).max();
        let (early, late) = (most(&self.handles[n / 4..n / 2]), most(&self.handles[n / 2..]));
        assert!(late <= early, "open files rise from {early:?} to {late:?}");
        assert!(self.handles[n / 4..].windows(2).all(|pair| pair[0].1 == pair[1].1));
    }
}

fn folder(name: &str) -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("karhunen-long-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    folder
}

fn options(steps: usize) -> TrainOptions {
    let data = Data::open("builtin:spinodal").unwrap().at_most(24);
    let mut options = TrainOptions::of(&data).levels(&[8]).steps(steps);
    for setting in
        ["network.width=[4]", "network.blocks=[1]", "training.batch=2", "training.validations=1"]
    {
        options = options.set(setting).unwrap();
    }
    options
}

/// Stops its run after two steps.
struct Brief<'a> {
    stop: &'a AtomicBool,
    left: usize,
}

impl Observer for Brief<'_> {
    fn step(&mut self, _event: &Event, _total: usize) {
        self.left -= 1;
        if self.left == 0 {
            self.stop.store(true, Ordering::Relaxed);
        }
    }
}

/// Names below a folder, but for checkpoints of other numbers.
fn names(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries.map(|e| 1 + if e.file_type().unwrap().is_dir() { names(&e.path()) } else { 0 }).sum()
}

#[test]
fn a_run_that_goes_on_again_and_again_takes_no_more_than_one_that_does_once() {
    let _turn = TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let (count, folder) = (asked("KARHUNEN_RESUMES", 20), folder("resumes"));
    // so many that it never ends
    let mut options = options(4 * count as usize);
    let (mut seen, mut there) = (Seen::of(count), Vec::new());
    for at in 0..count {
        options.stop.store(false, Ordering::Relaxed);
        let stop = options.stop.clone();
        let mut brief = Brief { stop: &stop, left: 2 };
        let mut run = Run::open(&options, &folder, &mut brief).unwrap();
        assert_eq!(run.step() as u64, 2 * at);
        run.train(&mut brief).unwrap();
        drop(run);
        seen.look(at);
        there.push(names(&folder));
        options.resume = true;
    }
    seen.is_flat(&format!("{count} resumes"));
    // snapshots come at a few times of the run, everything else is the same all the time
    let (least, most) = (there[2..].iter().min(), there[2..].iter().max());
    assert!(most.unwrap() - least.unwrap() <= 4, "files below the run: {there:?}");
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn samples_without_end_take_no_more_than_the_first_ones() {
    let _turn = TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    const TOGETHER: u64 = 50;
    let (count, folder) = (asked("KARHUNEN_SAMPLES", 1000), folder("samples"));
    let model = karhunen::train(&options(4), &folder, &mut karhunen::Silent).unwrap();
    let mut seen = Seen::of(count / TOGETHER);
    for at in 0..count / TOGETHER {
        let asked = SampleOptions { index: at * TOGETHER, ..SampleOptions::new(TOGETHER) };
        // another model in memory every time, as a program has that opens them on request
        let own = at.is_multiple_of(8).then(|| Model::open(&folder).unwrap());
        let samples = own.as_ref().unwrap_or(&model).sample(&asked.evaluations(2), &()).unwrap();
        assert!(samples.fields.values.iter().all(|v| v.is_finite()));
        seen.look(at);
    }
    seen.is_flat(&format!("{count} samples"));
    fs::remove_dir_all(&folder).unwrap();
}
