//! `[sampling]` of a run's configuration: the defaults of `sample`.

use std::ops::RangeInclusive;
use std::str::FromStr;

use karhunen_field::sampler::Method;
use karhunen_net::Band;
use serde::{Deserialize, Serialize};

/// What a sharpness may be.
pub const SHARPNESS_RANGE: RangeInclusive<f64> = 0.0..=3.0;

/// The sharpness of a new model.
pub const DEFAULT_SHARPNESS: f64 = 1.1;

/// The sampler of a new model.
pub const DEFAULT_SAMPLER: Method = Method::UniPc;

/// `[sampling]`: defaults of `sample`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SamplingConfig {
    /// The sampler. A new run gets [`DEFAULT_SAMPLER`] where nothing is asked for; a model without the key has `dpm++2m`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampler: Option<Method>,
    /// Network evaluations for each field.
    pub evaluations: usize,
    /// The correction of finished samples.
    pub calibration: CalibrationKind,
    /// Factor of what the network adds to the linear denoiser: 1 as it was trained, above 1 sharper fields. A new run gets
    /// [`DEFAULT_SHARPNESS`] where nothing is asked for; a model without the key has 1, as has every model without `training.preconditioning = "wiener"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sharpness: Option<f64>,
    /// The modes that the network is evaluated on when a grid is finer than the trained ones:
    /// `"grid"`, all modes of the grid, or `"trained"`, those of the finest level.
    pub band: Band,
}

/// Whether finished samples are scaled to the known statistics of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CalibrationKind {
    /// Never.
    None,
    /// Scales shells of modes to the data's spectrum: [`karhunen_field::calibration`].
    Spectrum,
}

impl FromStr for CalibrationKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            "spectrum" => Ok(Self::Spectrum),
            _ => Err(format!("unknown calibration `{text}`; one of none, spectrum")),
        }
    }
}

impl SamplingConfig {
    /// The sampler, that of a model without the key included.
    pub fn method(&self) -> Method {
        self.sampler.unwrap_or(Method::DpmSolver2M)
    }
}

impl Default for SamplingConfig {
    fn default() -> Self {
        Self {
            sampler: None,
            evaluations: 20,
            calibration: CalibrationKind::Spectrum,
            sharpness: None,
            band: Band::default(),
        }
    }
}
