//! Progress of long work for an observer, who may also stop it.

use karhunen_field::FieldError;
use karhunen_train::watch::Forming;

/// The tasks that take long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Task {
    /// Fields are sampled.
    Sampling,
    /// Sets of fields are compared with real fields.
    Comparing,
    /// Networks learn to tell samples from real fields.
    TellingApart,
    /// Samples are searched for copies of training fields.
    Memorisation,
    /// Samples made at the end of a training are searched for copies of its training fields.
    NearCopies,
    /// A classifier is trained.
    Classifier,
    /// Posterior samples of known truths are drawn.
    Posteriors,
    /// The likelihood of fields is computed along the probability flow.
    Likelihood,
    /// A model is sampled whose trajectories another one learns.
    Trajectories,
}

impl Task {
    /// The task in one or two words.
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
            Task::Trajectories => "trajectories",
        }
    }
}

/// An observer of long work. By default all methods do nothing. They may be called from any thread.
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

    /// Whether the work should stop. It is called repeatedly, from any thread. The work then ends
    /// soon, with [`FieldError::Stopped`].
    fn stopped(&self) -> bool {
        false
    }

    /// Whether unfinished fields are to be shown during the sampling ([`Progress::forming`]).
    fn is_watching(&self) -> bool {
        false
    }

    /// Receives unfinished fields: a batch at every evaluation of the network.
    fn forming(&self, _fields: &Forming<'_>) {}

    /// A task has ended.
    fn over(&self, _task: Task) {}

    /// A remark without consequences.
    fn note(&self, _text: &str) {}

    /// A remark with its numbers by name.
    fn numbers(&self, text: &str, _numbers: &[(&'static str, f64)]) {
        self.note(text);
    }

    /// A warning.
    fn warning(&self, text: &str) {
        self.note(text);
    }
}

/// Ignores everything.
impl Progress for () {}

/// Stops the work if that is requested.
///
/// # Errors
/// [`FieldError::Stopped`].
pub(crate) fn go_on(progress: &dyn Progress) -> Result<(), FieldError> {
    if progress.stopped() { Err(FieldError::Stopped) } else { Ok(()) }
}
