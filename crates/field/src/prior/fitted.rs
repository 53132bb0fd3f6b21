//! The isotropic covariance estimated from data: the default prior.

use serde::{Deserialize, Serialize};

use super::tail::PowerTail;
use super::{Shell, shells};
use crate::{FieldError, Grid, Mode, Prior, grid::MAX_DIM};

/// Smallest eigenvalue relative to the largest shell. It keeps divisions by λ finite where the data
/// have no power (blank borders, band-limited simulations).
pub(super) const RELATIVE_FLOOR: f64 = 1e-12;

/// λ_k = the data's mean mode variance in the radial shell of |ω_k|.
///
/// Between shells λ is log-log linear, and beyond them it continues by their power law. The
/// constant mode has a value of its own, on boxes that have one (those with a Dirichlet axis do
/// not).
///
/// **Never smoother than the data**: beyond the measured band the spectrum falls as the last octave
/// did, but always faster than |ω|^{−d} (by 0.2 in the exponent). It is nowhere below 10⁻¹² of its
/// largest shell (10⁻¹² (|ω|/ω₀)^{−d−0.2} beyond the last). The covariance thus has full rank and
/// is trace class for any data. It is not normalised: apart from interpolation, its trace is that
/// of the data.
///
/// **Choosing** With λ ∝ c all modes have the same signal-to-noise ratio at each time. Where
/// directions differ see [`super::FittedAnisotropic`]. [`super::Measured`] follows any spectrum
/// mode by mode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Spectrum", into = "Spectrum")]
pub struct Fitted {
    dim: usize,
    shells: Vec<Shell>,
    tail: PowerTail,
    floor: f64,
}

/// The stored form of a fitted prior, from which everything else is computed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Spectrum {
    dim: usize,
    shells: Vec<Shell>,
}

impl TryFrom<Spectrum> for Fitted {
    type Error = FieldError;
    fn try_from(spectrum: Spectrum) -> Result<Self, FieldError> {
        Self::from_shells(spectrum.dim, spectrum.shells)
    }
}

impl From<Fitted> for Spectrum {
    fn from(fitted: Fitted) -> Self {
        Self { dim: fitted.dim, shells: fitted.shells }
    }
}

impl Fitted {
    /// Fits mode variances c_k of data on a grid (`[mode]`, storage order; see
    /// [`crate::Moments`]). Average several channels before.
    ///
    /// # Errors
    /// [`FieldError::Modes`] unless there is one variance a mode; [`FieldError::Parameter`] for a
    /// negative or non-finite variance, if all but the constant mode's vanish, or if the grid
    /// holds no other mode.
    pub fn new(grid: &Grid, variances: &[f64]) -> Result<Self, FieldError> {
        if let Some(&value) = variances.iter().find(|v| !(v.is_finite() && **v >= 0.0)) {
            let requirement = "it must be zero or a positive finite number";
            return Err(FieldError::Parameter { parameter: "variance", value, requirement });
        }
        Self::from_shells(grid.dim(), shells(grid, variances)?)
    }

    /// From shells by rising frequency. The constant mode's shell (|ω| = 0), if the box has one,
    /// comes first.
    ///
    /// # Errors
    /// [`FieldError::Dimension`] unless `dim` is 1 to 3; [`FieldError::Parameter`] unless there is a
    /// shell of non-zero frequency, frequencies rise from 0 or more, means are non-negative numbers
    /// (one beyond the constant mode's positive) and counts positive.
    pub fn from_shells(dim: usize, mut shells: Vec<Shell>) -> Result<Self, FieldError> {
        if !(1..=MAX_DIM).contains(&dim) {
            return Err(FieldError::Dimension(dim));
        }
        check(&shells)?;
        let largest = varying(&shells).iter().map(|s| s.mean).fold(0.0, f64::max);
        if largest <= 0.0 {
            return Err(FieldError::Parameter {
                parameter: "largest variance of a mode that is not constant",
                value: largest,
                requirement: "it must be positive: these data do not vary in space",
            });
        }
        let floor = RELATIVE_FLOOR * largest.max(shells[0].mean);
        shells.iter_mut().for_each(|s| s.mean = s.mean.max(floor));
        let tail = PowerTail::fit(dim, varying(&shells), floor);
        Ok(Self { dim, shells, tail, floor })
    }

    /// λ at a frequency |ω|.
    pub fn at(&self, frequency: f64) -> f64 {
        let rest = varying(&self.shells);
        if frequency <= 0.0 {
            return self.shells[0].mean;
        }
        if frequency > rest[rest.len() - 1].frequency {
            return self.tail.at(frequency);
        }
        if rest.len() == 1 {
            return rest[0].mean;
        }
        let above = rest.partition_point(|s| s.frequency < frequency).clamp(1, rest.len() - 1);
        let (a, b) = (&rest[above - 1], &rest[above]);
        let part = (frequency / a.frequency).ln() / (b.frequency / a.frequency).ln();
        (a.mean.ln() + part * (b.mean / a.mean).ln()).exp().max(self.floor)
    }

    /// The shells it was fitted to. The constant mode's shell, if there is one, comes first.
    pub fn shells(&self) -> &[Shell] {
        &self.shells
    }
}

impl Prior for Fitted {
    fn eigenvalue(&self, mode: &Mode) -> f64 {
        self.at(mode.frequency())
    }
}

/// The shells of modes that vary in space.
fn varying(shells: &[Shell]) -> &[Shell] {
    &shells[usize::from(shells[0].frequency == 0.0)..]
}

fn check(shells: &[Shell]) -> Result<(), FieldError> {
    let refuse = |parameter, value, requirement| {
        Err(FieldError::Parameter { parameter, value, requirement })
    };
    let Some(first) = shells.first() else {
        return refuse("shells", 0.0, "a spectrum needs at least one shell of non-zero frequency");
    };
    if !(first.frequency.is_finite() && first.frequency >= 0.0) {
        let requirement = "shells must come by rising finite frequency, from 0 or more";
        return refuse("frequency", first.frequency, requirement);
    }
    if varying(shells).is_empty() {
        return refuse("shells", 1.0, "a spectrum needs at least one shell of non-zero frequency");
    }
    for pair in shells.windows(2) {
        let f = pair[1].frequency;
        if !(f.is_finite() && f > pair[0].frequency) {
            return refuse("frequency", f, "shells must come by rising finite frequency");
        }
    }
    for shell in shells {
        if !(shell.mean.is_finite() && shell.mean >= 0.0) {
            let requirement = "a shell's mean must be zero or a positive finite number";
            return refuse("mean", shell.mean, requirement);
        }
        if shell.count == 0 {
            return refuse("count", 0.0, "a shell has at least one mode");
        }
    }
    Ok(())
}
