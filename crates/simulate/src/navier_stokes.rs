//! Pairs of vorticities: an initial one and what has become of it.

use std::f64::consts::PI;

use karhunen_field::resample::copied_modes;
use karhunen_field::{Grid, Transform};
use serde::{Deserialize, Serialize};

use crate::error::require;
use crate::vorticity::{NAME, periodic_square};
use crate::{RoughField, SimulateError, Structure, Vorticity};

/// Where waves are cut: they have lost this many powers of e to viscosity, or the most cells are used.
const LOST: f64 = 17.0;
/// Cells an axis, at least and at most.
const CELLS: [f64; 2] = [16.0, 256.0];
/// α and τ of the initial vorticity.
const ROUGH: RoughField = RoughField::of(2.5, 7.0);
/// Steps a cell and unit of time. Runge–Kutta steps are stable up to |v·k| h = 2.8: speeds up to a half.
const STEPS: f64 = 0.5;
/// Latest time.
const LATEST: f64 = 1e3;

/// The vorticity of a forced flow on the periodic square, at its start and at a time.
///
/// > ∂w/∂t + v·∇w = ν Δw + 0.1 (sin 2π(x + y) + cos 2π(x + y))
///
/// from a Gaussian field w(0) ([`RoughField`], α = 2.5, τ = 7). By default ν = 10⁻³ and the time is 1.
///
/// **Shape** channels w(0) and w(time). The box is the periodic square of length 1. One index is one function on every
/// grid: w(time) comes from cells that are fine enough for the waves that viscosity leaves, 62 an axis by default, 256
/// at most.
///
/// **Cost** half as many steps a unit of time as cells an axis, of twenty transforms each: 31 by default.
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
    fn flow(&self, grid: &Grid, modes: &[f64]) -> Result<Vec<f64>, SimulateError> {
        let mut w = modes.to_vec();
        let steps = (self.time * STEPS * grid.axes()[0].points as f64).ceil() as usize;
        Vorticity::new(grid, self.viscosity)?.advance(&mut w, self.time, steps);
        Ok(w)
    }

    /// Cells an axis of which two thirds of the waves hold all that viscosity leaves.
    fn cells(&self) -> usize {
        let wave = (LOST / (self.viscosity * self.time)).sqrt() / (2.0 * PI);
        (3.0 * wave).ceil().clamp(CELLS[0], CELLS[1]) as usize
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
        periodic_square(grid)?;
        let fine = grid.with_points(&vec![self.cells(); grid.dim()])?;
        let w = self.flow(&fine, &ROUGH.coefficients(&fine, seed, index))?;
        if !w.iter().all(|w| w.is_finite()) {
            let (structure, time) = (NAME, self.time);
            return Err(SimulateError::NonFinite { structure, seed, index, time });
        }
        let mut both = ROUGH.coefficients(grid, seed, index);
        both.extend(copied_modes(&fine, &w, grid));
        Ok(Transform::new(*grid).synthesise_channels(&both))
    }
}
