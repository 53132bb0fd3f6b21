//! Gaussian random fields with a power law: the coefficients and initial states of equations in benchmarks.

use karhunen_field::noise::stream;
use karhunen_field::{Grid, ModeNoise};
use serde::{Deserialize, Serialize};

use crate::SimulateError;
use crate::error::require;

/// Centred Gaussian fields of covariance τ^{2α−d} (−Δ + τ²)^{−α}, without their mean.
///
/// > u = Σ_k √λ_k ξ_k e_k,  λ_k = τ^{2α−d} (|ω_k|² + τ²)^{−α},  λ_0 = 0,
///
/// with α = `exponent`, τ = `inverse_length` and e_k the Neumann or periodic eigenfunctions of the box of
/// dimension d. On the unit square with Neumann walls this is the cosine sum (DCT) that benchmarks of
/// operator learning draw from; ξ_k is addressed by mode, so that one index is one function on every grid.
///
/// **Choosing** α > d/2 for finite variance. Fields have about α − d/2 derivatives.
///
/// **Source** Z. Li et al., "Fourier neural operator", ICLR 2021, appendix A.3.
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Grid};
/// use karhunen_simulate::RoughField;
/// let modes = RoughField::new(2.0, 3.0)?.coefficients(&Grid::unit(&[8, 8], Boundary::Neumann)?, 7, 0);
/// assert_eq!(modes[0], 0.0);
/// assert_eq!(modes.len(), 64);
/// # Ok::<(), karhunen_simulate::SimulateError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RoughField {
    exponent: f64,
    inverse_length: f64,
}

impl RoughField {
    /// α = `exponent`, τ = `inverse_length`.
    ///
    /// # Errors
    /// [`SimulateError::Parameter`] unless 0 < exponent ≤ 16 and 0 < inverse_length < ∞.
    pub fn new(exponent: f64, inverse_length: f64) -> Result<Self, SimulateError> {
        let name = "gaussian field";
        require(exponent > 0.0 && exponent <= 16.0, name, "exponent", exponent, "in (0, 16]")?;
        let positive = inverse_length.is_finite() && inverse_length > 0.0;
        require(positive, name, "inverse_length", inverse_length, "positive and finite")?;
        Ok(Self { exponent, inverse_length })
    }

    /// Known constants.
    pub(crate) const fn of(exponent: f64, inverse_length: f64) -> Self {
        Self { exponent, inverse_length }
    }

    /// λ_k of every mode of a grid, in storage order.
    pub fn variances(&self, grid: &Grid) -> Vec<f64> {
        let square = self.inverse_length * self.inverse_length;
        let scale = libm::pow(square, self.exponent - 0.5 * grid.dim() as f64);
        let of = |k2: f64| scale * libm::pow(k2 + square, -self.exponent);
        grid.modes().map(|m| if m.is_constant() { 0.0 } else { of(m.laplacian()) }).collect()
    }

    /// Coefficients of field `index` of a seed.
    pub fn coefficients(&self, grid: &Grid, seed: u64, index: u64) -> Vec<f64> {
        let mut modes = ModeNoise::new(seed).normals(grid, index, stream::SIMULATION, 0);
        modes.iter_mut().zip(self.variances(grid)).for_each(|(u, v)| *u *= v.sqrt());
        modes
    }
}
