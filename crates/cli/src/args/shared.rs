//! Options that several commands have.

use clap::Args;
use karhunen::sampler::{Method, Precision};
use karhunen::training::config::{DataConfig, parse_points};
use karhunen::training::missing::MissingValues;
use karhunen::{Boundaries, Boundary, DeviceChoice, FieldError, NetError};

use crate::job;

/// Cells per axis, as typed: `64x48`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Points(pub Vec<usize>);

pub fn points(text: &str) -> Result<Points, String> {
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
    text.parse().map_err(|e: FieldError| e.to_string())
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
    /// cpu, gpu, gpu:1 for the second one, or gpu:local for that of this process's number among those of a job on its
    /// machine; GPUs need a build with --features wgpu.
    #[arg(long, default_value_t, value_parser = device)]
    pub device: DeviceChoice,
}

fn device(text: &str) -> Result<DeviceChoice, String> {
    if text == "gpu:local" {
        return Ok(job::local_card());
    }
    text.parse().map_err(|e: NetError| e.to_string())
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

/// An amount of memory: a number and a unit.
pub fn bytes(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, f64); 10] = [
        ("kib", 1024.0),
        ("mib", 1048576.0),
        ("gib", 1073741824.0),
        ("tib", 1099511627776.0),
        ("kb", 1e3),
        ("mb", 1e6),
        ("gb", 1e9),
        ("tb", 1e12),
        ("g", 1073741824.0),
        ("m", 1048576.0),
    ];
    let wrong = || format!("`{text}` is no amount of memory; write 8GiB or 500MB");
    let lower = text.trim().to_ascii_lowercase();
    let (number, unit) = UNITS
        .iter()
        .find_map(|(name, unit)| Some((lower.strip_suffix(name)?, unit)))
        .ok_or_else(wrong)?;
    let number: f64 = number.trim().parse().map_err(|_| wrong())?;
    let bytes = number * unit;
    match bytes {
        // less holds no program
        ..1048576.0 => Err(format!("`{text}` is less than a mebibyte; write 8GiB or 500MB")),
        ..1e18 => Ok(bytes as u64),
        _ => Err(wrong()),
    }
}

pub fn method(text: &str) -> Result<Method, String> {
    text.parse().map_err(|e: FieldError| e.to_string())
}

pub fn precision(text: &str) -> Result<Precision, String> {
    text.parse().map_err(|e: FieldError| e.to_string())
}
