//! How far long work is, for whoever waits, and whether they still do.

use karhunen_field::FieldError;
use karhunen_train::watch::Forming;

/// Work that takes long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Task {
    /// Fields are sampled.
    Sampling,
    /// Rows are compared with real fields.
    Comparing,
    /// Networks learn to tell samples from real fields.
    TellingApart,
    /// Samples are looked for among training fields.
    Memorisation,
    /// Samples of a training that has ended are looked for among its fields.
    NearCopies,
    /// A classifier is trained.
    Classifier,
    /// Posteriors of known truths are sampled.
    Posteriors,
    /// Fields are followed to noise to tell how likely they are.
    Likelihood,
}

impl Task {
    /// One or two words for people.
    pub fn name(self) -> &'static str {
        match self {
            Task::Sampling => "sampling",
            Task::Comparing => "comparing",
            Task::TellingApart => "telling apart",
            Task::Memorisation => "memorisation",
            Task::NearCopies => "near-copies",
            Task::Classifier => "training",
            Task::Posteriors => "posteriors",
            Task::Likelihood => "likelihood",
        }
    }
}

/// Listens to long work; all methods default to nothing. Methods may be called from any thread.
///
/// # Example
/// ```
/// use karhunen_evaluate::progress::{Progress, Task};
/// struct Lines;
/// impl Progress for Lines {
///     fn at(&self, task: Task, done: u64, of: u64, what: &str) {
///         println!("{}: {done} of {of} {what}", task.name());
///     }
/// }
/// Lines.at(Task::Sampling, 3, 20, "");
/// ```
pub trait Progress: Sync {
    /// `done` of `of` units of a task are done; `what` says which part comes next, or nothing.
    fn at(&self, _task: Task, _done: u64, _of: u64, _what: &str) {}

    /// Whether whoever waits wants no more of it: asked again and again, from any thread. Work then ends soon,
    /// with [`FieldError::Stopped`].
    fn stopped(&self) -> bool {
        false
    }

    /// Whether fields shall be shown while they are sampled ([`Progress::forming`]).
    fn is_watching(&self) -> bool {
        false
    }

    /// Fields that are sampled, on their way: at every evaluation of the network, a batch of them at a time.
    fn forming(&self, _fields: &Forming<'_>) {}

    /// A task is over.
    fn over(&self, _task: Task) {}

    /// Something to know that changes nothing.
    fn note(&self, _text: &str) {}

    /// Something to know, and the numbers in it by their names.
    fn numbers(&self, text: &str, _numbers: &[(&'static str, f64)]) {
        self.note(text);
    }

    /// Something to be careful about.
    fn warning(&self, text: &str) {
        self.note(text);
    }
}

/// Hears nothing.
impl Progress for () {}

/// Ends what is no longer wanted.
///
/// # Errors
/// [`FieldError::Stopped`].
pub(crate) fn go_on(progress: &dyn Progress) -> Result<(), FieldError> {
    if progress.stopped() { Err(FieldError::Stopped) } else { Ok(()) }
}
