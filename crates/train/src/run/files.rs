//! What a run writes into its directory.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use karhunen_formats::write_whole;

use crate::TrainError;
use crate::run::events::{Event, read};
use crate::run::tensorboard::Board;
use crate::store::atomic::unwritten;
use crate::store::checkpoint::Checkpoint;
use crate::store::snapshot;

use super::Run;
use super::ranks::first_alone;

impl Run {
    pub(super) fn save(&self) -> Result<(), TrainError> {
        self.first_alone(|| self.write_checkpoint())
    }

    fn write_checkpoint(&self) -> Result<(), TrainError> {
        let checkpoint = Checkpoint {
            config: self.config.clone(),
            optimizer: self.optimizer.clone(),
            statistics: self.data.statistics.clone(),
            progress: self.progress.clone(),
        };
        checkpoint.save(&self.directory)?;
        let path = self.directory.join("ledger.json");
        let text =
            serde_json::to_string_pretty(&self.progress.ledger).expect("a ledger is plain data");
        write_whole(&path, text.as_bytes()).map_err(unwritten(&path))
    }

    /// Drops events and snapshots after the step the run stands at: they will happen again. TensorBoard is told so.
    pub(super) fn prepare_files(&mut self) -> Result<(), TrainError> {
        let group = self.group.clone();
        first_alone(&group, || self.tidy_files())
    }

    fn tidy_files(&mut self) -> Result<(), TrainError> {
        keep_events(&self.directory, self.progress.step)?;
        if self.config.training.tensorboard {
            self.board = Some(Board::begin(&self.directory, self.progress.step)?);
        }
        snapshot::forget_after(&self.directory, self.progress.step)
    }

    pub(super) fn record(&mut self, event: &Event) -> Result<(), TrainError> {
        let group = self.group.clone();
        first_alone(&group, || self.append(event))
    }

    fn append(&mut self, event: &Event) -> Result<(), TrainError> {
        if let Some(board) = &mut self.board {
            board.event(event, &self.config.training.ema)?;
        }
        append_line(&self.directory, event)
    }
}

/// Drops the events of a directory after a step: they will happen again.
pub(crate) fn keep_events(directory: &Path, step: usize) -> Result<(), TrainError> {
    let path = directory.join("events.jsonl");
    let events = match read(&path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            return Err(TrainError::Read { path, source: e });
        }
        events => events.unwrap_or_default(),
    };
    let kept: String = events.into_iter().filter(|e| e.step <= step).map(|e| line(&e)).collect();
    write_whole(&path, kept.as_bytes()).map_err(unwritten(&path))
}

/// Appends an event to the file of a directory.
pub(crate) fn append_line(directory: &Path, event: &Event) -> Result<(), TrainError> {
    let path = directory.join("events.jsonl");
    let mut file =
        fs::OpenOptions::new().append(true).create(true).open(&path).map_err(unwritten(&path))?;
    file.write_all(line(event).as_bytes()).map_err(unwritten(&path))
}

fn line(event: &Event) -> String {
    let mut text = serde_json::to_string(event).expect("an event is plain data");
    text.push('\n');
    text
}
