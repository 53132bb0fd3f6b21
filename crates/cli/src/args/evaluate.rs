//! Options of the commands that compare: evaluate, compare, classifier.

use std::path::PathBuf;

use clap::Args;
use karhunen::evaluation::Effort;
use karhunen::{EvaluateError, ReferenceOptions, Sources};

use super::shared::{BoundaryArgs, Points, SettingsArgs, ShapeArgs, points};
use crate::failure::Failure;

/// Which part of the data that a model was trained on is the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Fields never trained on: does the model tell how such fields are?
    HeldOut,
    /// Fields it was trained on: did it learn the law it was shown?
    Training,
}

impl From<Part> for karhunen::Part {
    fn from(part: Part) -> Self {
        match part {
            Part::HeldOut => Self::HeldOut,
            Part::Training => Self::Training,
        }
    }
}

/// `karhunen evaluate`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  karhunen evaluate --reference slices/ --samples samples.npy --model runs/x
  karhunen evaluate --reference slices/ --samples samples.npy --model runs/x --all --phases 3
  karhunen evaluate --reference slices/ --samples fine.npy --same coarse.npy --model runs/x
  karhunen evaluate --reference slices/ --samples samples.npy --model runs/x --distinguish
  karhunen evaluate --reference rock.tif --samples labels.npy --dim 3 --patch 64x64x64 --set data.phases=2
  karhunen evaluate --reference t10k-images-idx3-ubyte.gz --samples samples.npy --classifier digits.classifier --sample-labels samples-labels.npy
  karhunen evaluate --reference slices/ --samples samples.npy --model runs/x --json > evaluation.json")]
pub struct EvaluateArgs {
    #[command(flatten)]
    pub real: ReferenceArgs,
    /// Samples, in the data's own values.
    #[arg(long)]
    pub samples: PathBuf,
    /// The model they came from: adds the Gaussian surrogate and the zero-padding baseline, tells how the
    /// reference was prepared, and checks whether samples repeat training fields.
    #[arg(long)]
    pub model: Option<PathBuf>,
    /// Length of the average of the weights, relative to the run's steps: one of `training.ema` (its
    /// first by default), or another, made of those the run stored.
    #[arg(long, value_name = "LENGTH", requires = "model")]
    pub ema: Option<f64>,
    /// Training fields to look for the nearest of each sample among: some thousands of them, all or none.
    #[arg(long, requires = "model", value_enum, num_args = 0..=1, require_equals = true, default_value_t = Memorisation::Some, default_missing_value = "all")]
    pub memorisation: Memorisation,
    /// The same functions on another grid (model, seed and sampler of --samples): adds how far the two
    /// are apart in the modes they share.
    #[arg(long, value_name = "FILE")]
    pub same: Option<PathBuf>,
    /// A classifier of such fields, made by `karhunen classifier`: adds the distance of the features and of
    /// the classes that it reads from those of real fields.
    #[arg(long, value_name = "FILE")]
    pub classifier: Option<PathBuf>,
    /// The classes that the samples were asked to be of, as `sample` wrote them: adds how many are read as
    /// such.
    #[arg(long, value_name = "FILE", requires = "classifier")]
    pub sample_labels: Option<PathBuf>,
    /// Draw real fields beside samples into this PNG file, with one scale for both.
    #[arg(long, value_name = "FILE")]
    pub picture: Option<PathBuf>,
    /// Replace the picture if it exists.
    #[arg(long, requires = "picture")]
    pub force: bool,
    #[command(flatten)]
    pub told: DistinguishArgs,
    /// Measure what the table does not show as well: diversity, clusters, structure functions and
    /// correlations by direction.
    #[arg(long)]
    pub all: bool,
    /// Phases to cut the fields into, by Otsu's thresholds of the reference; implies --all.
    #[arg(long, value_name = "N", conflicts_with = "thresholds")]
    pub phases: Option<usize>,
    /// Thresholds between the phases, rising, in the data's own values; implies --all.
    #[arg(long, value_name = "A,B", value_delimiter = ',', allow_hyphen_values = true)]
    pub thresholds: Vec<f64>,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// The real fields of a comparison.
#[derive(Debug, Args)]
pub struct ReferenceArgs {
    /// Real fields: a file, a folder, or builtin:NAME; several files become channels of one data
    /// set. Where it is what the model was trained on, only its held-out part is used.
    #[arg(long, required = true, num_args = 1..)]
    pub reference: Vec<String>,
    #[command(flatten)]
    pub read: ReadArgs,
    /// Which part of the reference to compare with, where it is what the model was trained on.
    #[arg(long, value_enum, default_value_t = Part::HeldOut)]
    pub part: Part,
    /// Real fields to prepare at most.
    #[arg(long, default_value_t = 2048)]
    pub reference_count: usize,
    #[command(flatten)]
    pub boundary: BoundaryArgs,
    /// Seed of splits, directions, networks and surrogate.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}

impl ReferenceArgs {
    /// What was typed, as an evaluation takes it.
    pub fn options(&self) -> Result<ReferenceOptions, Failure> {
        Ok(ReferenceOptions {
            part: self.part.into(),
            count: self.reference_count,
            boundary: self.boundary.given(),
            seed: self.seed,
            ..self.read.source(&self.reference)?
        })
    }
}

/// How fields are read that a model, or samples, are compared with.
#[derive(Debug, Args)]
pub struct ReadArgs {
    /// Cut the fields into random patches of this size; the model's own by default.
    #[arg(long, value_parser = points)]
    pub patch: Option<Points>,
    #[command(flatten)]
    pub shape: ShapeArgs,
    #[command(flatten)]
    pub settings: SettingsArgs,
}

impl ReadArgs {
    /// Fields of these names, read so.
    pub fn source(&self, names: &[String]) -> Result<ReferenceOptions, Failure> {
        let source = Sources::new(names.to_vec()).ok_or(EvaluateError::NoReference)?;
        Ok(ReferenceOptions {
            patch: self.patch.as_ref().map(|points| points.0.clone()),
            dim: self.shape.dim,
            channels: self.shape.channels,
            missing: self.shape.missing,
            channels_last: self.shape.channels_last,
            settings: self.settings.list.clone(),
            ..ReferenceOptions::of(source)
        })
    }
}

/// Whether a network is trained to tell fields apart.
#[derive(Debug, Args)]
pub struct DistinguishArgs {
    /// Train a small network to tell the samples from real fields, and say how well it does on others (AUC:
    /// 0.5 not at all, 1 always), beside real fields, the surrogate and training fields; N fields a side at
    /// most, 512 by default.
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = "512")]
    pub distinguish: Option<usize>,
    /// Networks to train for each figure, each on other halves of the fields.
    #[arg(long, value_name = "N", default_value_t = 3, requires = "distinguish")]
    pub distinguish_seeds: usize,
}

