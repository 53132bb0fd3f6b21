//! Options of the command that samples.

use std::path::PathBuf;

use clap::Args;
use karhunen::output::Stream;
use karhunen::sampler::{Method, Precision};
use karhunen::{
    Band, CalibrationKind, LargerBox, ModelOptions, SampleOptions, Shard, VolumeFraction,
};

use super::shared::{DeviceArgs, Points, method, points, precision};

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

fn attribute(text: &str) -> Result<(String, f64), String> {
    let parts = text.split_once('=');
    let value = parts.and_then(|(name, value)| {
        let value: f64 = value.trim().parse().ok()?;
        (value.is_finite() && !name.trim().is_empty()).then(|| (name.trim().to_string(), value))
    });
    value.ok_or_else(|| format!("`{text}` is no attribute; write porosity=0.2"))
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

/// `karhunen sample`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  karhunen sample --model runs/x --grid 128x128 --count 64 --seed 3 --out samples.npy
  karhunen sample --model runs/x --grid 256x256 --refine 64x64@0.6 --sampler wiener-exponential --out large.vti
  karhunen sample --model runs/digits --class 3,7 --guidance 1.5 --count 64 --out threes-and-sevens.npy
  karhunen sample --model runs/slices --attribute porosity=0.2 --count 64 --out porous.npy
  karhunen sample --model runs/darcy --condition permeability.npy --count 16 --out pressure.npy
  karhunen sample --model runs/berea --grid 128x128x128 --count 1 --volume-fraction pore=0.2 --out pores.stl
  karhunen sample --model runs/x --observe wells.csv --count 100 --out posterior.npy
  karhunen sample --model runs/x --surrogate --out gaussian.npy
  karhunen sample --model runs/x --count 1000 --shard 3/16 --out samples.npy
  mpirun -n 4 karhunen sample --model runs/x --count 1000 --out samples.npy")]
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
    /// A box larger than the trained one, for stationary data: so many times its length along each axis, as 4x4 or 8x1.5; or its
    /// lengths in the unit of the model's data, as 2000x3000um, or in cells of these data, as 512x512cells. --grid
    /// then counts the cells of all of it.
    #[arg(long = "box", value_name = "SIDES", value_parser = sides)]
    pub sides: Option<Sides>,
    /// Axes along which the larger box closes on itself, as x,y (x is the first axis); all of them without a value.
    #[arg(long, value_name = "AXES", requires = "sides", num_args = 0..=1, default_missing_value = "all", value_delimiter = ',')]
    pub periodic: Vec<String>,
    /// Part of its length that each window of the trained box shares with the next one, 0 to 0.5: more costs more
    /// windows, and knows more of what is beside them; 0.375 by default.
    #[arg(long, value_name = "PART", requires = "sides", allow_negative_numbers = true)]
    pub overlap: Option<f64>,
    /// Fields to make.
    #[arg(long, default_value_t = 16)]
    pub count: u64,
    /// Seed of the functions: one (seed, index) is one function on every grid as fine as the finest level, or finer.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Number of the first field.
    #[arg(long, default_value_t = 0)]
    pub index: u64,
    /// dpm++2m, unipc, wiener-exponential, heun, ddim, euler-maruyama, exponential-euler, heun-churn
    /// or predictor-corrector; the model's own by default.
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
    /// Factor of what the network adds to the linear denoiser, 0 to 3: 1 as it was trained, 1.1 to 1.2 for cleaner edges and
    /// less noise; the model's own by default.
    #[arg(long, value_name = "W", allow_negative_numbers = true)]
    pub sharpness: Option<f64>,
    /// Class of the fields, of a model of labelled data; several, as in 3,7, take turns. Without, each
    /// field's class is drawn by how often the data have it, or with --observe the network is told none.
    #[arg(long, value_name = "CLASS", value_delimiter = ',')]
    pub class: Vec<u32>,
    /// An attribute that every field shall have, of a model trained with data.attributes, as porosity=0.2; may be
    /// repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = attribute)]
    pub attribute: Vec<(String, f64)>,
    /// Fields that are given, of a model trained with data.condition: field i belongs to given field i, and
    /// from the first one again.
    #[arg(long, value_name = "FILE")]
    pub condition: Option<PathBuf>,
    /// Weight W of what is asked for (class, attributes, given fields): 1 its law, 0 that of all fields together,
    /// above 1 fields that show it more clearly and vary less; other than 0 and 1 every evaluation costs two of
    /// the network.
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
    #[arg(long, conflicts_with_all = ["particles", "sampler", "evaluations", "tolerance", "refine", "calibration", "band", "sharpness", "class", "attribute", "condition", "guidance", "labels"])]
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
    /// In what numbers the sampler keeps its fields: f64, or f32 for large grids, which takes about a third less memory and moves
    /// values by less than 0.0001 of their standard deviation. What is written is of the same kind for both.
    #[arg(long, value_name = "f32|f64", value_parser = precision, default_value = "f64")]
    pub precision: Precision,
    #[command(flatten)]
    pub device: DeviceArgs,
    /// Where to write: .npy, .npz, .vti, .tif, .zarr, .raw, .h5, or .png (a montage); vol-{index}.tif writes one file
    /// a field. Of a model of phases also .stl, .ply or .vtp, the interface as a mesh, a file a field.
    #[arg(long)]
    pub out: PathBuf,
    /// Make one part of the fields, as 3/16 the third of sixteen, and write it beside --out for `karhunen merge`: for
    /// arrays of independent jobs.
    #[arg(long, value_name = "K/N")]
    pub shard: Option<Shard>,
    /// Replace the file if it exists.
    #[arg(long)]
    pub force: bool,
}

