//! Long work in a thread of its own, while the interpreter is free and listens for Ctrl-C.
//!
//! The calling thread waits. Every [`WAIT`] it looks for signals, and it hands what the work tells to a Python
//! callable. A signal, an exception of the callable, or its answer `False` asks the work to stop. A panic ends
//! the thread and becomes an exception.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread::Builder;
use std::time::Duration;

use karhunen::{Event, Observer, Progress, Task};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::{self, Problem};

/// Time between two looks for signals.
const WAIT: Duration = Duration::from_millis(50);
/// Stack of the thread: as large as that of a main thread.
const STACK: usize = 8 << 20;

/// What the work tells.
enum Told {
    Step(Event, usize),
    Milestone(Event),
    At(&'static str, u64, u64, String),
    Text(&'static str, String),
}

impl Told {
    /// As keys and values.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let told = PyDict::new(py);
        match self {
            Self::Step(event, total) => {
                told.set_item("kind", "step")?;
                told.set_item("total", total)?;
                put(&told, event)?;
            }
            Self::Milestone(event) => {
                told.set_item("kind", "milestone")?;
                put(&told, event)?;
            }
            Self::At(task, done, of, what) => {
                told.set_item("kind", "progress")?;
                told.set_item("task", task)?;
                told.set_item("done", done)?;
                told.set_item("total", of)?;
                told.set_item("message", what)?;
            }
            Self::Text(kind, text) => {
                told.set_item("kind", kind)?;
                told.set_item("message", text)?;
            }
        }
        Ok(told)
    }
}

fn put(told: &Bound<'_, PyDict>, event: &Event) -> PyResult<()> {
    told.set_item("step", event.step)?;
    told.set_item("level", event.level)?;
    told.set_item("grid", &event.grid)?;
    told.set_item("seconds", event.seconds)?;
    told.set_item("loss", event.loss)?;
    told.set_item("validation_loss", event.validation_loss)?;
    told.set_item("left", event.left)?;
    told.set_item("rate", event.rate)?;
    told.set_item("gradient_norm", event.gradient_norm)?;
    told.set_item("message", event.message.as_deref())
}

type Line = Sender<(Told, Option<SyncSender<()>>)>;

/// What the work knows of whoever waits for it.
pub struct Link {
    line: Line,
    heard: bool,
    /// Set when nobody wants more of it.
    pub stop: Arc<AtomicBool>,
}

impl Link {
    fn say(&self, told: Told) {
        if self.heard {
            // whoever waits is there as long as the work is
            let _ = self.line.send((told, None));
        }
    }

    /// Says it, and goes on when it was heard: an answer then counts for this step.
    fn say_and_wait(&self, told: Told) {
        if self.heard {
            let (heard, wait) = sync_channel(1);
            if self.line.send((told, Some(heard))).is_ok() {
                let _ = wait.recv();
            }
        }
    }
}

impl Progress for Link {
    fn at(&self, task: Task, done: u64, of: u64, what: &str) {
        self.say(Told::At(task.name(), done, of, what.into()));
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn note(&self, text: &str) {
        self.say(Told::Text("note", text.into()));
    }

    fn warning(&self, text: &str) {
        self.say(Told::Text("warning", text.into()));
    }
}

/// The same for a training.
pub struct Listening<'a>(pub &'a Link);

impl Observer for Listening<'_> {
    fn note(&mut self, text: &str) {
        self.0.say(Told::Text("note", text.into()));
    }

    fn warning(&mut self, text: &str) {
        self.0.say(Told::Text("warning", text.into()));
    }

    fn step(&mut self, event: &Event, total: usize) {
        self.0.say_and_wait(Told::Step(event.clone(), total));
    }

    fn milestone(&mut self, event: &Event) {
        self.0.say_and_wait(Told::Milestone(event.clone()));
    }
}

/// Does the work and gives its answer, or raises.
pub fn compute<T: Send>(
    py: Python<'_>,
    listener: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce(&Link) -> Result<T, Problem> + Send,
) -> PyResult<T> {
    let listener = listener.map(|l| l.clone().unbind());
    let (line, told) = channel();
    let stop = Arc::new(AtomicBool::new(false));
    let link = Link { line, heard: listener.is_some(), stop: stop.clone() };
    let (raised, done) = py.detach(move || {
        std::thread::scope(|scope| {
            let builder = Builder::new().name("karhunen".into()).stack_size(STACK);
            let worker = match builder.spawn_scoped(scope, move || {
                let link = link;
                work(&link)
            }) {
                Ok(worker) => worker,
                Err(e) => return (None, Ok(Err(Problem::run(format!("no thread: {e}"))))),
            };
            let mut raised: Option<PyErr> = None;
            loop {
                let heard = match told.recv_timeout(WAIT) {
                    Ok(heard) => Some(heard),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => break,
                };
                let answer = Python::attach(|py| {
                    py.check_signals()?;
                    match (&listener, &heard) {
                        (Some(call), Some((told, _))) => {
                            let answer = call.bind(py).call1((told.to_dict(py)?,))?;
                            Ok(!answer.extract::<bool>().is_ok_and(|go_on| !go_on))
                        }
                        _ => Ok(true),
                    }
                });
                match answer {
                    Ok(true) => {}
                    Ok(false) => stop.store(true, Ordering::Relaxed),
                    Err(e) => {
                        stop.store(true, Ordering::Relaxed);
                        raised.get_or_insert(e);
                    }
                }
                if let Some((_, Some(waits))) = heard {
                    let _ = waits.send(());
                }
            }
            (raised, worker.join())
        })
    });
    match (raised, done) {
        (Some(error), _) => Err(error),
        (None, Ok(Ok(answer))) => Ok(answer),
        (None, Ok(Err(problem))) => Err(errors::raised(py, problem)),
        (None, Err(panic)) => Err(errors::panicked(py, &*panic)),
    }
}

/// Panics: for the test that this raises and ends nothing.
#[pyfunction]
#[pyo3(name = "_panic")]
pub fn panic(py: Python<'_>) -> PyResult<()> {
    compute(py, None, |_| -> Result<(), Problem> { panic!("asked to") })
}
