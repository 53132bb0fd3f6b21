//! The covariance of the noise (the prior) in a configuration.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::TrainError;
use crate::config::sources::resolve;
use crate::config::spectrum_table::SpectrumTable;

/// `[prior]`: the covariance of the noise, by `kind`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum PriorConfig {
    /// Isotropic, with the data's own spectrum.
    Fitted,
    /// The data's own spectrum, different along each axis.
    FittedAnisotropic,
    /// A power of the data's spectrum, s c^θ, on the modes of the finest level; beyond, it decays
    /// as the data do.
    Tempered {
        /// θ from 0 (`Flat`) to 1 (`Fitted`).
        exponent: f64,
    },
    /// The same eigenvalue for all modes of the finest level; beyond, it decays as the data do.
    /// This is white noise that is one function on every grid (the default).
    Flat,
    /// White noise per cell: the finite-dimensional baseline, which has no limit as a function. It
    /// is another noise on every grid, so `sampling.band` does not apply.
    Standard,
    /// Random weights on a few Fourier modes and 0 beyond (the published "FNO" prior).
    Truncated {
        /// Largest wave number along each axis.
        cutoff: u32,
        /// Factor on the noise.
        #[serde(default = "one")]
        scale: f64,
    },
    /// s (−Δ)^{−p}.
    Laplacian {
        /// Factor s on the noise.
        scale: f64,
        /// Power p; 4p must exceed the dimension.
        power: f64,
        /// Standard deviation of the constant mode.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        constant: Option<f64>,
    },
    /// s (γ − Δ)^{−p}.
    Bessel {
        /// Factor s on the noise.
        #[serde(default = "one")]
        scale: f64,
        /// γ.
        gamma: f64,
        /// Power p; 4p must exceed the dimension.
        power: f64,
    },
    /// Truncated and Laplacian multipliers, both applied to the same white noise.
    Combined {
        /// Largest wave number of the truncated part along each axis.
        cutoff: u32,
        /// Factor on the truncated part (published: 0.5).
        truncated: f64,
        /// Factor on the Laplacian part (published: 10).
        laplacian: f64,
        /// Power of the Laplacian part.
        power: f64,
    },
    /// The Matérn family of geostatistics.
    Matern {
        /// Point-wise variance.
        #[serde(default = "one")]
        variance: f64,
        /// Correlation length, in units of the first axis.
        length: f64,
        /// Smoothness ν.
        smoothness: f64,
    },
    /// Interpolated from a table of |ω| and λ.
    Tabulated {
        /// Rows `[[frequency, eigenvalue], …]`, or a CSV or NPY file of two columns.
        table: SpectrumTable,
    },
}

fn one() -> f64 {
    1.0
}

impl PriorConfig {
    /// Whether the covariance is estimated from data.
    pub fn is_fitted(&self) -> bool {
        matches!(self, Self::Fitted | Self::FittedAnisotropic | Self::Tempered { .. } | Self::Flat)
    }

    /// A warning about this noise, for the user, before a run or a sample begins.
    pub fn caution(&self) -> Option<&'static str> {
        matches!(self, Self::Standard).then_some(
            "prior standard is white noise per cell: another noise on every grid, so it is not nested and sampling.band does not apply; prior flat is white on the trained band and nested",
        )
    }

    /// Replaces a file named in the configuration at `beside` by its content.
    ///
    /// # Errors
    /// As [`SpectrumTable::rows`].
    pub fn resolve(&mut self, beside: Option<&Path>) -> Result<(), TrainError> {
        if let Self::Tabulated { table } = self {
            if let SpectrumTable::File(name) = table {
                *name = resolve(name, beside);
            }
            *table = SpectrumTable::Rows(table.rows()?);
        }
        Ok(())
    }
}
