//! Arguments as typed. Nothing here is checked beyond its form; commands make plans of it. Over 400
//! lines, because every command's options stand here, each once, with the help it prints.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use karhunen_evaluate::{Effort, EvaluateError, ReferenceOptions};
use karhunen_field::sampler::Method;
use karhunen_field::{Boundaries, Boundary};
use karhunen_net::DeviceChoice;
use karhunen_train::Sources;
use karhunen_train::config::{CalibrationKind, DataConfig, parse_points};
use karhunen_train::extension::More;
use karhunen_train::missing::MissingValues;

use crate::failure::Failure;

/// Heading of the options that every command has.
const GLOBAL: &str = "Options of every command";

/// Generative models of functions: train across resolutions, sample at any.
#[derive(Debug, Parser)]
#[command(name = "karhunen", version, about, max_term_width = 100)]
pub struct Arguments {
    /// Threads to compute with; all cores by default.
    #[arg(long, global = true, value_name = "N", help_heading = GLOBAL)]
    pub threads: Option<usize>,
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
    /// Sample a trained model at any resolution.
    Sample(SampleArgs),
    /// Measure samples against real fields.
    Evaluate(EvaluateArgs),
    /// Put several models or files of samples side by side in one table.
    Compare(CompareArgs),
    /// Say whether the spread of a model's posteriors is right, by held-out truths.
    Calibrate(CalibrateArgs),
    /// Train a small classifier of labelled fields, for `evaluate` to read samples with.
    Classifier(ClassifierArgs),
    /// Time training and sampling of a configuration on this machine.
    Bench(BenchArgs),
    /// Make a model directory to give away: weights, configuration and a model card.
    Export(ExportArgs),
    /// Write shell completions and manual pages.
    Generate(GenerateArgs),
}

/// Cells per axis, as typed: `64x48`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Points(pub Vec<usize>);

fn points(text: &str) -> Result<Points, String> {
    parse_points(text).map(Points)
}

/// Boundary conditions, as typed.
#[derive(Debug, Args, Default)]
pub struct BoundaryArgs {
    /// neumann (the default), periodic, dirichlet, or one an axis such as periodic,dirichlet.
    #[arg(long, value_parser = boundaries)]
    boundary: Option<Boundaries>,
    /// Short for --boundary periodic.
    #[arg(long, conflicts_with = "boundary")]
    periodic: bool,
}

impl BoundaryArgs {
    /// What was asked for.
    pub fn get(&self) -> Boundaries {
        self.given().unwrap_or(Boundary::Neumann.into())
    }

    /// Puts what was typed into a configuration.
    pub fn put(&self, data: &mut DataConfig) {
        if let Some(boundary) = self.given() {
            data.boundary = boundary;
        }
    }

    /// What was typed, if anything was.
    pub fn given(&self) -> Option<Boundaries> {
        let short = self.periodic.then(|| Boundary::Periodic.into());
        self.boundary.clone().or(short)
    }
}

fn boundaries(text: &str) -> Result<Boundaries, String> {
    text.parse().map_err(|e: karhunen_field::FieldError| e.to_string())
}

/// Keys of a configuration that a command without a file takes.
#[derive(Debug, Args, Default)]
pub struct SettingsArgs {
    /// A key of the configuration, as key=value (data.boundary=periodic); may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub list: Vec<String>,
}

/// Where the network computes.
#[derive(Debug, Args, Default)]
pub struct DeviceArgs {
    /// cpu, gpu, or gpu:1 for the second one; GPUs need a build with --features wgpu.
    #[arg(long, default_value_t, value_parser = device)]
    pub device: DeviceChoice,
}

fn device(text: &str) -> Result<DeviceChoice, String> {
    text.parse().map_err(|e: karhunen_net::NetError| e.to_string())
}

/// Meaning of axes that a file leaves open.
#[derive(Debug, Args, Default)]
pub struct ShapeArgs {
    /// Dimension of a field, 1 to 3: with 3, a stack of pictures is one volume.
    #[arg(long)]
    pub dim: Option<usize>,
    /// Channels of a field.
    #[arg(long)]
    pub channels: Option<usize>,
    /// What becomes of missing values: mask, drop or fill:VALUE.
    #[arg(long)]
    pub missing: Option<MissingValues>,
    /// The channels of an array are its last axis, as in (N, X, Y, C).
    #[arg(long)]
    pub channels_last: bool,
}

