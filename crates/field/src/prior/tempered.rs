//! Noise with a spectrum between that of the data and one that is flat on the trained band.

use serde::{Deserialize, Serialize};

use super::Fitted;
use crate::{FieldError, Grid, Mode, Prior, grid::MAX_DIM};

/// λ_k = s c(|ω_k|)^θ on the modes of one grid, the *band*. Here c is the spectrum of [`Fitted`].
///
/// Beyond the band λ falls as the data do: λ(ω) = s c(|ω|) c(|ω*|)^{θ−1}. The components of ω* are
/// those of ω, each limited to the largest frequency of its axis in the band. The factor s gives
/// the band the trace that [`Fitted`] has on it. That trace is the data's variance, apart from the
/// interpolation of the shells.
///
/// θ is `exponent`. With θ = 1 this **is** [`Fitted`]. With θ = 0 it is flat on the band
/// ([`Tempered::flat`]): white noise for every grid of the band at once.
///
/// **Trace class** for every θ: beyond the band λ is a bounded multiple of c, which is trace class.
/// **Nested**: λ of a mode is the same on every grid.
///
/// **Choosing** The ratio of data to noise is r² = c/λ ∝ c^{1−θ}. It falls with the frequency as
/// soon as θ < 1. Strong low modes are then decided while the noise is high. Fine modes are decided
/// later, when the modes they depend on are known. The path must reach from σ = b/a well above the
/// largest r to well below the smallest.
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Grid, Prior, prior::Tempered};
/// let grid = Grid::unit(&[16, 16], Boundary::Neumann)?;
/// let variances: Vec<f64> = grid.modes().map(|m| (9.0 + m.laplacian()).powi(-2)).collect();
/// let flat = Tempered::flat(grid, &variances)?;
/// let lambda = flat.eigenvalues(&grid);
/// assert!(lambda.iter().all(|l| (l / lambda[0] - 1.0).abs() < 1e-12));
/// assert!((flat.trace(&grid) / variances.iter().sum::<f64>() - 1.0).abs() < 0.05);
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parameters", into = "Parameters")]
pub struct Tempered {
    grid: Grid,
    data: Fitted,
    exponent: f64,
    /// s.
    factor: f64,
    /// Largest |ω_j| of the band, per axis.
    edge: [f64; MAX_DIM],
    /// Smallest |ω| of the band that is not 0.
    lowest: f64,
}

/// The stored form, from which everything else is computed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    grid: Grid,
    data: Fitted,
    exponent: f64,
}

impl TryFrom<Parameters> for Tempered {
    type Error = FieldError;
    fn try_from(p: Parameters) -> Result<Self, FieldError> {
        Self::of(p.grid, p.data, p.exponent)
    }
}

impl From<Tempered> for Parameters {
    fn from(prior: Tempered) -> Self {
        Self { grid: prior.grid, data: prior.data, exponent: prior.exponent }
    }
}

impl Tempered {
    /// From mode variances c_k of data on the grid of the band (`[mode]`, storage order; see
    /// [`crate::Moments`]). Average several channels before.
    ///
    /// # Errors
    /// [`FieldError::Parameter`] unless 0 ≤ `exponent` ≤ 1; as [`Fitted::new`].
    pub fn new(grid: Grid, variances: &[f64], exponent: f64) -> Result<Self, FieldError> {
        Self::of(grid, Fitted::new(&grid, variances)?, exponent)
    }

    /// θ = 0: one λ for all modes of the band.
    ///
    /// # Errors
    /// As [`Fitted::new`].
    pub fn flat(grid: Grid, variances: &[f64]) -> Result<Self, FieldError> {
        Self::new(grid, variances, 0.0)
    }

    /// θ.
    pub fn exponent(&self) -> f64 {
        self.exponent
    }

    /// The grid whose modes are the band.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Refuses exponents outside the range of tempered priors.
    ///
    /// # Errors
    /// [`FieldError::Parameter`] unless 0 ≤ `exponent` ≤ 1.
    pub fn check_exponent(exponent: f64) -> Result<(), FieldError> {
        if (0.0..=1.0).contains(&exponent) {
            return Ok(());
        }
        Err(FieldError::Parameter {
            parameter: "exponent",
            value: exponent,
            requirement: "the covariance is s c^exponent with 0 <= exponent <= 1: 0 is flat on the \
                          trained band, 1 the data's own spectrum",
        })
    }

    fn of(grid: Grid, data: Fitted, exponent: f64) -> Result<Self, FieldError> {
        Self::check_exponent(exponent)?;
        let mut edge = [0.0; MAX_DIM];
        for (edge, a) in edge.iter_mut().zip(grid.axes()) {
            *edge =
                (0..a.modes()).map(|at| a.frequency(a.wave_number(at)).abs()).fold(0.0, f64::max);
        }
        let positive = grid.modes().map(|mode| mode.frequency()).filter(|f| *f > 0.0);
        let lowest = positive.fold(f64::INFINITY, f64::min);
        let mut prior = Self { grid, data, exponent, factor: 1.0, edge, lowest };
        prior.factor = prior.data.trace(&grid) / prior.trace(&grid);
        Ok(prior)
    }
}

impl Prior for Tempered {
    fn eigenvalue(&self, mode: &Mode) -> f64 {
        let cut = mode.omega.iter().zip(&self.edge).map(|(w, edge)| w.abs().min(*edge).powi(2));
        let (frequency, cut) = (mode.frequency(), cut.sum::<f64>().sqrt());
        // the constant mode's value is used for the constant mode only
        let cut = if frequency > 0.0 { cut.max(self.lowest) } else { 0.0 };
        let (own, edge) = (self.data.at(frequency), self.data.at(cut));
        if own == edge {
            return self.factor * edge.powf(self.exponent);
        }
        self.factor * own * edge.powf(self.exponent - 1.0)
    }
}
