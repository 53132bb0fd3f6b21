//! What a run tells while it goes.

use std::path::Path;

use karhunen_field::Ensemble;
use serde::{Deserialize, Serialize};

/// One line of `events.jsonl`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Steps done.
    pub step: usize,
    /// Level, counted from 0.
    pub level: usize,
    /// Grid of the level.
    pub grid: String,
    /// Seconds in training steps so far.
    pub seconds: f64,
    /// Training loss of this step.
    pub loss: f64,
    /// Validation loss at the finest level, where it was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_loss: Option<f64>,
    /// The same of every average, in the order of `training.ema`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub validation_losses: Vec<f64>,
    /// Loss of training fields as [`Event::validation_loss`] is that of held-out ones: the same weights, level, times and
    /// noise ([`crate::run::overfitting`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training_loss: Option<f64>,
    /// Seconds of training steps that are left, about; 0 in files of before it was written down.
    #[serde(default)]
    pub left: f64,
    /// Norm of the gradient before it is clipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gradient_norm: Option<f64>,
    /// Learning rate.
    pub rate: f64,
    /// Bytes that the first rank of a job sent in this step; none of a process alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<u64>,
    /// Something worth telling a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Listens to a run; all methods default to nothing.
pub trait Observer {
    /// Something to tell before the first step: what the data are, what will be done.
    fn note(&mut self, _text: &str) {}

    /// Something that went wrong and did not stop the run, such as a damaged checkpoint.
    fn warning(&mut self, text: &str) {
        self.note(text);
    }

    /// A step was done (called for every step; files get fewer lines).
    fn step(&mut self, _event: &Event, _total: usize) {}

    /// A validation, level switch, checkpoint or roll-back happened.
    fn milestone(&mut self, _event: &Event) {}

    /// Samples of the model as it is at a milestone, of a run that was asked for them
    /// ([`crate::Run::preview`]). The answer is a picture of them in PNG format, if one was drawn, for whoever else
    /// shows the run.
    fn preview(&mut self, _event: &Event, _samples: &Ensemble) -> Option<Vec<u8>> {
        None
    }
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {}

/// Reads `events.jsonl`, leaving out lines that a crash cut short or a disk damaged.
///
/// # Errors
/// If the file cannot be read.
pub fn read(path: &Path) -> std::io::Result<Vec<Event>> {
    let bytes = std::fs::read(path)?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}