impl ShapeArgs {
    /// Puts what was typed into a configuration.
    pub fn put(&self, data: &mut DataConfig) {
        data.dim = self.dim.or(data.dim);
        data.channels = self.channels.or(data.channels);
        data.missing = self.missing.or(data.missing);
        data.channels_last |= self.channels_last;
    }
}

/// A coarse grid and the time down to which a run stays on it: `32x32@0.7`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rung {
    /// The grid's cells.
    pub points: Points,
    /// Path time.
    pub until: f64,
}

fn rung(text: &str) -> Result<Rung, String> {
    let wrong = || format!("`{text}` is no grid with a time; write 32x32@0.7");
    let (grid, time) = text.split_once('@').ok_or_else(wrong)?;
    let until: f64 = time.trim().parse().map_err(|_| wrong())?;
    if !(until.is_finite() && until > 0.0) {
        return Err(format!("`{text}`: the time must be positive and finite"));
    }
    Ok(Rung { points: points(grid)?, until })
}

/// A volume fraction and the phase that shall have it: `0.2`, `pore=0.2`.
#[derive(Debug, Clone, PartialEq)]
pub struct Fraction {
    /// Name or label; the lowest label otherwise.
    pub phase: Option<String>,
    /// The fraction, 0 to 1.
    pub value: f64,
}

fn fraction(text: &str) -> Result<Fraction, String> {
    let (phase, number) = match text.rsplit_once('=') {
        Some((phase, number)) => (Some(phase.trim().to_string()), number),
        None => (None, text),
    };
    let value = number.trim().parse().ok().filter(|f| (0.0..=1.0).contains(f));
    let wrong = || format!("`{text}` is no volume fraction; write 0.2, or pore=0.2");
    Ok(Fraction { phase, value: value.ok_or_else(wrong)? })
}

fn method(text: &str) -> Result<Method, String> {
    text.parse().map_err(|e: karhunen_field::FieldError| e.to_string())
}

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

/// `karhunen inspect`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  karhunen inspect slices/
  karhunen inspect run.npz:density --json
  karhunen inspect stack.tif --dim 3 --write run.toml
  karhunen inspect slices/ --patch 128x128 --prior bessel --gamma 8 --power 0.55")]
