//! Pairs of coefficient and solution of steady equations: Poisson, Helmholtz, Darcy.

use karhunen_field::{Grid, Transform};
use serde::{Deserialize, Serialize};

use crate::error::require;
use crate::resolve::{resolved, restrict};
use crate::{Elliptic, RoughField, SimulateError, Structure};

/// Cells along an axis of length 1 below which a finer grid is solved on.
const CELLS: f64 = 128.0;
/// α and τ of the fields that benchmarks draw.
const ROUGH: RoughField = RoughField::of(2.0, 3.0);
/// Channels: coefficient and solution.
const CHANNELS: usize = 2;
/// The permeabilities of benchmarks.
const PERMEABILITIES: [f64; 2] = [12.0, 3.0];

/// A source and what it drives: Δu + k² u = a, u = 0 at the walls.
///
/// a is a Gaussian field ([`RoughField`], α = 2, τ = 3), u the solution by the 5-point stencil
/// ([`Elliptic`]). k = 0 is Poisson's equation. Both are jointly Gaussian, so that what is known of
/// one given values of the other has a closed form.
///
/// **Shape** channels a and u. The box has walls: Neumann axes, which hold functions of any boundary values.
///
/// **Cost** two to five sine transforms of each axis' length, on cells of 1/128 or finer ones.
///
/// **Source** J. Huang, G. Yang, Z. Wang, J. J. Park, "DiffusionPDE", NeurIPS 2024, for the pairs of fields.
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Grid};
/// use karhunen_simulate::{Helmholtz, Structure};
/// let grid = Grid::unit(&[16, 16], Boundary::Neumann)?;
/// let both = Helmholtz::poisson().generate(&grid, 7, 0)?;
/// assert_eq!(both.len(), 2 * 256);
/// assert!(both[..256].iter().sum::<f64>().abs() < 1e-9);
/// # Ok::<(), karhunen_simulate::SimulateError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Helmholtz {
    wave_number: f64,
}

impl Default for Helmholtz {
    fn default() -> Self {
        Self { wave_number: 1.0 }
    }
}

impl Helmholtz {
    /// Poisson's equation, k = 0.
    pub const fn poisson() -> Self {
        Self { wave_number: 0.0 }
    }

    /// k = `wave_number`.
    ///
    /// # Errors
    /// [`SimulateError::Parameter`] unless 0 ≤ k < ∞; resonances depend on the box and are refused there.
    pub fn new(wave_number: f64) -> Result<Self, SimulateError> {
        let known = wave_number.is_finite() && wave_number >= 0.0;
        require(known, HELMHOLTZ, "wave_number", wave_number, "at least 0 and finite")?;
        Ok(Self { wave_number })
    }

    /// u of a source a on the cells of a grid.
    ///
    /// # Errors
    /// Those of [`Elliptic::new`] and [`Elliptic::solve`].
    pub fn solve(&self, grid: &Grid, a: &[f64]) -> Result<Vec<f64>, SimulateError> {
        let operator = Elliptic::new(self.name(), grid, vec![1.0; grid.len()], self.wave_number)?;
        let negative: Vec<f64> = a.iter().map(|a| -a).collect();
        operator.solve(&negative)
    }

    fn name(&self) -> &'static str {
        if self.wave_number == 0.0 { "poisson" } else { HELMHOLTZ }
    }
}

const HELMHOLTZ: &str = "helmholtz";

impl Structure for Helmholtz {
    fn channels(&self) -> usize {
        CHANNELS
    }

    /// # Errors
    /// [`SimulateError::Box`] unless every axis has walls, [`SimulateError::Parameter`] for a k beyond the
    /// box's lowest resonance, [`SimulateError::TooThin`] for more than 2²⁶ cells.
    fn generate(&self, grid: &Grid, seed: u64, index: u64) -> Result<Vec<f64>, SimulateError> {
        let fine = resolved(self.name(), grid, 1.0 / CELLS)?;
        let transform = Transform::new(fine);
        let modes = ROUGH.coefficients(&fine, seed, index);
        let u = self.solve(&fine, &transform.synthesise_channels(&modes))?;
        let mut both = restrict(&transform, &modes, grid);
        both.extend(restrict_cells(&transform, u, grid));
        Ok(both)
    }
}

/// Flow through rock of two permeabilities: −∇·(a ∇u) = 1, u = 0 at the walls.
///
/// a is 12 where a Gaussian field ([`RoughField`], α = 2, τ = 3) is positive and 3 where it is not; u by finite volumes
/// ([`Elliptic`]).
///
/// **Shape** channels a and u. The box has walls, as of [`Helmholtz`]. a jumps, so that grids coarser than 1/128 see
/// its restriction, and finer ones an interface that moves by less than a cell.
///
/// **Cost** some 15 iterations of conjugate gradients, three transforms each.
///
/// **Source** Z. Li et al., "Fourier neural operator", ICLR 2021, appendix A.3.2; harmonic means at the faces.
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Grid};
/// use karhunen_simulate::{Darcy, Structure};
/// let both = Darcy.generate(&Grid::unit(&[128, 128], Boundary::Neumann)?, 7, 0)?;
/// let (a, u) = both.split_at(128 * 128);
/// assert!(a.iter().all(|a| *a == 12.0 || *a == 3.0) && u.iter().all(|u| *u > 0.0));
/// # Ok::<(), karhunen_simulate::SimulateError>(())
/// ```
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Darcy;

impl Darcy {
    /// The pressure u of a permeability a on the cells of a grid.
    ///
    /// # Errors
    /// Those of [`Elliptic::new`] and [`Elliptic::solve`].
    pub fn solve(&self, grid: &Grid, a: &[f64]) -> Result<Vec<f64>, SimulateError> {
        Elliptic::new(DARCY, grid, a.to_vec(), 0.0)?.solve(&vec![1.0; grid.len()])
    }
}

const DARCY: &str = "darcy";

impl Structure for Darcy {
    fn channels(&self) -> usize {
        CHANNELS
    }

    /// # Errors
    /// [`SimulateError::Box`] unless every axis has walls, [`SimulateError::TooThin`] for more than 2²⁶ cells.
    fn generate(&self, grid: &Grid, seed: u64, index: u64) -> Result<Vec<f64>, SimulateError> {
        let fine = resolved(DARCY, grid, 1.0 / CELLS)?;
        let transform = Transform::new(fine);
        let mut a = transform.synthesise_channels(&ROUGH.coefficients(&fine, seed, index));
        let [high, low] = PERMEABILITIES;
        a.iter_mut().for_each(|a| *a = if *a > 0.0 { high } else { low });
        let u = self.solve(&fine, &a)?;
        let mut both = restrict_cells(&transform, a, grid);
        both.extend(restrict_cells(&transform, u, grid));
        Ok(both)
    }
}

/// Point values on `grid` of a function known at the cells of a grid at least as fine.
fn restrict_cells(fine: &Transform, values: Vec<f64>, grid: &Grid) -> Vec<f64> {
    if fine.grid() == grid { values } else { restrict(fine, &fine.analyse_channels(&values), grid) }
}
