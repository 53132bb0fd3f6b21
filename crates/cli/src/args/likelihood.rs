//! Options of `karhunen likelihood`.

use std::path::PathBuf;

use clap::Args;
use karhunen::{LikelihoodOptions, ReferenceOptions};

use super::evaluate::{Part, ReadArgs};
use super::shared::{Points, points};
use crate::failure::Failure;

/// `karhunen likelihood`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  karhunen likelihood --model runs/x new-slices/
  karhunen likelihood --model runs/x new-slices/ --against slices/ --count 128
  karhunen likelihood --model runs/x new-slices/ --steps 64 --repetitions 16 --json > likelihood.json")]
pub struct LikelihoodArgs {
    /// The fields: a file, a folder, or builtin:NAME; several files become channels of one data set. Of what
    /// the model was trained on only the held-out part is used.
    #[arg(required = true, num_args = 1.., value_name = "DATA")]
    pub data: Vec<String>,
    /// A run directory, one checkpoint in it, an exported model, or `builtin:` and a name.
    #[arg(long)]
    pub model: PathBuf,
    /// Other fields to compare with, as a rule those that the model was trained on: adds how well the number
    /// tells the two apart (AUC: 0.5 not at all, 1 always).
    #[arg(long, value_name = "DATA", num_args = 1..)]
    pub against: Vec<String>,
    /// Fields of each to look at, at most.
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub count: usize,
    /// Steps of the probability flow: two evaluations of the network and of its derivative each.
    #[arg(long, value_name = "N", default_value_t = 32)]
    pub steps: usize,
    /// Repetitions a field, each with its own noise and random signs: they give the standard error.
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub repetitions: usize,
    /// Sum the derivative over all modes instead of estimating its trace by random signs: for small grids.
    #[arg(long)]
    pub exact: bool,
    /// Cells per axis; the finest trained level by default.
    #[arg(long, value_parser = points)]
    pub grid: Option<Points>,
    /// The class that the fields are taken to be of; all of them together by default.
    #[arg(long)]
    pub class: Option<u32>,
    /// Length of the average of the weights, as for `sample`.
    #[arg(long, value_name = "LENGTH")]
    pub ema: Option<f64>,
    #[command(flatten)]
    pub read: ReadArgs,
    /// Which part of the fields to look at, where the model was trained on them.
    #[arg(long, value_enum, default_value_t = Part::HeldOut)]
    pub part: Part,
    /// Seed of noise, signs and patches.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

impl LikelihoodArgs {
    /// What was typed, as the library takes it.
    pub fn options(&self) -> Result<LikelihoodOptions, Failure> {
        let against = match self.against.is_empty() {
            true => None,
            false => Some(self.source(&self.against, Part::HeldOut)?),
        };
        let data = self.source(&self.data, self.part)?;
        Ok(LikelihoodOptions {
            against,
            grid: self.grid.as_ref().map(|points| points.0.clone()),
            steps: self.steps,
            repetitions: self.repetitions,
            exact: self.exact,
            class: self.class,
            seed: self.seed,
            data,
        })
    }

    fn source(&self, names: &[String], part: Part) -> Result<ReferenceOptions, Failure> {
        let source = self.read.source(names)?;
        Ok(ReferenceOptions { part: part.into(), count: self.count, seed: self.seed, ..source })
    }
}
