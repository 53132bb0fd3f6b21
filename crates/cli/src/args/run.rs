//! Options of the commands that train: quickstart, train, status, import, bench.

use std::path::PathBuf;

use clap::Args;
use karhunen::training::extension::More;

use super::shared::{DeviceArgs, SettingsArgs};

/// `karhunen quickstart`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  karhunen quickstart
  karhunen quickstart --data slices/ --seconds 600 --out first-run")]
pub struct QuickstartArgs {
    /// Your own data instead of the built-in one: a file or a folder of images.
    #[arg(long)]
    pub data: Option<String>,
    /// Directory for the model, samples, tables and pictures.
    #[arg(long, default_value = "quickstart")]
    pub out: PathBuf,
    /// Seconds to train.
    #[arg(long, default_value_t = 130.0)]
    pub seconds: f64,
    /// Seed of everything.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    #[command(flatten)]
    pub settings: SettingsArgs,
    #[command(flatten)]
    pub device: DeviceArgs,
}

/// `karhunen train`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  karhunen train --config run.toml --out runs/x
  karhunen train --config run.toml --set training.steps=2000 --set seed=4 --out runs/y
  karhunen train --config run.toml --dry-run
  karhunen train --config run.toml --out runs/x --more 30m
  karhunen train --config run.toml --out runs/x --preview --set training.tensorboard=true
  karhunen train --config run.toml --out runs/x --log-format json 2> log.jsonl")]
pub struct TrainArgs {
    /// The run, as TOML; defaults (built-in data) without it.
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// A setting on top of the file, as key=value; may be repeated. A run that the directory holds goes on longer
    /// where training.steps or training.seconds are more than it had.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub settings: Vec<String>,
    /// The run's directory.
    #[arg(long, default_value = "runs/default")]
    pub out: PathBuf,
    /// Whether to go on with the run that the directory holds.
    #[arg(long, value_enum, default_value_t = Resume::Auto)]
    pub resume: Resume,
    /// Go on with a run that has ended, for a time (30m, 2h, 500s) or for a number of steps (2000). The learning rate
    /// rises back to its peak and falls at the new end. A run that has not ended goes on to its end, so that the
    /// same command resumes it.
    #[arg(long, value_name = "TIME|STEPS", conflicts_with_all = ["dry_run", "resume"])]
    pub more: Option<More>,
    /// Draw samples of fixed seeds into the run's folder `preview/`, at the end of every level and at validations. The
    /// training does not depend on it.
    #[arg(long, conflicts_with = "dry_run")]
    pub preview: bool,
    /// Print the resolved configuration and the plan, and stop.
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub device: DeviceArgs,
}

/// `karhunen distil`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  karhunen distil runs/x --out runs/x-4
  karhunen sample --model runs/x-4 --count 64 --out samples.npy
  karhunen distil builtin:spinodal --evaluations 2 --out spinodal-2")]
pub struct DistilArgs {
    /// The model: a run, a checkpoint or an exported model. No data are needed.
    pub model: PathBuf,
    /// Evaluations of the network for a field, from 1.
    #[arg(long, default_value_t = 4)]
    pub evaluations: usize,
    /// Operations to spend, relative to those of the model's training; at least those of 64 trajectories.
    #[arg(long, default_value_t = 0.25)]
    pub share: f64,
    /// Trajectories of the model to learn from, instead of a share.
    #[arg(long, conflicts_with = "share")]
    pub trajectories: Option<usize>,
    /// States of trajectories a step.
    #[arg(long, default_value_t = 16)]
    pub batch: usize,
    /// Peak learning rate.
    #[arg(long, default_value_t = 1.5e-3)]
    pub learning_rate: f64,
    /// Seed of the trajectories and of their order.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Directory of the new model. The same command goes on with one that was interrupted.
    #[arg(long)]
    pub out: PathBuf,
    #[command(flatten)]
    pub device: DeviceArgs,
}

/// `karhunen status`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  karhunen status runs/x
  karhunen status runs/x --json")]
pub struct StatusArgs {
    /// The run's directory.
    pub run: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// What to do with a directory that holds a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Resume {
    /// Go on where its newest checkpoint stands.
    Auto,
    /// Refuse.
    Never,
}

/// `karhunen import`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  karhunen import network.pt --config run.toml --out models/published\n  karhunen sample --model models/published --sampler euler-maruyama --evaluations 200 --out x.npy"
)]
pub struct ImportArgs {
    /// The network: what `torch.save(model.state_dict(), …)` wrote, or a .safetensors file.
    pub state: PathBuf,
    /// What a state dict does not hold, as TOML: levels (the grid it was trained on), data.boundary,
    /// prior, path.
    #[arg(long)]
    pub config: PathBuf,
    /// A setting on top of the file, as key=value; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub settings: Vec<String>,
    /// What stands before the names of the arrays, such as `module.`; found by itself where the file
    /// holds one network.
    #[arg(long)]
    pub prefix: Option<String>,
    /// The data's value at the network's 0.
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
    pub offset: f64,
    /// Units of the data in one of the network's.
    #[arg(long, default_value_t = 1.0)]
    pub scale: f64,
    /// The data it was trained on, to start sampling from their law; without, it starts from the
    /// noise, as published.
    #[arg(long)]
    pub data: Option<String>,
    /// The model's directory.
    #[arg(long)]
    pub out: PathBuf,
}

/// `karhunen bench`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  karhunen bench --config run.toml --set network.width=64 --seconds 5"
)]
pub struct BenchArgs {
    /// The run, as TOML; defaults without it. Its fields are made up: of its data only the shape is
    /// looked at, and that where no levels are given.
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// A setting on top of the file, as key=value; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub settings: Vec<String>,
    /// Seconds to time each level, and sampling.
    #[arg(long, default_value_t = 3.0)]
    pub seconds: f64,
    #[command(flatten)]
    pub device: DeviceArgs,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}
