//! Turing patterns of an activator and an inhibitor: the reaction–diffusion system of PDE benchmarks.
//!
//! Random initial states on which the cubic, the coupling and diffusion have acted for a time `age`.
//! Constants, age and initial spectrum are physical and know nothing of a grid: the field of a seed
//! on a coarse grid is the restriction of the one simulated on a grid that is fine enough.

use karhunen_field::noise::stream;
use karhunen_field::{Axis, Boundary, Grid, ModeNoise};
use serde::{Deserialize, Serialize};

use crate::error::require;
use crate::resolve::{resolved, restrict};
use crate::{ReactionDiffusion, SimulateError, Structure};

/// Cells per √D_u below which a finer grid is simulated. The spectrum of the fronts' profile
/// tanh(x / √(2D_u)) has fallen by exp(−π² · 1.25 / √2) = 2e-4 at the Nyquist frequency.
const CELLS_PER_LENGTH: f64 = 1.25;

/// Length of a step: 8e-4 of a pattern's size is wrong then, cells add 2e-3 (`examples/patterns.rs`).
const STEP: f64 = 0.05;

/// Oldest pattern: 2·10⁵ steps.
const OLDEST: f64 = 1e4;

/// Channels, u and v.
const CHANNELS: usize = 2;

/// States of the FitzHugh–Nagumo equations with diffusion.
///
/// > ∂u/∂t = D_u Δu + u − u³ − k − v,  ∂v/∂t = D_v Δv + u − v,  until t = age,
///
/// with D_u = `activator`, D_v = `inhibitor`, k = `offset`, and u(0), v(0) independent centred
/// Gaussian fields, nested between grids, of mode variances ∝ exp(−½ D_u |ω|²), one at every point on
/// average: far from walls their covariance is exp(−|x − y|² / 2D_u).
///
/// **Shape** channels u and v, or u alone.
///
/// **Unit** D_u and D_v are areas of the box over time; u − u³ has its rest states at ±1. The default
/// is PDEBench's: D_u = 10⁻³ and D_v = 5·10⁻³ on (−1, 1)², a quarter of which is the same on the box
/// of length 1, k = 5·10⁻³ and age = 5. (Its initial states are white per cell, and therefore another law on
/// every grid.)
///
/// **Cost** 20 · age steps of two transforms on cells of √D_u / 1.25: 79 of them along an axis of length 1 by
/// default, 20 ms a field (`examples/patterns.rs`).
///
/// **Choosing** waves grow where D_v f + D_u g > 2 √(D_u D_v (1 − f)) with f = 1 − 3k^⅔ and g = −1; by default
/// at a length of a sixth of the box. Young states (age < 1) are smoothed noise, old ones
/// (age > 20) at rest.
///
/// **Source** M. Takamoto et al., "PDEBench", NeurIPS 2022, section D.5; see also
/// [`crate::reaction_diffusion`].
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Grid};
/// use karhunen_simulate::{FitzHughNagumo, Structure};
/// let pattern = FitzHughNagumo::new(4e-3, 2e-2, 0.005, 3.0)?;
/// let grid = Grid::unit(&[24, 31], Boundary::Neumann)?;
/// let both = pattern.generate(&grid, 7, 0)?;
/// assert_eq!(both.len(), 2 * 24 * 31);
/// assert_eq!(pattern.activator_alone().generate(&grid, 7, 0)?, both[..24 * 31]);
/// # Ok::<(), karhunen_simulate::SimulateError>(())
/// ```
#[derive(Debug, Default, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parameters", into = "Parameters")]
pub struct FitzHughNagumo {
    parameters: Parameters,
}

/// As written in a configuration, not yet checked.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Parameters {
    activator: f64,
    inhibitor: f64,
    offset: f64,
    age: f64,
    channels: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { activator: 2.5e-4, inhibitor: 1.25e-3, offset: 5e-3, age: 5.0, channels: CHANNELS }
    }
}

impl FitzHughNagumo {
    /// States after `age` with D_u = `activator`, D_v = `inhibitor` and k = `offset`.
    ///
    /// # Errors
    /// [`SimulateError::Parameter`] unless 0 < activator < ∞, 0 < inhibitor < ∞, |offset| ≤ 1 and
    /// 0 < age ≤ 10⁴.
    pub fn new(
        activator: f64,
        inhibitor: f64,
        offset: f64,
        age: f64,
    ) -> Result<Self, SimulateError> {
        Parameters { activator, inhibitor, offset, age, channels: CHANNELS }.try_into()
    }