impl DistinguishArgs {
    /// What was typed.
    pub fn effort(&self, seed: u64) -> Result<Option<Effort>, Failure> {
        let asked =
            Effort::new(self.distinguish.unwrap_or_default(), self.distinguish_seeds, seed)?;
        Ok(self.distinguish.is_some().then_some(asked))
    }
}

/// Training fields that samples are held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Memorisation {
    /// Some thousands, evenly among all.
    Some,
    /// All of them.
    All,
    /// None.
    None,
}

impl From<Memorisation> for karhunen::Memorisation {
    fn from(among: Memorisation) -> Self {
        match among {
            Memorisation::Some => Self::Some,
            Memorisation::All => Self::All,
            Memorisation::None => Self::None,
        }
    }
}

/// `karhunen compare`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  karhunen compare runs/fno runs/unet --reference slices/
  karhunen compare a.npy b.npy runs/x --reference test.npy --distinguish --json > comparison.json")]
pub struct CompareArgs {
    /// Models and files of samples. A model is a run directory, a checkpoint or an exported model; its
    /// fields are sampled first, on its finest trained grid.
    #[arg(required = true, num_args = 1.., value_name = "MODEL|SAMPLES")]
    pub candidates: Vec<PathBuf>,
    #[command(flatten)]
    pub real: ReferenceArgs,
    /// Fields to sample from each model; of files that hold more, the first ones count.
    #[arg(long, default_value_t = 512)]
    pub count: u64,
    /// Network evaluations a field; each model's own by default.
    #[arg(long)]
    pub evaluations: Option<usize>,
    #[command(flatten)]
    pub told: DistinguishArgs,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// `karhunen classifier`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  karhunen classifier --source train-images-idx3-ubyte.gz --labels train-labels-idx1-ubyte.gz --test t10k-images-idx3-ubyte.gz --test-labels t10k-labels-idx1-ubyte.gz --out digits.classifier
  karhunen classifier --source builtin:shapes --out shapes.classifier
  karhunen evaluate --reference t10k-images-idx3-ubyte.gz --samples samples.npy --classifier digits.classifier --sample-labels samples-labels.npy")]
pub struct ClassifierArgs {
    /// Fields of dimension 2: a file, a folder of images, or builtin:shapes.
    #[arg(long)]
    pub source: String,
    /// Their labels, one a field in their order: IDX or NPY; built-in data bring their own.
    #[arg(long, value_name = "FILE")]
    pub labels: Option<String>,
    /// Other fields to test it on; a tenth of the source, left out of training, otherwise.
    #[arg(long, value_name = "DATA")]
    pub test: Option<String>,
    /// The labels of --test.
    #[arg(long, value_name = "FILE", requires = "test")]
    pub test_labels: Option<String>,
    /// Cells that it reads fields on, whatever grid they come on; their own by default, 32x32 of built-in
    /// data.
    #[arg(long, value_parser = points)]
    pub grid: Option<Points>,
    #[command(flatten)]
    pub boundary: BoundaryArgs,
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// Steps of training, 64 fields each.
    #[arg(long, default_value_t = karhunen::training::classifier::STEPS)]
    pub steps: usize,
    /// Seed of weights and batches.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// The file to write.
    #[arg(long)]
    pub out: PathBuf,
    /// Replace the file if it exists.
    #[arg(long)]
    pub force: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// `karhunen report`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  karhunen report runs/x --out report.html
  karhunen report foam-model --reference slices/ --count 128 --out foam.html")]
pub struct ReportArgs {
    /// A run directory, one checkpoint in it, an exported model, or `builtin:` and a name.
    pub model: PathBuf,
    /// The page to write.
    #[arg(long, default_value = "report.html")]
    pub out: PathBuf,
    /// Where the data are, if they are no longer where the model was trained on them.
    #[arg(long, value_name = "DATA")]
    pub reference: Option<String>,
    /// Fields to sample on the coarsest grid shown; half as many on the next, and so on.
    #[arg(long, default_value_t = 512)]
    pub count: u64,
    /// Seed of the samples.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Leave out the networks that learn to tell samples from real fields.
    #[arg(long)]
    pub no_distinguish: bool,
    /// Replace the page if it is there.
    #[arg(long)]
    pub force: bool,
}