pub struct InspectArgs {
    /// A file, a folder of images, or builtin:spinodal / builtin:grains / builtin:fitzhugh-nagumo /
    /// builtin:shapes; several files become channels of one data set.
    #[arg(required = true)]
    pub data: Vec<String>,
    #[command(flatten)]
    pub shape: ShapeArgs,
    /// Look at random patches of this size instead of whole fields.
    #[arg(long, value_parser = points)]
    pub patch: Option<Points>,
    /// Compare with this prior: data / noise standard deviations by frequency.
    #[arg(long, value_name = "KIND")]
    pub prior: Option<String>,
    #[command(flatten)]
    pub parameters: PriorParameters,
    #[command(flatten)]
    pub boundary: BoundaryArgs,
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// Write the plan as a configuration for `karhunen train --config`.
    #[arg(long, value_name = "TOML")]
    pub write: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Parameters of priors; each kind takes its own.
#[derive(Debug, Args, Default)]
pub struct PriorParameters {
    /// Factor on the noise (truncated, laplacian, bessel).
    #[arg(long, allow_negative_numbers = true)]
    pub scale: Option<f64>,
    /// Power p of the operator (laplacian, bessel, combined).
    #[arg(long, allow_negative_numbers = true)]
    pub power: Option<f64>,
    /// Power θ of the data's spectrum, 0 to 1 (tempered).
    #[arg(long, allow_negative_numbers = true)]
    pub exponent: Option<f64>,
    /// γ (bessel).
    #[arg(long, allow_negative_numbers = true)]
    pub gamma: Option<f64>,
    /// Correlation length, in units of the first axis (matern).
    #[arg(long, allow_negative_numbers = true)]
    pub length: Option<f64>,
    /// Smoothness ν (matern).
    #[arg(long, allow_negative_numbers = true)]
    pub smoothness: Option<f64>,
    /// Point-wise variance (matern).
    #[arg(long, allow_negative_numbers = true)]
    pub variance: Option<f64>,
    /// Largest wave number per axis (truncated, combined).
    #[arg(long)]
    pub cutoff: Option<u32>,
    /// Standard deviation of the constant mode (laplacian).
    #[arg(long, allow_negative_numbers = true)]
    pub constant: Option<f64>,
    /// Factor on the truncated part (combined).
    #[arg(long, allow_negative_numbers = true)]
    pub truncated: Option<f64>,
    /// Factor on the Laplacian part (combined).
    #[arg(long, allow_negative_numbers = true)]
    pub laplacian: Option<f64>,
    /// CSV or NPY file with two columns, frequency |ω| and eigenvalue (tabulated).
    #[arg(long)]
    pub table: Option<String>,
}

/// `karhunen prior`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  karhunen prior matern --length 0.1 --smoothness 1.5 --grid 64x64 --count 4 --seed 1 --out x.npy
  karhunen prior fitted --data slices/ --grid 128x128 --out look.png")]
pub struct PriorArgs {
    /// flat, tempered, fitted, fitted-anisotropic, standard, truncated, laplacian, bessel, combined,
    /// matern or tabulated.
    pub kind: String,
    #[command(flatten)]
    pub parameters: PriorParameters,
    /// Data whose spectrum a fitted prior takes.
    #[arg(long)]
    pub data: Option<String>,
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// Cells per axis.
    #[arg(long, value_parser = points)]
    pub grid: Points,
    #[command(flatten)]
    pub boundary: BoundaryArgs,
    /// Fields to draw.
    #[arg(long, default_value_t = 4)]
    pub count: u64,
    /// Seed of the fields.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Number of the first field.
    #[arg(long, default_value_t = 0)]
    pub index: u64,
    /// Where to write: .npy or .png.
    #[arg(long)]
    pub out: PathBuf,
    /// Replace the file if it exists.
    #[arg(long)]
    pub force: bool,
}

/// `karhunen train`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  karhunen train --config run.toml --out runs/x
  karhunen train --config run.toml --set training.steps=2000 --set seed=4 --out runs/y
  karhunen train --config run.toml --dry-run
  karhunen train --config run.toml --out runs/x --more 30m
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
    /// Print the resolved configuration and the plan, and stop.
    #[arg(long)]
    pub dry_run: bool,
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

/// `karhunen sample`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  karhunen sample --model runs/x --grid 128x128 --count 64 --seed 3 --out samples.npy
  karhunen sample --model runs/x --grid 256x256 --refine 64x64@0.6 --sampler wiener-exponential --out large.vti
  karhunen sample --model runs/digits --class 3,7 --guidance 1.5 --count 64 --out threes-and-sevens.npy
  karhunen sample --model runs/berea --grid 128x128x128 --count 1 --volume-fraction pore=0.2 --out pores.stl
  karhunen sample --model runs/x --observe wells.csv --count 100 --out posterior.npy
  karhunen sample --model runs/x --surrogate --out gaussian.npy")]
pub struct SampleArgs {
    /// A run directory, one checkpoint in it, or an exported model.
    #[arg(long)]
    pub model: PathBuf,
    /// Length of the average of the weights, relative to the run's steps: one of `training.ema` (its
    /// first by default), or another, made of those the run stored.
    #[arg(long, value_name = "LENGTH")]
    pub ema: Option<f64>,
    /// Cells per axis; the finest trained level by default. A finer grid shows the same box with more
    /// cells: the field of view stays.
    #[arg(long, value_parser = points)]
    pub grid: Option<Points>,
    /// Fields to make.
    #[arg(long, default_value_t = 16)]
    pub count: u64,
    /// Seed of the functions: one (seed, index) is one function on every grid.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Number of the first field.
    #[arg(long, default_value_t = 0)]
    pub index: u64,
    /// dpm++2m, wiener-exponential, heun, ddim, euler-maruyama, exponential-euler, heun-churn or
    /// predictor-corrector; the model's own by default.
    #[arg(long, value_parser = method)]
    pub sampler: Option<Method>,
    /// Network evaluations a field; the model's own by default.
    #[arg(long)]
    pub evaluations: Option<usize>,
    /// Steps as many as this error a step asks for, in standard deviations of the data, instead of a
    /// number of evaluations (sampler wiener-exponential).
    #[arg(long, value_name = "ERROR", conflicts_with = "evaluations")]
    pub tolerance: Option<f64>,
    /// Stay on coarser grids while noise is high, each down to a path time: 16x16@0.7,32x32@0.5.
    #[arg(long, value_name = "GRID@TIME", value_parser = rung, value_delimiter = ',')]
    pub refine: Vec<Rung>,
    /// spectrum: give the fields the mean and spectrum of the data, by 256 pilot fields made first; none:
    /// leave them as they come; the model's own by default.
    #[arg(long)]
    pub calibration: Option<CalibrationKind>,
    /// What the network is asked about on a grid finer than those it was trained on: all that the
    /// grid holds, or the trained band, finer modes staying Gaussian; the model's own by default.
    #[arg(long, value_enum)]
    pub band: Option<BandChoice>,
    /// Class of the fields, of a model of labelled data; several, as in 3,7, take turns. Without, each
    /// field's class is drawn by how often the data have it.
    #[arg(long, value_name = "CLASS", value_delimiter = ',')]
    pub class: Vec<u32>,
    /// Weight W of the class: 1 its law, 0 that of all classes together, above 1 fields that show it
    /// more clearly and vary less; other than 0 and 1 every evaluation costs two of the network.
    #[arg(long, value_name = "W", default_value_t = 1.0, allow_negative_numbers = true)]
    pub guidance: f64,
    /// Where to write the classes of the fields, as .npy; beside --out, as NAME-labels.npy, by default.
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// Of a model of phases: write the level sets φ instead of labels; the phase is where φ is positive, or
    /// largest.
    #[arg(long)]
    pub raw: bool,
    /// Volume fraction that a phase shall have in every field, as 0.2 (the phase of the lowest label) or
    /// pore=0.2: the threshold is shifted, by what is told; fractions beyond those of the training fields
    /// are refused.
    #[arg(long, value_name = "[PHASE=]FRACTION", value_parser = fraction)]
    pub volume_fraction: Option<Fraction>,
    /// The phase whose surface is written to .stl, .ply or .vtp, by name or label; that of the lowest label
    /// by default.
    #[arg(long, value_name = "PHASE")]
    pub phase: Option<String>,
    /// Leave the surface open where the phase meets the faces of the box, instead of closing it there.
    #[arg(long)]
    pub open: bool,
    /// What is known of the fields, which then agree with it: a CSV table of points (x,y,value and if wanted
    /// sd,channel; places in the box's lengths), or a TOML file of `observe` tables; may be repeated.
    #[arg(long, value_name = "FILE")]
    pub observe: Vec<PathBuf>,
    /// 1: guidance by the covariance that the data's spectrum gives; 2: by that of the network's own
    /// derivative, at three to six times the cost (an FNO on the CPU, linear observations, samplers other than
    /// wiener-ancestral).
    #[arg(long, value_name = "1|2", requires = "observe", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    pub guidance_order: u8,
    /// Choose each field among so many weighted particles, which corrects what guidance gets wrong: exact in
    /// the limit of many, at so many times the cost (sampler wiener-ancestral).
    #[arg(long, value_name = "N", requires = "observe", conflicts_with = "refine")]
    pub particles: Option<usize>,
    /// Write the mean and the standard deviation of the fields, two fields, and keep none of them.
    #[arg(long)]
    pub summary: bool,
    /// A directory for mean, standard deviation, quantiles and three draws, as fields and as one picture with
    /// the observed places on top.
    #[arg(long, value_name = "DIR", requires = "observe", conflicts_with = "summary")]
    pub report: Option<PathBuf>,
    /// Draw from the untrained Gaussian surrogate (the data's mean and spectrum) instead; with --observe that is
    /// simple kriging.
    #[arg(long, conflicts_with_all = ["particles", "sampler", "evaluations", "tolerance", "refine", "calibration", "band", "class", "guidance", "labels"])]
    pub surrogate: bool,
    /// Length of the box's first axis, in whatever unit the file's spacing shall have; otherwise that of
    /// the model's data.
    #[arg(long, value_parser = length)]
    pub length: Option<f64>,
    /// Distance of the file's cells along the first axis, or one an axis, instead of a length.
    #[arg(long, value_name = "H", value_parser = length, value_delimiter = ',', conflicts_with = "length")]
    pub spacing: Vec<f64>,
    /// Clip values to this range, as LOW,HIGH; never done otherwise.
    #[arg(long, value_name = "LOW,HIGH", value_parser = range, allow_hyphen_values = true)]
    pub clip: Option<(f64, f64)>,
    #[command(flatten)]
    pub device: DeviceArgs,
    /// Where to write: .npy, .npz, .vti, .tif, or .png (a montage); vol-{index}.tif writes one file a
    /// field. Of a model of phases also .stl, .ply or .vtp, the interface as a mesh, a file a field.
    #[arg(long)]
    pub out: PathBuf,
    /// Replace the file if it exists.
    #[arg(long)]
    pub force: bool,
}

/// Which part of the data that a model was trained on is the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Fields never trained on: does the model tell how such fields are?
    HeldOut,
    /// Fields it was trained on: did it learn the law it was shown?
    Training,
}

