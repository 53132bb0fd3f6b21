//! The errors of a comparison.

use std::error::Error;
use std::path::PathBuf;

use karhunen_field::{Boundaries, FieldError};
use karhunen_formats::FormatError;
use karhunen_train::TrainError;

/// Errors of this crate. Each message says what is wrong, with names and limits. The caller
/// (program, page or Python package) names the option or key to change, by the variant.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// The requested boundary condition is not that of the model.
    #[error("boundary {asked}: the model's box is {own}")]
    Boundary {
        /// The requested boundary condition.
        asked: Boundaries,
        /// The model's boundary condition.
        own: Boundaries,
    },
    /// Samples that cannot be read.
    #[error(transparent)]
    Samples(FormatError),
    /// The samples have another number of channels than the model.
    #[error("{name}: its fields have {channels} channel(s), the model's {model}")]
    SampleChannels {
        /// Name of the samples.
        name: String,
        /// Their channels.
        channels: usize,
        /// The model's channels.
        model: usize,
    },
    /// Samples of a model of phases that are neither labels nor level sets.
    #[error("{name}: neither labels ({known}) nor level sets of {channels} channel(s)")]
    SamplePhases {
        /// Name of the samples.
        name: String,
        /// The labels of the model's phases.
        known: String,
        /// Channels of its level sets.
        channels: usize,
    },
    /// The reference names no data.
    #[error("the reference names no data")]
    NoReference,
    /// Too few real fields were asked for.
    #[error("reference count {0}: at least 2")]
    ReferenceCount(usize),
    /// Another patch would change which fields were held out of training.
    #[error("a patch changes which fields were held out of training")]
    Patch,
    /// The training part was requested, but no model was trained on the reference.
    #[error("training part: the reference is not the model's own source")]
    Part,
    /// A channel of the reference has one value everywhere.
    #[error("{name}: channel {channel} is constant ({value}); nothing to compare")]
    Constant {
        /// The reference.
        name: String,
        /// The channel, counted from 0.
        channel: usize,
        /// Its value.
        value: f64,
    },
    /// Samples and reference differ in their number of axes or channels.
    #[error("{name}: its fields have {ours} {what}, those of {reference} have {theirs}")]
    Kind {
        /// Name of the samples.
        name: String,
        /// `axes` or `channel(s)`.
        what: &'static str,
        /// The number that the samples have.
        ours: usize,
        /// The reference.
        reference: String,
        /// The number that the reference has.
        theirs: usize,
    },
    /// A single sample.
    #[error("{0}: one field; comparisons need at least 2")]
    OneField(String),
    /// Samples of a single cell.
    #[error("{0}: fields of one cell have no spectrum to compare")]
    OneCell(String),
    /// Two sets of samples that should hold the same functions cannot.
    #[error("{name}: {here}, beside {there}")]
    NotTheSame {
        /// Name of the second set.
        name: String,
        /// A description of the second set.
        here: String,
        /// A description of the first set.
        there: String,
    },
    /// Samples of two boxes, or of two numbers of channels.
    #[error("{name}: fields of {here}, beside {there} of {first}")]
    TwoBoxes {
        /// Name of the set that differs.
        name: String,
        /// A description of that set.
        here: String,
        /// Name of the first set.
        first: String,
        /// A description of the first set.
        there: String,
    },
    /// Two rows have the same name.
    #[error("{0}: given twice")]
    Twice(String),
    /// Too few samples were asked for.
    #[error("count {0}: at least 2")]
    Count(u64),
    /// The number of labels differs from the number of samples.
    #[error("{name}: {labels} labels for {samples} samples")]
    LabelCount {
        /// Name of the labels.
        name: String,
        /// Their number.
        labels: usize,
        /// The number of samples.
        samples: usize,
    },
    /// A label that the classifier does not know.
    #[error("{name}: class {label} is none that the classifier knows")]
    UnknownClass {
        /// Name of the labels.
        name: String,
        /// The label.
        label: u32,
    },
    /// The number of networks that tell fields apart is zero.
    #[error("0 networks to tell fields apart: at least 1")]
    NoNetworks,
    /// The requested number of fields on each side is too small for a network to tell them apart.
    #[error("{asked} fields a side to tell apart: at least {least}")]
    Sides {
        /// The requested number.
        asked: usize,
        /// The smallest allowed number.
        least: usize,
    },
    /// There are too few fields for a network to tell them apart.
    #[error(
        "{samples} samples and two halves of {real} real fields are {count} a side; at least {least}"
    )]
    TooFew {
        /// Number of samples.
        samples: usize,
        /// Number of real fields.
        real: usize,
        /// Number of fields on each side.
        count: usize,
        /// The smallest allowed number.
        least: usize,
    },
    /// Fewer than two phases to cut fields into.
    #[error("{0} phases: at least 2")]
    Phases(usize),
    /// The thresholds do not rise.
    #[error("thresholds {0}: finite, each above the one before")]
    Thresholds(String),
    /// The fields that a model was trained on cannot be opened.
    #[error(transparent)]
    TrainingData(TrainError),
    /// The place of the model's data now holds other data.
    #[error("{0}: not the data that the model was trained on")]
    OtherData(String),
    /// A file of an evaluation that cannot be read.
    #[error("{path}: cannot be read: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that holds no evaluation.
    #[error("{path}: {what}", path = path.display())]
    NoEvaluation {
        /// The file.
        path: PathBuf,
        /// Why not.
        what: String,
    },
    /// An error of the run, its data or its model.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// An error of the mathematics.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// An error of a data file.
    #[error(transparent)]
    Format(#[from] FormatError),
}

/// An error and its causes in one line. A cause whose message the line already contains is left
/// out.
pub fn chain(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(e) = cause {
        let text = e.to_string();
        if !message.contains(&text) {
            message = format!("{message}: {text}");
        }
        cause = e.source();
    }
    message
}
