//! What a run consists of while it is open.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use karhunen_distributed::{Group, Traffic};
use karhunen_net::Model;

use crate::batch::pieces::Pieces;
use crate::batch::{Batches, LevelData};
use crate::config::RunConfig;
use crate::data::Data;
use crate::run::budget::Window;
use crate::run::clock::Clock;
use crate::run::extension::More;
use crate::run::ledger::Ledger;
use crate::run::optimizer::Optimizer;
use crate::run::schedule::Schedule;
use crate::run::tensorboard::Board;
use crate::store::checkpoint::Progress;
use crate::store::lock::Lock;

/// What a run is opened for.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    /// The run as written down.
    pub config: &'a RunConfig,
    /// Whether a run that the directory holds is continued.
    pub resume: bool,
    /// How much longer it shall go on once it has ended.
    pub more: Option<More>,
    /// The ranks that share its batches.
    pub group: Group,
}

/// How a call to [`Run::train`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Every step of every level was taken.
    Finished,
    /// Asked to stop; a checkpoint was written.
    Interrupted,
}

/// A training run and its directory.
pub struct Run {
    pub(super) directory: PathBuf,
    pub(super) config: RunConfig,
    pub(super) schedule: Schedule,
    pub(super) data: Data,
    pub(super) model: Model,
    /// Without weights while nothing is validated.
    pub(super) evaluator: Model,
    pub(super) optimizer: Optimizer,
    pub(super) progress: Progress,
    pub(super) batches: Batches,
    /// Fields of the levels below the finest, made when first trained on.
    pub(super) coarser: Vec<Option<LevelData>>,
    /// Steps after which the averages are stored.
    pub(super) stores: Vec<usize>,
    /// Set by whoever wants a checkpoint now.
    pub(super) wanted: Arc<AtomicBool>,
    /// Keeps other processes from the directory as long as the run is open; the first rank of a job has it for all.
    pub(super) _lock: Option<Lock>,
    /// The ranks that share its batches.
    pub(super) group: Group,
    /// How they do.
    pub(super) pieces: Pieces,
    /// What was sent before the run was opened.
    pub(super) sent_before: Traffic,
    /// What a budget in seconds is counted by.
    pub(super) clock: Arc<dyn Clock>,
    /// Steps since their costs were last compared with the plan.
    pub(super) window: Window,
    /// Number of steps that the observer was last told.
    pub(super) told: usize,
    /// Where TensorBoard is told.
    pub(super) board: Option<Board>,
    /// Samples that are shown at milestones, and the seconds that they took.
    pub(super) previewed: u64,
    pub(super) shown: f64,
}

impl Run {
    /// The resolved configuration.
    pub fn config(&self) -> &RunConfig {
        &self.config
    }

    /// The levels with their steps.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// Cost and gain of each level so far.
    pub fn ledger(&self) -> &Ledger {
        &self.progress.ledger
    }

    /// Steps done.
    pub fn step(&self) -> usize {
        self.progress.step
    }

    /// Writes a checkpoint after the step during which this flag is set, clears the flag and goes on.
    pub fn save_when(&mut self, wanted: Arc<AtomicBool>) {
        self.wanted = wanted;
    }
}
