//! Spinodal decomposition: the interwoven domains of an unmixing two-phase material.
//!
//! A uniform mixture with a small random perturbation is quenched and follows the Cahn–Hilliard
//! equation ([`crate::cahn_hilliard`]). Waves shorter than 2πε/√(1 − 3m²) decay, those √2
//! times longer grow fastest, saturate into domains of u ≈ ±1, and the domains coarsen like
//! age^{1/3}. Everything is set in physical units, so the structure belongs to the box and not to
//! the grid: grids too coarse for the interfaces get the spectral restriction of the structure
//! simulated on one that is fine enough.

use karhunen_field::noise::stream;
use karhunen_field::{Grid, ModeNoise};
use serde::{Deserialize, Serialize};

use crate::error::require;
use crate::resolve::{resolved, restrict};
use crate::{CahnHilliard, SimulateError, Structure};

/// Standard deviation of the initial perturbation: small enough that the fastest waves are
/// selected by growth, large enough that little time passes before they saturate.
const PERTURBATION: f64 = 0.1;

/// Cells per ε below which a finer grid is simulated. The spectrum of the profile tanh(x / √2ε)
/// has fallen by exp(−π²/√2) ≈ 1e-3 at the Nyquist frequency of one cell per ε.
const CELLS_PER_WIDTH: f64 = 1.0;

/// Steps are `STEP` · √max(1, t) long, in units of ε²: growing with the ever slower coarsening, and
/// short enough that the energy is right to two or three per cent.
const STEP: f64 = 0.25;

/// Oldest structure, in units of ε²: 8000 steps, and domains of some hundred ε.
const OLDEST: f64 = 1e6;

/// Structures of spinodal decomposition.
///
/// > ∂u/∂t = Δ(u³ − u − ε²Δu),  u(0) = m + 0.1 η,  until t = age · ε²,
///
/// with m = `composition`, ε = `width`, and η a smooth centred Gaussian field of unit variance
/// (mode variances ∝ exp(−2ε²|ω|²), no zero mode), nested between grids.
///
/// **Unit** u is −1 and +1 in the two phases; the mean of every field is m exactly, the volume
/// fraction of the + phase about (1 + m)/2. `width` is a length in the units of the box; `age`
/// counts ε², the time a concentration needs to diffuse across an interface.
///
/// **Cost** about 8 √age steps of four transforms.
///
/// **Choosing** symmetric mixtures (m = 0) give bicontinuous labyrinths, |m| > 0.3 droplets. The
/// default is a symmetric labyrinth of about seven domains across a box of length 1.
///
/// **Source** J. W. Cahn, Acta Metall. 9, 795 (1961); see also [`crate::cahn_hilliard`].
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Grid};
/// use karhunen_simulate::{Spinodal, Structure};
/// let structure = Spinodal::new(0.2, 0.05, 100.0)?;
/// let u = structure.generate(&Grid::unit(&[24, 31], Boundary::Neumann)?, 7, 0)?;
/// let mean = u.iter().sum::<f64>() / u.len() as f64;
/// assert!((mean - 0.2).abs() < 1e-12);
/// # Ok::<(), karhunen_simulate::SimulateError>(())
/// ```
#[derive(Debug, Default, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parameters", into = "Parameters")]
pub struct Spinodal {
    parameters: Parameters,
}

/// As written in a configuration, not yet checked.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Parameters {
    composition: f64,
    width: f64,
    age: f64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { composition: 0.0, width: 1.0 / 64.0, age: 100.0 }
    }
}

impl Spinodal {
    /// Structures of a mixture with mean concentration m = `composition`, interface width
    /// ε = `width` and `age` in units of ε².
    ///
    /// # Errors
    /// [`SimulateError::Parameter`] unless 3 · composition² < 1 (outside, the uniform mixture is
    /// stable against small perturbations), 0 < width < ∞ and 0 < age ≤ 10⁶.
    pub fn new(composition: f64, width: f64, age: f64) -> Result<Self, SimulateError> {
        Parameters { composition, width, age }.try_into()
    }

    /// Mean concentration m.
    pub fn composition(&self) -> f64 {
        self.parameters.composition
    }

    /// Interface width ε.
    pub fn width(&self) -> f64 {
        self.parameters.width
    }

    /// Time since the quench in units of ε².
    pub fn age(&self) -> f64 {
        self.parameters.age
    }

    fn refuse_stable(&self, grid: &Grid) -> Result<(), SimulateError> {
        let cutoff = (1.0 - 3.0 * self.composition().powi(2)).sqrt() / self.width();
        let lowest = grid.axes().iter().map(|a| a.frequency(1)).fold(f64::INFINITY, f64::min);
        if lowest < cutoff {
            Ok(())
        } else {
            Err(SimulateError::Stable { grid: *grid, lowest, cutoff })
        }
    }

    /// Coefficients of u(0).
    fn quench(&self, grid: &Grid, seed: u64, index: u64) -> Vec<f64> {
        let variance: Vec<f64> = grid
            .modes()
            .map(|mode| {
                if mode.is_constant() {
                    0.0
                } else {
                    libm::exp(-2.0 * self.width().powi(2) * mode.laplacian())
                }
            })
            .collect();
        let scale = PERTURBATION / variance.iter().sum::<f64>().sqrt();
        let mut modes = ModeNoise::new(seed).normals(grid, index, stream::SIMULATION, 0);
        modes.iter_mut().zip(&variance).for_each(|(u, v)| *u *= scale * v.sqrt());
        modes[0] = self.composition();
        modes
    }
}

impl Structure for Spinodal {
    /// # Errors
    /// [`SimulateError::Stable`] if no mode of the box grows, [`SimulateError::TooThin`] if
    /// resolving ε takes more than 2²⁶ cells, [`SimulateError::NonFinite`] if the solution is not a
    /// number.
    fn generate(&self, grid: &Grid, seed: u64, index: u64) -> Result<Vec<f64>, SimulateError> {
        self.refuse_stable(grid)?;
        let resolved = resolved("spinodal", grid, self.width() / CELLS_PER_WIDTH)?;
        let mut modes = self.quench(&resolved, seed, index);
        let mut solver = CahnHilliard::new(resolved, self.width());
        let unit = self.width().powi(2);
        let mut time = 0.0;
        while time < self.age() {
            let step = (STEP * time.max(1.0).sqrt()).min(self.age() - time);
            solver.step_extrapolated(&mut modes, step * unit);
            time += step;
        }
        if !modes.iter().all(|u| u.is_finite()) {
            return Err(SimulateError::NonFinite { structure: "spinodal", seed, index, time });
        }
        Ok(restrict(solver.transform(), &modes, grid))
    }
}

impl TryFrom<Parameters> for Spinodal {
    type Error = SimulateError;
    fn try_from(parameters: Parameters) -> Result<Self, SimulateError> {
        let Parameters { composition, width, age } = parameters;
        let positive = |x: f64| x.is_finite() && x > 0.0;
        require(
            3.0 * composition * composition < 1.0,
            "spinodal",
            "composition",
            composition,
            "inside the spinodal, 3·composition² < 1, or the mixture does not separate",
        )?;
        require(positive(width), "spinodal", "width", width, "positive and finite")?;
        require(positive(age) && age <= OLDEST, "spinodal", "age", age, "in (0, 1e6]")?;
        Ok(Self { parameters })
    }
}

impl From<Spinodal> for Parameters {
    fn from(structure: Spinodal) -> Self {
        structure.parameters
    }
}
