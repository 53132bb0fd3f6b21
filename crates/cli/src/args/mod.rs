//! Arguments as typed, a file a group of commands. Nothing here is checked beyond its form; what an option
//! means to the library is said beside it.

mod calibrate;
mod data;
mod evaluate;
mod give;
mod likelihood;
mod merge;
mod run;
mod sample;
#[cfg(feature = "serve")]
mod serve;
mod shared;

use clap::{Args, Parser, Subcommand};

pub use calibrate::CalibrateArgs;
pub use data::{InspectArgs, PriorArgs};
pub use evaluate::{ClassifierArgs, CompareArgs, EvaluateArgs, ReportArgs};
pub use give::{ExportArgs, Generate, GenerateArgs, ModelsArgs};
pub use likelihood::LikelihoodArgs;
pub use merge::MergeArgs;
pub use run::{BenchArgs, DistilArgs, ImportArgs, QuickstartArgs, Resume, StatusArgs, TrainArgs};
pub use sample::SampleArgs;
#[cfg(feature = "serve")]
pub use serve::ServeArgs;

/// Heading of the options that every command has.
const GLOBAL: &str = "Options of every command";

/// Generative models of functions: train across resolutions, sample at any.
#[derive(Debug, Parser)]
#[command(name = "karhunen", version, about, max_term_width = 100)]
pub struct Arguments {
    /// Threads to compute with; all cores by default.
    #[arg(long, global = true, value_name = "N", help_heading = GLOBAL)]
    pub threads: Option<usize>,
    /// Memory to take at most, as 8GiB or 500MB: what would need more is refused before it begins, and data beyond it stay
    /// on disk; as much as is free by default.
    #[arg(long, global = true, value_name = "SIZE", value_parser = shared::bytes, help_heading = GLOBAL)]
    pub memory: Option<u64>,
    #[command(flatten)]
    pub log: LogArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What is told on standard error.
#[derive(Debug, Args, Default)]
pub struct LogArgs {
    /// Tell only what is wrong: no progress, no notes.
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = GLOBAL)]
    pub quiet: bool,
    /// Tell more; twice: every step. RUST_LOG chooses where neither -q nor -v is given.
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = GLOBAL)]
    pub verbose: u8,
    /// Lines for people, or one JSON object a line for machines.
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text, help_heading = GLOBAL)]
    pub log_format: LogFormat,
}

/// How lines on standard error read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train on built-in (or your) data across three levels, sample at four grids, evaluate, draw.
    Quickstart(QuickstartArgs),
    /// Say what a data set is and what would be done with it.
    Inspect(InspectArgs),
    /// Draw fields from a Gaussian prior.
    Prior(PriorArgs),
    /// Train a model from a configuration file.
    Train(TrainArgs),
    /// Say where a run stands, and whether a process is at it.
    Status(StatusArgs),
    /// Make a model of the published network's state dict (.pt, .safetensors).
    Import(ImportArgs),
    /// Make a model of a few evaluations out of one of many: sampling gets several times as fast.
    Distil(DistilArgs),
    /// Sample a trained model at any resolution.
    Sample(Box<SampleArgs>),
    /// Join the shards of a sampling to the file that one process would have written.
    Merge(MergeArgs),
    /// Show models on a page in the browser: seeds, resolutions, measurements, fields as they form.
    #[cfg(feature = "serve")]
    Serve(ServeArgs),
    /// Measure samples against real fields.
    Evaluate(EvaluateArgs),
    /// Write a page about a model: pictures, curves, tables, verdicts.
    Report(ReportArgs),
    /// Put several models or files of samples side by side in one table.
    Compare(CompareArgs),
    /// Say whether the spread of a model's posteriors is right, by held-out truths.
    Calibrate(CalibrateArgs),
    /// Say how likely fields are under a model: are they like the data it was trained on?
    Likelihood(LikelihoodArgs),
    /// Train a small classifier of labelled fields, for `evaluate` to read samples with.
    Classifier(ClassifierArgs),
    /// Time training and sampling of a configuration on this machine.
    Bench(BenchArgs),
    /// Make a model directory to give away: weights, configuration and a model card.
    Export(ExportArgs),
    /// List the models that come with the program.
    Models(ModelsArgs),
    /// Write shell completions and manual pages.
    Generate(GenerateArgs),
}
