//! Options of the commands that give things away: export, models, generate.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `karhunen export`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  karhunen export --model runs/x --licence CC-BY-4.0 --out foam-model
  karhunen export --model runs/x/checkpoints/00001200 --metrics evaluation.json --out foam-model
  karhunen sample --model foam-model --grid 128x128 --out samples.npy")]
pub struct ExportArgs {
    /// A run directory (its newest checkpoint) or one checkpoint in it.
    #[arg(long)]
    pub model: PathBuf,
    /// Length of the average of the weights, relative to the run's steps: one of `training.ema` (its
    /// first by default), or another, made of those the run stored.
    #[arg(long, value_name = "LENGTH")]
    pub ema: Option<f64>,
    /// The directory to make.
    #[arg(long)]
    pub out: PathBuf,
    /// Name of the model in its card; that of the directory by default.
    #[arg(long)]
    pub name: Option<String>,
    /// Licence of the model; the card says "not stated" without.
    #[arg(long, value_name = "TEXT")]
    pub licence: Option<String>,
    /// What `karhunen evaluate --json` printed, for the card; may be repeated.
    #[arg(long, value_name = "JSON")]
    pub metrics: Vec<PathBuf>,
    /// Replace the files of an exported model that is there.
    #[arg(long)]
    pub force: bool,
}

/// `karhunen models`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  karhunen models
  karhunen models --card spinodal
  karhunen sample --model builtin:spinodal --grid 256x256 --out fields.png")]
pub struct ModelsArgs {
    /// Print the card of this one: how it was trained, and how good it is.
    #[arg(long, value_name = "NAME")]
    pub card: Option<String>,
}

/// `karhunen generate`
#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// What to write.
    #[command(subcommand)]
    pub what: Generate,
}

/// What `karhunen generate` writes.
#[derive(Debug, Subcommand)]
pub enum Generate {
    /// Print a completion script for a shell.
    #[command(after_help = "Examples:
  karhunen generate completions bash > ~/.local/share/bash-completion/completions/karhunen
  karhunen generate completions zsh > ~/.zfunc/_karhunen
  karhunen generate completions fish > ~/.config/fish/completions/karhunen.fish")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Write manual pages: one of the binary and one of every command.
    #[command(after_help = "Examples:
  karhunen generate man | man -l -
  karhunen generate man --out ~/.local/share/man/man1")]
    Man {
        /// Folder for all pages; the binary's page is printed without.
        #[arg(long)]
        out: Option<PathBuf>,
    },
}
