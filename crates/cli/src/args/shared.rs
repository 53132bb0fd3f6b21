//! Options that several commands have.

use clap::Args;
use karhunen::sampler::Method;
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

pub fn method(text: &str) -> Result<Method, String> {
    text.parse().map_err(|e: FieldError| e.to_string())
}
