//! The covariance estimated from data whose directions differ: fibres, layers, flows.
//!
//! A variance for every |k| = (|k_1|, …, |k_d|) is too noisy a measurement to serve as a prior.
//! Modes of neighbouring |k| are therefore averaged in bins whose width is a fifth of their wave
//! number. Each bin is then shrunk towards the prediction of its neighbours, as far as its noise
//! requires. The noise and the error of the predictions are both measured from the table itself.
//! Exact variances therefore stay unchanged, and few fields leave no holes.

use serde::{Deserialize, Serialize};

use super::bins::Bins;
use super::fitted::RELATIVE_FLOOR;
use super::tail::{MARGIN, log_slope};
use super::{Fitted, Shell};
use crate::{FieldError, Grid, Mode, Prior};

/// λ_k as a function of (|ω_1|, …, |ω_d|) of its mode. Between binned means it is multilinear in ln
/// λ over ln|ω_j|.
///
/// Beyond the measured band λ continues along rays from the origin. Let Ω_j be the last bin's
/// frequency of axis j, ρ = max_j |ω_j|/Ω_j and u = ω/(ρ Ω). Then λ(ω) = λ(ω/ρ) ρ^{−s} with s = Σ
/// s_j u_j²/Σ u_j². Each s_j is measured in the last octave of the sector in which axis j attains
/// the maximum ρ.
///
/// **Never smoother than the data**, except that s_j is at least d + 0.2, so that the covariance is
/// trace class. λ is nowhere below 10⁻¹² of its largest value (10⁻¹² ρ^{−d−0.2} beyond the band).
///
/// **Choosing** Use [`Fitted`] where directions do not differ, because its means are over many more
/// modes. Use [`super::Measured`] for the law of the data, mode by mode. Anisotropy along diagonals
/// (where k and its mirror image with one sign changed differ) is averaged out here.
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Grid, Prior, prior::FittedAnisotropic};
/// let grid = Grid::unit(&[16, 16], Boundary::Neumann)?;
/// // correlated ten times as far along the second axis
/// let law = |w: [f64; 3]| (9.0 + w[0] * w[0] + 100.0 * w[1] * w[1]).powf(-1.6);
/// let variances: Vec<f64> = grid.modes().map(|mode| law(mode.omega)).collect();
/// let prior = FittedAnisotropic::new(grid, variances)?;
/// let lambda = prior.eigenvalues(&grid);
/// let off = lambda[16] / law([std::f64::consts::PI, 0.0, 0.0]) - 1.0;
/// assert!(off.abs() < 1e-3, "{off}"); // bins of one or two modes, smoothed
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Table", into = "Table")]
pub struct FittedAnisotropic {
    grid: Grid,
    variances: Vec<f64>,
    bins: Bins,
    /// s_j per axis.
    slopes: Vec<f64>,
    floor: f64,
}

/// The stored form, from which everything else is computed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    grid: Grid,
    variances: Vec<f64>,
}

impl TryFrom<Table> for FittedAnisotropic {
    type Error = FieldError;
    fn try_from(table: Table) -> Result<Self, FieldError> {
        Self::new(table.grid, table.variances)
    }
}

impl From<FittedAnisotropic> for Table {
    fn from(fitted: FittedAnisotropic) -> Self {
        Self { grid: fitted.grid, variances: fitted.variances }
    }
}

impl FittedAnisotropic {
    /// Fits mode variances c_k of data on a grid (`[mode]`, storage order; see [`crate::Moments`]).
    ///
    /// # Errors
    /// As [`Fitted::new`].
    pub fn new(grid: Grid, variances: Vec<f64>) -> Result<Self, FieldError> {
        // the same demands on the data
        Fitted::new(&grid, &variances)?;
        let floor = RELATIVE_FLOOR * variances.iter().copied().fold(0.0, f64::max);
        let floored: Vec<f64> = variances.iter().map(|v| v.max(floor)).collect();
        let bins = Bins::new(&grid, &floored);
        let gentlest = grid.dim() as f64 + MARGIN;
        let slopes = (0..grid.dim())
            .map(|axis| {
                let slope = log_slope(&last_octave(&grid, &floored, axis), 1.0);
                slope.map_or(gentlest, |slope| (-slope).max(gentlest))
            })
            .collect();
        Ok(Self { grid, variances, bins, slopes, floor })
    }

    /// λ at a frequency per axis (signs do not matter).
    pub fn at(&self, omega: &[f64]) -> f64 {
        let last = self.bins.last();
        let u: Vec<f64> = omega.iter().zip(&last).map(|(w, last)| w.abs() / last).collect();
        let rho = u.iter().copied().fold(0.0, f64::max);
        if rho <= 1.0 {
            return self.bins.at(omega).max(self.floor);
        }
        let edge: Vec<f64> = omega.iter().map(|w| w / rho).collect();
        let squares: f64 = u.iter().map(|u| u * u).sum();
        let s = u.iter().zip(&self.slopes).map(|(u, s)| u * u * s).sum::<f64>() / squares;
        let gentlest = self.grid.dim() as f64 + MARGIN;
        (self.bins.at(&edge) * rho.powf(-s)).max(self.floor * rho.powf(-gentlest))
    }
}

impl Prior for FittedAnisotropic {
    fn eigenvalue(&self, mode: &Mode) -> f64 {
        self.at(&mode.omega[..mode.dim])
    }
}

/// Means over the modes of the sector in which an axis decides ρ, by |k| of that axis, for the last
/// octave of it: along rays they fall as single directions do.
fn last_octave(grid: &Grid, variances: &[f64], axis: usize) -> Vec<Shell> {
    let largest: Vec<f64> =
        grid.axes().iter().map(|a| f64::from(a.wave_number(a.modes() - 1).abs())).collect();
    let mut shells: Vec<Shell> = Vec::new();
    for (mode, value) in grid.modes().zip(variances) {
        let part = |j: usize| {
            let k = f64::from(mode.wave[j].abs());
            if largest[j] > 0.0 { k / largest[j] } else { 0.0 }
        };
        let own = part(axis);
        if own < 0.5 || (0..grid.dim()).any(|j| part(j) > own) {
            continue;
        }
        let number = mode.wave[axis].unsigned_abs() as usize;
        if number >= shells.len() {
            shells.resize(number + 1, Shell { frequency: 0.0, mean: 0.0, count: 0 });
        }
        let shell = &mut shells[number];
        shell.frequency = own;
        shell.mean += value;
        shell.count += 1;
    }
    shells.retain(|shell| shell.count > 0);
    shells.iter_mut().for_each(|shell| shell.mean /= shell.count as f64);
    shells
}
