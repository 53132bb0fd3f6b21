//! Options of the command that joins shards; [`super::sample`] has that which makes them.

use std::path::PathBuf;

use clap::Args;

/// `karhunen merge`
#[derive(Debug, Args)]
#[command(after_help = "Example:
  karhunen sample --model runs/x --count 1000 --shard 1/2 --out samples.npy
  karhunen sample --model runs/x --count 1000 --shard 2/2 --out samples.npy
  karhunen merge samples.npy --remove")]
pub struct MergeArgs {
    /// The file that every shard was given as --out.
    pub out: PathBuf,
    /// Where to write the classes of the fields, as .npy; beside the file, as NAME-labels.npy, by default.
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// Remove the shards when the file is written.
    #[arg(long)]
    pub remove: bool,
    /// Replace the file if it exists.
    #[arg(long)]
    pub force: bool,
}
