//! What can go wrong while preparing or running a training.

use std::path::PathBuf;

/// Errors of this crate; each names the file or key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A file that cannot be read.
    #[error("{path}: cannot be read: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A name behind `builtin:` that no model of the program has.
    #[error("{name}: no such model; there are {known}")]
    NoSuchModel {
        /// The name as it was given.
        name: String,
        /// Those there are.
        known: String,
    },
    /// A file or folder that cannot be written.
    #[error("{path}: cannot be written: {source}", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A run's directory, or a file, that another process writes.
    #[error("{path}: in use by {holder}", path = path.display())]
    InUse {
        /// The directory or file.
        path: PathBuf,
        /// Process, machine and time, as it wrote them.
        holder: String,
    },
    /// A configuration that means nothing.
    #[error("{place}: {message}")]
    Config {
        /// File, key or setting.
        place: String,
        /// What is wrong, and the fix where there is one.
        message: String,
    },
    /// The directory holds the run of another configuration.
    #[error("{place}: {message}")]
    OtherRun {
        /// Where it was asked for.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// The directory holds a run where there shall be none.
    #[error("{path}: {message}", path = path.display())]
    RunExists {
        /// The directory or file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// No run that could go on for longer.
    #[error("{path}: {message}", path = path.display())]
    NothingToExtend {
        /// The directory or file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A run has ended later than it is asked to end.
    #[error("{place}: {message}")]
    Ended {
        /// Where it was asked for.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// A run that goes on by steps is asked to go on for a time.
    #[error("{place}: {message}")]
    StepsOnly {
        /// Where it was asked for.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// An average of the weights that cannot be made.
    #[error("{place}: {message}")]
    NoSuchAverage {
        /// Where it was asked for.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// Another average than the one that an exported model has.
    #[error("{path}: {message}", path = path.display())]
    OneAverage {
        /// The directory or file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A file that is no classifier.
    #[error("{path}: {message}", path = path.display())]
    NoClassifier {
        /// The directory or file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A motion of fields that their grids or holes do not allow.
    #[error("{place}: {message}")]
    Motion {
        /// Where it was asked for.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// A patch that does not fit into the fields.
    #[error("{source_name}: {message}")]
    Patch {
        /// Path or name of the data.
        source_name: String,
        /// What is wrong.
        message: String,
    },
    /// Labels in another number than the fields.
    #[error("{source_name}: {message}")]
    LabelCount {
        /// Path or name of the data.
        source_name: String,
        /// What is wrong.
        message: String,
    },
    /// Fields with an axis of a single cell.
    #[error("{source_name}: {message}")]
    OneCell {
        /// Path or name of the data.
        source_name: String,
        /// What is wrong.
        message: String,
    },
    /// An axis that is declared periodic and is not.
    #[error("{source_name}: {message}")]
    NotPeriodic {
        /// Path or name of the data.
        source_name: String,
        /// What is wrong.
        message: String,
    },
    /// Data that cannot be trained on.
    #[error("{source_name}: {message}")]
    Data {
        /// Path or name of the data.
        source_name: String,
        /// What is wrong, and the fix.
        message: String,
    },
    /// Not enough memory for the run as configured.
    #[error(
        "this run needs about {needed:.1} GiB ({breakdown}) and {available:.1} GiB are {}; lower {knob}",
        if *limited { "allowed" } else { "free" }
    )]
    Memory {
        /// GiB the run needs.
        needed: f64,
        /// GiB the machine has free, or GiB allowed.
        available: f64,
        /// Whether that is a limit that was set.
        limited: bool,
        /// Where it goes.
        breakdown: String,
        /// The key to change.
        knob: &'static str,
    },
    /// Data larger than memory, and no room for them in a file.
    #[error(
        "cannot keep {:.1} GiB of fields in a file in {}: {source}",
        *bytes as f64 / (1u64 << 30) as f64, path.display()
    )]
    Scratch {
        /// Folder of the file.
        path: PathBuf,
        /// Bytes it was to have.
        bytes: u64,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A directory that holds no usable checkpoint.
    #[error("{path}: {message}", path = path.display())]
    Checkpoint {
        /// The directory or file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// Weights, averages or moments that are no numbers, and so are not written.
    #[error(
        "{path}: not written: {array} not finite at step {step}, {seconds:.0} s of training",
        path = path.display()
    )]
    NotFinite {
        /// The checkpoint.
        path: PathBuf,
        /// Kind and name of the array.
        array: String,
        /// Steps done.
        step: usize,
        /// Seconds in training steps.
        seconds: f64,
    },
    /// Training kept producing non-finite or exploding losses.
    #[error(
        "training diverged at step {step} ({what}) and three times before, the rate halved each time; lower training.learning_rate (now {rate:.1e})"
    )]
    Diverged {
        /// Step of the last failure.
        step: usize,
        /// What was seen.
        what: String,
        /// Rate at that step.
        rate: f64,
    },
    /// A model that cannot be distilled, or a number of a distillation that means nothing.
    #[error("{place}: {message}")]
    Distil {
        /// The model, or the number.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// Ranks of a job that do not see the same.
    #[error(transparent)]
    Ranks(#[from] karhunen_distributed::Differs),
    /// Another rank of the job failed, and tells why.
    #[error("rank {rank} failed")]
    OtherRank {
        /// The first that did.
        rank: usize,
    },
    /// The network refused.
    #[error(transparent)]
    Net(#[from] karhunen_net::NetError),
    /// The mathematics refused.
    #[error(transparent)]
    Field(#[from] karhunen_field::FieldError),
    /// A data file was refused.
    #[error(transparent)]
    Format(#[from] karhunen_formats::FormatError),
    /// Built-in data could not be made.
    #[error(transparent)]
    Simulate(#[from] karhunen_simulate::SimulateError),
}

impl TrainError {
    /// Whether the data are what cannot serve.
    pub fn is_about_data(&self) -> bool {
        matches!(
            self,
            Self::Data { .. }
                | Self::Patch { .. }
                | Self::LabelCount { .. }
                | Self::OneCell { .. }
                | Self::NotPeriodic { .. }
        )
    }
}