impl SampleArgs {
    /// What was typed, as the library takes it.
    pub fn options(&self) -> SampleOptions {
        let rung = |rung: &Rung| karhunen::Rung { cells: rung.points.0.clone(), until: rung.until };
        SampleOptions {
            grid: self.grid.as_ref().map(|points| points.0.clone()),
            larger: self.larger(),
            count: self.count,
            seed: self.seed,
            index: self.index,
            sampler: self.sampler,
            evaluations: self.evaluations,
            tolerance: self.tolerance,
            refine: self.refine.iter().map(rung).collect(),
            calibration: self.calibration,
            band: self.band.map(Band::from),
            sharpness: self.sharpness,
            classes: self.class.clone(),
            attributes: self.attribute.clone(),
            condition: self.condition.clone(),
            guidance: self.guidance,
            observe: self.observe.clone(),
            guidance_order: self.guidance_order,
            particles: self.particles,
            summary: self.summary,
            surrogate: self.surrogate,
            volume_fraction: self.volume_fraction.as_ref().map(VolumeFraction::from),
            length: self.length,
            spacing: self.spacing.clone(),
            clip: self.clip,
            precision: self.precision,
            streamed: self.is_streamed(),
            ..SampleOptions::default()
        }
    }

    /// Whether fields go to their files as they are finished: not to a picture, nor where they are looked at together.
    fn is_streamed(&self) -> bool {
        !self.summary && self.observe.is_empty() && Stream::takes(&self.out)
    }

    /// The larger box, if one was asked for.
    fn larger(&self) -> Option<LargerBox> {
        let Sides { sides, unit } = self.sides.clone()?;
        let plain = LargerBox::times(&sides);
        let overlap = self.overlap.unwrap_or(plain.overlap);
        Some(LargerBox { unit, periodic: self.periodic.clone(), overlap, ..plain })
    }

    /// How the model is opened.
    pub fn model_options(&self) -> ModelOptions {
        ModelOptions {
            device: self.device.device,
            average: self.ema,
            derivatives: self.guidance_order == 2,
        }
    }
}

/// Sides of a box as typed: `4x4`, `2000x3000um`.
#[derive(Debug, Clone, PartialEq)]
pub struct Sides {
    sides: Vec<f64>,
    unit: Option<String>,
}

fn sides(text: &str) -> Result<Sides, String> {
    let wrong = || format!("`{text}` is no box; write 4x4, or 2000x3000um");
    // the unit begins where numbers and the x between them end
    let digit = |c: char| c.is_ascii_digit() || "+-.".contains(c);
    let last = text.rfind(digit).ok_or_else(wrong)? + 1;
    let (numbers, unit) = text.split_at(last);
    let side = |part: &str| part.trim().parse::<f64>().map_err(|_| wrong());
    let sides = numbers.split('x').map(side).collect::<Result<_, _>>()?;
    let unit = Some(unit.trim()).filter(|unit| !unit.is_empty()).map(String::from);
    Ok(Sides { sides, unit })
}

impl From<&Fraction> for VolumeFraction {
    fn from(typed: &Fraction) -> Self {
        Self { phase: typed.phase.clone(), value: typed.value }
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

impl From<BandChoice> for Band {
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