    /// The same states, of which u alone is seen.
    pub fn activator_alone(self) -> Self {
        Self { parameters: Parameters { channels: 1, ..self.parameters } }
    }

    /// Diffusion D_u of u.
    pub fn activator(&self) -> f64 {
        self.parameters.activator
    }

    /// Diffusion D_v of v.
    pub fn inhibitor(&self) -> f64 {
        self.parameters.inhibitor
    }

    /// Constant k in the reaction of u.
    pub fn offset(&self) -> f64 {
        self.parameters.offset
    }

    /// Time since the random state.
    pub fn age(&self) -> f64 {
        self.parameters.age
    }

    /// Coefficients of u(0) or v(0).
    fn random_state(&self, grid: &Grid, seed: u64, index: u64, channel: usize) -> Vec<f64> {
        // a sum over all modes of the box, whichever the grid holds
        let total: f64 = grid.axes().iter().map(|axis| self.variance_along(axis)).product();
        let mut modes = ModeNoise::new(seed).normals(grid, index, stream::SIMULATION, channel);
        for (c, mode) in modes.iter_mut().zip(grid.modes()) {
            *c *= (self.variance(mode.laplacian()) / total).sqrt();
        }
        modes
    }

    /// exp(−½ D_u |ω|²)
    fn variance(&self, k2: f64) -> f64 {
        libm::exp(-0.5 * self.activator() * k2)
    }

    /// Σ exp(−½ D_u ω²) over the modes of one axis: those of a box are products.
    fn variance_along(&self, axis: &Axis) -> f64 {
        let alike = if axis.boundary == Boundary::Periodic { 2.0 } else { 1.0 };
        let terms = (1..).map(|k| alike * self.variance(axis.frequency(k).powi(2)));
        1.0 + terms.take_while(|term| *term > f64::EPSILON).sum::<f64>()
    }
}

impl Structure for FitzHughNagumo {
    fn channels(&self) -> usize {
        self.parameters.channels
    }

    /// # Errors
    /// [`SimulateError::TooThin`] if resolving √D_u takes more than 2²⁶ cells,
    /// [`SimulateError::Walls`] if functions vanish at a wall, [`SimulateError::NonFinite`] if the
    /// solution is not a number.
    fn generate(&self, grid: &Grid, seed: u64, index: u64) -> Result<Vec<f64>, SimulateError> {
        let spacing = self.activator().sqrt() / CELLS_PER_LENGTH;
        let resolved = resolved(NAME, grid, spacing)?;
        let [mut u, mut v] = [0, 1].map(|c| self.random_state(&resolved, seed, index, c));
        let mut solver =
            ReactionDiffusion::new(resolved, self.activator(), self.inhibitor(), self.offset());
        let steps = (self.age() / STEP).ceil().max(1.0) as usize;
        solver.advance(&mut u, &mut v, self.age(), steps);
        if !u.iter().chain(&v).all(|c| c.is_finite()) {
            return Err(SimulateError::NonFinite {
                structure: NAME,
                seed,
                index,
                time: self.age(),
            });
        }
        let seen = &[u, v][..self.channels()];
        Ok(seen.iter().flat_map(|modes| restrict(solver.transform(), modes, grid)).collect())
    }
}

const NAME: &str = "fitzhugh-nagumo";

impl TryFrom<Parameters> for FitzHughNagumo {
    type Error = SimulateError;
    fn try_from(parameters: Parameters) -> Result<Self, SimulateError> {
        let Parameters { activator, inhibitor, offset, age, channels } = parameters;
        for (name, value) in [("activator", activator), ("inhibitor", inhibitor)] {
            let positive = value.is_finite() && value > 0.0;
            require(positive, NAME, name, value, "positive and finite")?;
        }
        require(offset.abs() <= 1.0, NAME, "offset", offset, "in [−1, 1]")?;
        require(age > 0.0 && age <= OLDEST, NAME, "age", age, "in (0, 1e4]")?;
        let known = (1..=CHANNELS).contains(&channels);
        require(known, NAME, "channels", channels as f64, "1 (u) or 2 (u and v)")?;
        Ok(Self { parameters })
    }
}

impl From<FitzHughNagumo> for Parameters {
    fn from(structure: FitzHughNagumo) -> Self {
        structure.parameters
    }
}
