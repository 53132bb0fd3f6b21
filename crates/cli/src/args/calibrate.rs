//! Options of the command that checks posteriors.

use std::path::PathBuf;

use clap::Args;
use karhunen::PosteriorOptions;
use karhunen::sampler::Method;

use super::shared::{Points, method, points};

/// `karhunen calibrate`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  karhunen calibrate --model runs/x --observe wells.csv --truths 32 --draws 99 --figure ranks.png
  karhunen calibrate --model runs/x --observe wells.csv --surrogate")]
pub struct CalibrateArgs {
    /// A run directory, one checkpoint in it, or an exported model.
    #[arg(long)]
    pub model: PathBuf,
    /// Where and how exactly truths are observed, as for `sample`; the values in it do not matter.
    #[arg(long, value_name = "FILE")]
    pub observe: PathBuf,
    /// Truths, of the fields held out from training.
    #[arg(long, value_name = "N", default_value_t = 32)]
    pub truths: u64,
    /// Draws given each truth's observations.
    #[arg(long, value_name = "N", default_value_t = 99)]
    pub draws: u64,
    /// Length of the average of the weights, as for `sample`.
    #[arg(long, value_name = "LENGTH")]
    pub ema: Option<f64>,
    /// Cells per axis; the finest trained level by default.
    #[arg(long, value_parser = points)]
    pub grid: Option<Points>,
    /// Seed of the draws.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// The sampler; wiener-ancestral by default.
    #[arg(long, value_parser = method)]
    pub sampler: Option<Method>,
    /// Network evaluations a field; the model's own by default.
    #[arg(long)]
    pub evaluations: Option<usize>,
    /// Choose each draw among so many weighted particles.
    #[arg(long, value_name = "N", conflicts_with = "sampler")]
    pub particles: Option<usize>,
    /// Draw by simple kriging under the data's Gaussian law instead of the network.
    #[arg(long, conflicts_with_all = ["sampler", "evaluations", "particles"])]
    pub surrogate: bool,
    /// Take truths from the data's Gaussian law instead of held-out data.
    #[arg(long)]
    pub gaussian: bool,
    /// Where to draw the rank histogram with its bands, as .png.
    #[arg(long, value_name = "FILE")]
    pub figure: Option<PathBuf>,
    /// Replace the figure if it exists.
    #[arg(long)]
    pub force: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

impl CalibrateArgs {
    /// What was typed, as the library takes it.
    pub fn options(&self) -> PosteriorOptions {
        PosteriorOptions {
            truths: self.truths,
            draws: self.draws,
            grid: self.grid.as_ref().map(|points| points.0.clone()),
            seed: self.seed,
            sampler: self.sampler,
            evaluations: self.evaluations,
            particles: self.particles,
            surrogate: self.surrogate,
            gaussian: self.gaussian,
            ..PosteriorOptions::of(&self.observe)
        }
    }
}
