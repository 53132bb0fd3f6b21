//! What can go wrong, by what the caller can do about it.

use std::path::PathBuf;

use karhunen_evaluate::EvaluateError;
use karhunen_field::FieldError;
use karhunen_figures::FigureError;
use karhunen_formats::FormatError;
use karhunen_net::NetError;
use karhunen_report::ReportError;
use karhunen_train::TrainError;

use crate::classifier::ClassifierError;
use crate::give::ExportError;
use crate::observe::ObserveError;
use crate::sample::SampleError;
use crate::shards::ShardError;

/// Errors of this library. Each says what is wrong, with path, value and limit, and has its cause as its
/// source; which option or key to change is for the face to say.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A device that the build or the machine does not have.
    #[error(transparent)]
    Device(NetError),
    /// A run that was refused before any work was done: whatever is wrong is in what was asked for, unless
    /// the system would not write.
    #[error(transparent)]
    Refused(TrainError),
    /// A sampling that the model cannot do.
    #[error(transparent)]
    Sample(#[from] SampleError),
    /// Shards of a sampling that cannot be made, or cannot be merged.
    #[error(transparent)]
    Shard(#[from] ShardError),
    /// An observation that cannot be used.
    #[error(transparent)]
    Observe(#[from] ObserveError),
    /// An export to a place that may not be written to.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// A classifier that cannot be trained.
    #[error(transparent)]
    Classifier(#[from] ClassifierError),
    /// A prior of an unknown kind, or with a parameter that is missing, unknown or of another type.
    #[error("prior {kind}: {message}")]
    Prior {
        /// The kind as it was given.
        kind: String,
        /// What is wrong.
        message: String,
        /// The parameter that is missing, if that is what is wrong.
        missing: Option<String>,
    },
    /// A prior that takes its spectrum from data, without data.
    #[error("a {0} prior takes its spectrum from data")]
    PriorWithoutData(String),
    /// Data for a prior that takes nothing from them.
    #[error("data {source_name}: a {kind} prior takes nothing from data")]
    PriorWithData {
        /// The data.
        source_name: String,
        /// The kind of the prior.
        kind: String,
    },
    /// Truths and draws of a check of posteriors: too few.
    #[error("{what} {count}: at least {least}")]
    TooFew {
        /// `truths` or `draws`.
        what: &'static str,
        /// As many were asked for.
        count: u64,
        /// As many are needed.
        least: u64,
    },
    /// More truths than fields were held out.
    #[error("truths {asked}: {held} fields were held out")]
    HeldOut {
        /// As many were asked for.
        asked: usize,
        /// As many there are.
        held: usize,
    },
    /// Fields on a grid between two levels, whose likelihood the network cannot tell.
    #[error(
        "{source_name} at {grid}: the network answers such fields at {own}, and a likelihood needs fields of a trained level or a finer grid"
    )]
    LikelihoodGrid {
        /// The fields.
        source_name: String,
        /// Their grid.
        grid: String,
        /// The grid that the network answers on.
        own: String,
    },
    /// A directory that holds no run.
    #[error("{path}: holds no checkpoint", path = .0.display())]
    NoRun(PathBuf),
    /// A file that is there already.
    #[error("{path}: exists already", path = .0.display())]
    Exists(PathBuf),
    /// A folder that cannot be made.
    #[error("{path}: cannot be made: {source}", path = path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that cannot be read.
    #[error("{path}: cannot be read: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that cannot be written.
    #[error("{path}: cannot be written: {source}", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// An evaluation that cannot be made.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// A page that cannot be written.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// A picture that cannot be drawn.
    #[error(transparent)]
    Figure(#[from] FigureError),
    /// Data, a configuration, a run or a model.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The mathematics refused.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// A data file was refused.
    #[error(transparent)]
    Format(#[from] FormatError),
}

impl Error {
    /// Whether nothing is wrong but that [`crate::Progress::stopped`] ended the work.
    pub fn is_stop(&self) -> bool {
        let stopped = |e: &FieldError| matches!(e, FieldError::Stopped);
        match self {
            Self::Field(e) => stopped(e),
            Self::Train(TrainError::Field(e)) => stopped(e),
            Self::Evaluate(EvaluateError::Field(e)) => stopped(e),
            _ => false,
        }
    }
}
