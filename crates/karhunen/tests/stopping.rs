//! Sampling ends soon after its observer stops it, and reports that.

use std::sync::atomic::{AtomicU64, Ordering};

use karhunen::{Data, Progress, SampleOptions, Silent, Task, TrainOptions, train};

/// An observer that stops after some steps.
struct Impatient {
    after: u64,
    seen: AtomicU64,
}

impl Progress for Impatient {
    fn at(&self, _task: Task, _done: u64, _of: u64, _what: &str) {
        self.seen.fetch_add(1, Ordering::Relaxed);
    }

    fn stopped(&self) -> bool {
        self.seen.load(Ordering::Relaxed) >= self.after
    }
}

#[test]
fn nobody_waits_for_fields_that_are_not_wanted() {
    let data = Data::open("builtin:spinodal").unwrap().at_most(24);
    let mut options = TrainOptions::of(&data).levels(&[8, 16]).steps(2);
    for setting in ["network.width=[8]", "network.blocks=[2]"] {
        options = options.set(setting).unwrap();
    }
    let directory = std::env::temp_dir().join(format!("karhunen-stop-{}", std::process::id()));
    let model = train(&options, &directory, &mut Silent).unwrap();
    let waiting = |after| Impatient { after, seen: AtomicU64::new(0) };
    let asked = SampleOptions::new(4).evaluations(20);
    let impatient = waiting(3);
    let error = model.sample(&asked, &impatient).unwrap_err();
    assert!(error.is_stop(), "{error}");
    // one more step of each batch that was in progress
    assert!(impatient.seen.load(Ordering::Relaxed) < 20);
    // the model still works afterwards
    let patient = waiting(u64::MAX);
    let fields = model.sample(&asked, &patient).unwrap().fields;
    assert_eq!(fields, model.sample(&asked, &()).unwrap().fields);
    std::fs::remove_dir_all(&directory).unwrap();
}
