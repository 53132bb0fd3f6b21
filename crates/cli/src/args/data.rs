//! Options of the commands that look at data and noise: inspect, prior.

use std::path::PathBuf;

use clap::Args;

use super::shared::{BoundaryArgs, Points, SettingsArgs, ShapeArgs, points};

/// `karhunen inspect`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  karhunen inspect slices/
  karhunen inspect run.npz:density --json
  karhunen inspect stack.tif --dim 3 --write run.toml
  karhunen inspect slices/ --patch 128x128 --prior bessel --gamma 8 --power 0.55")]
pub struct InspectArgs {
    /// A file, a folder of images, or builtin:spinodal / builtin:grains / builtin:fitzhugh-nagumo /
    /// builtin:shapes / builtin:poisson / builtin:helmholtz / builtin:darcy / builtin:navier-stokes; several files become
    /// channels of one data set.
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
    /// Point-wise variance (matern): of a periodic box at every point, between walls far from them and more near them.
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

impl PriorParameters {
    /// Those that were typed, by their names in a configuration.
    pub fn table(&self) -> toml::Table {
        let mut table = toml::Table::new();
        let floats = [
            ("scale", self.scale),
            ("power", self.power),
            ("exponent", self.exponent),
            ("gamma", self.gamma),
            ("length", self.length),
            ("smoothness", self.smoothness),
            ("variance", self.variance),
            ("constant", self.constant),
            ("truncated", self.truncated),
            ("laplacian", self.laplacian),
        ];
        for (key, value) in floats {
            if let Some(value) = value {
                table.insert(key.into(), value.into());
            }
        }
        if let Some(table_of) = &self.table {
            table.insert("table".into(), table_of.as_str().into());
        }
        if let Some(cutoff) = self.cutoff {
            table.insert("cutoff".into(), i64::from(cutoff).into());
        }
        table
    }
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
