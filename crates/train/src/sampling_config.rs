//! `[sampling]` of a run's configuration: what `sample` does unless told otherwise.

use std::str::FromStr;

use karhunen_field::sampler::Method;
use karhunen_net::Band;
use serde::{Deserialize, Serialize};

/// `[sampling]`: defaults of `sample`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SamplingConfig {
    /// The sampler.
    pub sampler: Method,
    /// Network evaluations a field.
    pub evaluations: usize,
    /// What is corrected in the end.
    pub calibration: CalibrationKind,
    /// What the network is asked about on grids finer than those it was trained on: `"grid"`, all
    /// that they hold, or `"trained"`, what the finest level holds.
    pub band: Band,
}

/// Whether generated fields are scaled to what is known of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CalibrationKind {
    /// Never.
    None,
    /// Shells of modes to the data's spectrum: [`karhunen_field::calibration`].
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

impl Default for SamplingConfig {
    fn default() -> Self {
        Self {
            sampler: Method::DpmSolver2M,
            evaluations: 20,
            calibration: CalibrationKind::Spectrum,
            band: Band::default(),
        }
    }
}
