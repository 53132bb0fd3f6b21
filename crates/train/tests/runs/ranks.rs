//! Runs whose batches are shared by ranks, here threads of one process: the same bits on any number of them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use karhunen_distributed::{Group, Threads};
use karhunen_net::Device;
use karhunen_train::clock::WallClock;
use karhunen_train::events::{self, Observer, Silent};
use karhunen_train::run::Asked;
use karhunen_train::{Outcome, Run, RunConfig, TrainError};

use super::{Scratch, StopAfter, state, tiny, train};

/// Opens a run on every rank, and does something with it there.
fn on_ranks<T: Send>(
    size: usize,
    config: impl Fn(usize) -> RunConfig + Sync,
    directory: &Path,
    act: impl Fn(Result<Run, TrainError>) -> T + Sync,
) -> Vec<T> {
    std::thread::scope(|scope| {
        let (act, config) = (&act, &config);
        let threads: Vec<_> = (Threads::new(size).into_iter().enumerate())
            .map(|(rank, threads)| {
                scope.spawn(move || {
                    let (group, config) = (Group::of(Arc::new(threads)), config(rank));
                    let asked = Asked { config: &config, resume: true, more: None, group };
                    let clock = Arc::new(WallClock::default());
                    act(Run::open_asked(asked, directory, &Device::flex(), clock, &mut Silent))
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Loss of the first step of a run.
fn first_loss(directory: &Path) -> f64 {
    events::read(&directory.join("events.jsonl")).unwrap()[0].loss
}

/// Trains to a step, or to the end.
fn trains(run: Result<Run, TrainError>, until: usize) -> Outcome {
    let (mut run, stop) = (run.unwrap(), AtomicBool::new(false));
    run.train(&stop, &mut StopAfter(until, &stop)).unwrap()
}

#[test]
fn any_number_of_ranks_trains_the_same_bits() {
    let config = || tiny(&["training.pieces=4", "training.steps=12", "data.augment=[\"mirror\"]"]);
    let alone_run = Scratch::new("ranks-1");
    train(&config(), alone_run.path());
    let alone = state(alone_run.path());
    for size in [2, 3, 4] {
        let shared = Scratch::new(&format!("ranks-{size}"));
        let all = on_ranks(size, |_| config(), shared.path(), |run| trains(run, usize::MAX));
        assert!(all.iter().all(|outcome| *outcome == Outcome::Finished));
        let shared = state(shared.path());
        assert!(shared.optimizer == alone.optimizer, "{size} ranks");
        assert_eq!(shared.progress, alone.progress);
    }
    // pieces change the rounding, and nothing else
    let whole = Scratch::new("ranks-whole");
    train(&tiny(&["training.steps=12", "data.augment=[\"mirror\"]"]), whole.path());
    let (first, again) = (first_loss(whole.path()), first_loss(alone_run.path()));
    assert!((first / again - 1.0).abs() < 1e-5, "{first} {again}");
    assert!(state(whole.path()).optimizer != alone.optimizer);
}

#[test]
fn a_run_goes_on_with_other_ranks() {
    let config = || tiny(&["training.pieces=4", "training.steps=12"]);
    let (whole, parts) = (Scratch::new("ranks-whole-run"), Scratch::new("ranks-parts"));
    train(&config(), whole.path());
    for (size, until) in [(2, 5), (1, 8), (4, usize::MAX)] {
        on_ranks(size, |_| config(), parts.path(), |run| trains(run, until));
    }
    let (whole, parts) = (state(whole.path()), state(parts.path()));
    assert!(whole.optimizer == parts.optimizer);
    assert_eq!(whole.progress, parts.progress);
}

#[test]
fn ranks_that_see_different_runs_are_refused_before_anything_is_written() {
    for (setting, told) in [
        ("training.learning_rate=0.5", "another configuration than rank 0: `learning_rate = 0.5`"),
        ("data.count=39", "another configuration than rank 0: `count = 39`"),
    ] {
        let place = Scratch::new("ranks-differ");
        let config = |rank| if rank == 1 { tiny(&[setting]) } else { tiny(&[]) };
        for refused in on_ranks(3, config, place.path(), |run| run.map(|_| ()).unwrap_err()) {
            let text = refused.to_string();
            assert!(text.starts_with("rank 1 on") && text.contains(told), "{text}");
        }
        assert!(!place.path().exists());
    }
}

#[test]
fn a_rank_that_cannot_begin_ends_all() {
    let place = Scratch::new("ranks-fail");
    let config = |rank| if rank == 2 { tiny(&["data.source=nowhere.npy"]) } else { tiny(&[]) };
    let all = on_ranks(3, config, place.path(), |run| run.map(|_| ()).unwrap_err().to_string());
    assert!(all[2].contains("nowhere.npy"), "{}", all[2]);
    assert!(all[..2].iter().all(|told| told == "rank 2 failed"), "{all:?}");
    assert!(!place.path().exists());
}

/// Keeps what is told.
#[derive(Default)]
struct Told(Vec<String>);

impl Observer for Told {
    fn warning(&mut self, text: &str) {
        self.0.push(text.into());
    }
}

#[test]
fn pieces_are_settled_by_the_batch_and_kept() {
    let place = Scratch::new("ranks-settled");
    let begun = |size| {
        on_ranks(
            size,
            |_| tiny(&["training.steps=6"]),
            place.path(),
            |run| {
                let run = run.unwrap();
                (run.pieces().count(), run.config().training.pieces)
            },
        )
    };
    // a job of one begins it, and cuts as one of many would
    assert_eq!(begun(1), [(2, Some(2))]);
    let many = Scratch::new("ranks-many");
    let config = |_| tiny(&["training.steps=6", "training.batch=17"]);
    assert!(on_ranks(2, config, many.path(), |run| run.unwrap().pieces().count()) == [3, 3]);
    // one process makes no pieces of its own accord, and its files do not tell of any
    let plain = Scratch::new("ranks-plain");
    train(&tiny(&["training.steps=6"]), plain.path());
    assert_eq!(state(plain.path()).config.training.pieces, None);
    assert!(tiny(&["training.pieces=4"]).training.pieces == Some(4));
    let refused = RunConfig::load(None, &["training.batch=4".into(), "training.pieces=5".into()]);
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("training.pieces = 5: between 1 and training.batch = 4")
    );
}

#[test]
fn a_run_of_whole_batches_may_be_cut_when_it_is_resumed() {
    let place = Scratch::new("ranks-cut");
    let stop = AtomicBool::new(false);
    let config = tiny(&["training.steps=12"]);
    let mut run = Run::open(&config, place.path(), true, &mut Silent).unwrap();
    run.train(&stop, &mut StopAfter(4, &stop)).unwrap();
    drop(run);
    let cut = tiny(&["training.steps=12", "training.pieces=2"]);
    let mut run = Run::open(&cut, place.path(), true, &mut Silent).unwrap();
    assert_eq!((run.step(), run.pieces().count()), (4, 2));
    assert_eq!(
        run.train(&AtomicBool::new(false), &mut Told::default()).unwrap(),
        Outcome::Finished
    );
}