impl From<Part> for karhunen_evaluate::Part {
    fn from(part: Part) -> Self {
        match part {
            Part::HeldOut => Self::HeldOut,
            Part::Training => Self::Training,
        }
    }
}

/// Which modes a network is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum BandChoice {
    /// All that the grid holds.
    Grid,
    /// Those of the finest trained level.
    Trained,
}

impl From<BandChoice> for karhunen_net::Band {
    fn from(choice: BandChoice) -> Self {
        match choice {
            BandChoice::Grid => Self::Grid,
            BandChoice::Trained => Self::Trained,
        }
    }
}

fn length(text: &str) -> Result<f64, String> {
    let length = text.trim().parse().ok().filter(|l: &f64| l.is_finite() && *l > 0.0);
    length.ok_or_else(|| format!("`{text}` is no length; write a positive number"))
}

fn range(text: &str) -> Result<(f64, f64), String> {
    let parts: Vec<f64> = text.split(',').filter_map(|p| p.trim().parse().ok()).collect();
    match parts[..] {
        [low, high] if low < high => Ok((low, high)),
        _ => Err("write two numbers, LOW,HIGH, the lower first".into()),
    }
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

/// `karhunen evaluate`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  karhunen evaluate --reference slices/ --samples samples.npy --model runs/x
  karhunen evaluate --reference slices/ --samples samples.npy --model runs/x --all --phases 3
  karhunen evaluate --reference slices/ --samples fine.npy --same coarse.npy --model runs/x
  karhunen evaluate --reference slices/ --samples samples.npy --model runs/x --distinguish
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
    /// Cut the reference into random patches of this size; the model's own by default.
    #[arg(long, value_parser = points)]
    pub patch: Option<Points>,
    #[command(flatten)]
    pub shape: ShapeArgs,
    #[command(flatten)]
    pub settings: SettingsArgs,
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
        let source = Sources::new(self.reference.clone()).ok_or(EvaluateError::NoReference)?;
        Ok(ReferenceOptions {
            patch: self.patch.as_ref().map(|points| points.0.clone()),
            dim: self.shape.dim,
            channels: self.shape.channels,
            missing: self.shape.missing,
            channels_last: self.shape.channels_last,
            settings: self.settings.list.clone(),
            part: self.part.into(),
            count: self.reference_count,
            boundary: self.boundary.given(),
            seed: self.seed,
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

impl From<Memorisation> for karhunen_evaluate::Memorisation {
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
    #[arg(long, default_value_t = karhunen_train::classifier::STEPS)]
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
