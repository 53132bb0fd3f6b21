//! A sampling job: unfinished fields, finished fields, and files.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use karhunen::pictures::posterior::Summary;
use karhunen::training::watch::Forming;
use karhunen::{Ensemble, Model, Progress, Samples, Task};
use serde::Serialize;
use serde_json::json;
use tokio::sync::mpsc;

use crate::Limits;
use crate::answer::Refusal;
use crate::ask::{Ask, join};
use crate::frame::{self, Frame};
use crate::shelf::Shelf;

/// Capacity for events of a slow reader; a few more than the last events of a job need.
pub const ROOM: usize = 24;
/// Capacity that is reserved for events that must not be lost.
const KEPT_FREE: usize = 12;
/// Time between two pictures of unfinished fields.
const BETWEEN: Duration = Duration::from_millis(40);
/// Number of results kept for file requests, and the largest number of their values together.
const KEPT: (usize, usize) = (8, 1 << 22);
/// File extensions that can be requested.
const ENDINGS: [&str; 3] = ["npy", "png", "vti"];

/// Returns the extension if it is known.
pub fn ending(asked: &str) -> Result<&'static str, Refusal> {
    ENDINGS.into_iter().find(|known| *known == asked).ok_or_else(|| {
        let help = format!("one of {}, csv", ENDINGS.join(", "));
        Refusal::asked(format!("no file of kind `{asked}`"), help)
    })
}

/// An event for the reader of a job.
#[derive(Debug)]
pub struct Told {
    pub name: &'static str,
    pub data: String,
}

/// Sends events to a reader, who may have disconnected.
#[derive(Clone)]
pub struct Teller {
    pub to: mpsc::Sender<Told>,
    /// Set when the server shuts down.
    pub ending: Arc<AtomicBool>,
}

impl Teller {
    /// Whether the reader is still connected and the server still runs.
    pub fn wanted(&self) -> bool {
        !(self.to.is_closed() || self.ending.load(Ordering::Relaxed))
    }

    /// Sends an event if there is capacity. It is dropped if the reader is too slow; jobs never
    /// wait for readers.
    pub fn tell(&self, name: &'static str, value: &impl Serialize) {
        if let Ok(data) = serde_json::to_string(value) {
            let _ = self.to.try_send(Told { name, data });
        }
    }

    /// Sends an event that may be dropped, if the reserved capacity allows.
    fn mention(&self, name: &'static str, value: &impl Serialize) {
        if self.to.capacity() > KEPT_FREE {
            self.tell(name, value);
        }
    }
}

/// Shows a sampling while it runs.
struct Live<'a> {
    teller: &'a Teller,
    model: &'a Model,
    notes: Mutex<Vec<String>>,
    /// Time at which the batch with this first index was last shown.
    shown: Mutex<HashMap<u64, Instant>>,
}

impl<'a> Live<'a> {
    fn new(teller: &'a Teller, model: &'a Model) -> Self {
        Self { teller, model, notes: Mutex::default(), shown: Mutex::default() }
    }

    fn notes(self) -> Vec<String> {
        self.notes.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Live<'_> {
    fn at(&self, _task: Task, done: u64, of: u64, _what: &str) {
        self.teller.mention("step", &json!({ "done": done, "of": of }));
    }

    fn stopped(&self) -> bool {
        !self.teller.wanted()
    }

    fn note(&self, text: &str) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(text.into());
    }

    fn is_watching(&self) -> bool {
        true
    }

    fn forming(&self, fields: &Forming<'_>) {
        let first = fields.indices().start;
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let lately = shown.get(&first).is_some_and(|at| at.elapsed() < BETWEEN);
        if lately || self.teller.to.capacity() <= KEPT_FREE {
            return;
        }
        shown.insert(first, Instant::now());
        drop(shown);
        let mut expected = fields.expected();
        if let Some(phases) = self.model.trained().phases() {
            expected = phases.labelled(&expected);
        }
        let frames = frame::forming(&expected, first);
        self.teller.mention("forming", &json!({ "time": fields.time(), "frames": frames }));
    }
}

/// The sampled fields of a request.
#[derive(Debug)]
pub struct Made {
    ask: Ask,
    samples: Samples,
    notes: Vec<String>,
    command: String,
    file: String,
    seconds: f64,
}

