//! Pairs of vorticities: an initial one and what has become of it.

use karhunen_field::{Boundary, Grid, Transform};
use serde::{Deserialize, Serialize};

use crate::error::require;
use crate::resolve::{resolved, restrict};
use crate::vorticity::NAME;
use crate::{RoughField, SimulateError, Structure, Vorticity};

/// Cells along an axis of length 1 below which a finer grid is solved on. At the default viscosity a wave of
/// number 21, the last one that products keep there, has lost e⁻¹⁷ after a unit of time.
const CELLS: f64 = 64.0;
/// α and τ of the initial vorticity.
const ROUGH: RoughField = RoughField::of(2.5, 7.0);
/// Length of a step at most.
const STEP: f64 = 1.0 / 64.0;
/// Latest time: 64,000 steps.
const LATEST: f64 = 1e3;

/// The vorticity of a forced flow on the periodic square, at its start and at a time.
///
/// > ∂w/∂t + v·∇w = ν Δw + 0.1 (sin 2π(x + y) + cos 2π(x + y))
///
/// from a Gaussian field w(0) ([`RoughField`], α = 2.5, τ = 7). By default ν = 10⁻³ and the time is 1.
///
/// **Shape** channels w(0) and w(time). The box is the periodic square of length 1.
///
/// **Cost** 64 steps of twenty transforms a unit of time, on 64×64 cells or finer ones.
///
/// **Source** Z. Li et al., "Fourier neural operator", ICLR 2021, appendix A.3.3; see also [`crate::vorticity`].
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Grid};
/// use karhunen_simulate::{NavierStokes, Structure};
/// let grid = Grid::unit(&[16, 16], Boundary::Periodic)?;
/// let both = NavierStokes::new(1e-2, 0.1)?.generate(&grid, 7, 0)?;
/// let size = |w: &[f64]| w.iter().map(|w| w * w).sum::<f64>();
/// assert!(size(&both[256..]) < size(&both[..256]));
/// # Ok::<(), karhunen_simulate::SimulateError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct NavierStokes {
    viscosity: f64,
    time: f64,
}

impl Default for NavierStokes {
    fn default() -> Self {
        Self { viscosity: 1e-3, time: 1.0 }
    }
}

impl NavierStokes {
    /// ν = `viscosity`, seen at 0 and at `time`.
    ///
    /// # Errors
    /// [`SimulateError::Parameter`] unless 10⁻⁴ ≤ viscosity < ∞ and 0 < time ≤ 10³.
    pub fn new(viscosity: f64, time: f64) -> Result<Self, SimulateError> {
        let known = viscosity.is_finite() && viscosity >= 1e-4;
        require(known, NAME, "viscosity", viscosity, "at least 1e-4 and finite")?;
        require(time > 0.0 && time <= LATEST, NAME, "time", time, "in (0, 1e3]")?;
        Ok(Self { viscosity, time })
    }

    /// The coefficients of w(time) from those of w(0).
    ///
    /// # Errors
    /// [`SimulateError::Box`] for another box than the periodic square.
    pub fn flow(&self, grid: &Grid, modes: &[f64]) -> Result<Vec<f64>, SimulateError> {
        let mut w = modes.to_vec();
        let steps = (self.time / STEP).ceil() as usize;
        Vorticity::new(grid, self.viscosity)?.advance(&mut w, self.time, steps);
        Ok(w)
    }
}

impl Structure for NavierStokes {
    fn channels(&self) -> usize {
        2
    }

    /// # Errors
    /// [`SimulateError::Box`] for another box than the periodic square, [`SimulateError::NonFinite`] if the solution
    /// is not a number.
    fn generate(&self, grid: &Grid, seed: u64, index: u64) -> Result<Vec<f64>, SimulateError> {
        if grid.axes().iter().any(|a| a.boundary != Boundary::Periodic) {
            let needs = "lives on a periodic square: choose boundary periodic";
            return Err(SimulateError::Box { structure: NAME, grid: *grid, needs });
        }
        let fine = resolved(NAME, grid, 1.0 / CELLS)?;
        let transform = Transform::new(fine);
        let initial = ROUGH.coefficients(&fine, seed, index);
        let w = self.flow(&fine, &initial)?;
        if !w.iter().all(|w| w.is_finite()) {
            let (structure, time) = (NAME, self.time);
            return Err(SimulateError::NonFinite { structure, seed, index, time });
        }
        let mut both = restrict(&transform, &initial, grid);
        both.extend(restrict(&transform, &w, grid));
        Ok(both)
    }
}