impl Made {
    /// Samples the fields of a request.
    pub fn of(ask: &Ask, shelf: &Shelf, limits: &Limits, teller: &Teller) -> Result<Self, Refusal> {
        let begun = Instant::now();
        let (name, opened) = (shelf.entry(ask.model)?.name.clone(), shelf.open(ask.model)?);
        let live = Live::new(teller, &opened.model);
        opened.model.announce(&ask.options()?, &live)?;
        let (sampling, options) = ask.sampling(&opened.model, limits, &live)?;
        let cells = sampling.grid().points();
        let evaluations = options.evaluations;
        teller.tell("began", &json!({ "grid": cells, "evaluations": evaluations }));
        let samples = sampling.run(&live)?;
        let mut notes = live.notes();
        if !samples.has_phases() {
            notes.extend(samples.beyond());
        }
        let file = ask.file_name(&name, &cells);
        let command = ask.command(&name, &options, &cells, &format!("{file}.npy"));
        let seconds = begun.elapsed().as_secs_f64();
        Ok(Self { ask: ask.clone(), samples, notes, command, file, seconds })
    }

    /// The fields as the page shows them: labels for a model of phases, values otherwise.
    fn shown(&self) -> Ensemble {
        self.samples.labels().unwrap_or_else(|| self.samples.fields.clone())
    }

    /// Mean and standard deviation of fields that are conditioned on observations.
    fn summary(&self) -> Vec<Frame> {
        if self.ask.observed.is_empty() || self.samples.fields.count() < 2 {
            return Vec::new();
        }
        let fields = &self.samples.fields;
        let mut summary = Summary::new(fields.grid, fields.channels);
        summary.add(fields);
        let both = summary.finish();
        let mut frames = frame::finished(&both.slice(0..1), 0, Some("mean"));
        frames.extend(frame::finished(&both.slice(1..2), 0, Some("standard deviation")));
        frames
    }

    /// The result for the page.
    pub fn told(&self) -> serde_json::Value {
        let number = |v: f64| v.is_finite().then_some(v);
        let residual = |r: &karhunen::field::observation::Residual| json!({ "count": r.count, "relative": number(r.relative), "exact": number(r.exact) });
        json!({
            "grid": self.samples.fields.grid.points(),
            "frames": frame::finished(&self.shown(), self.ask.index, None),
            "summary": self.summary(),
            "classes": self.samples.classes,
            "evaluations": self.samples.evaluations,
            "residuals": self.samples.residuals.iter().map(residual).collect::<Vec<_>>(),
            "notes": self.notes,
            "command": self.command,
            "file": self.file,
            "seconds": self.seconds,
        })
    }

    /// The fields as a file: its name and its bytes.
    pub fn file(&self, ending: &'static str) -> Result<(String, Vec<u8>), Refusal> {
        let failed = |e: std::io::Error| {
            let text = format!("a file cannot be made: {e}");
            Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, text, "make room for temporary files")
        };
        let folder = tempfile::tempdir().map_err(failed)?;
        let path = folder.path().join(format!("fields.{ending}"));
        self.samples.write(&path, false)?;
        Ok((format!("{}.{ending}", self.file), std::fs::read(&path).map_err(failed)?))
    }

    fn values(&self) -> usize {
        self.samples.fields.values.len()
    }
}

/// A cache of the latest results, so that a file needs no second sampling.
#[derive(Default)]
pub struct Cache(Mutex<Vec<Arc<Made>>>);

impl Cache {
    /// The cached result of a request, if there is one.
    pub fn find(&self, ask: &Ask) -> Option<Arc<Made>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|made| made.ask == *ask)?;
        let found = kept.remove(at);
        kept.insert(0, Arc::clone(&found));
        Some(found)
    }

    /// Adds a result and removes the least recently used ones.
    pub fn keep(&self, made: Arc<Made>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|other| other.ask != made.ask);
        kept.insert(0, made);
        let (mut count, mut values) = (0, 0);
        kept.retain(|made| {
            (count, values) = (count + 1, values + made.values());
            count == 1 || (count <= KEPT.0 && values <= KEPT.1)
        });
    }
}

/// The grid of a request in words, for the log.
pub fn described(ask: &Ask) -> String {
    let grid = ask.grid.as_deref().map_or_else(|| "own grid".to_string(), join);
    format!("model {}, {grid}, {} fields, seed {}", ask.model, ask.count, ask.seed)
}
