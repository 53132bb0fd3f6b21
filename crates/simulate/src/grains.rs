//! Voronoi grains with smooth boundaries: a polycrystal, a foam, a mosaic.
//!
//! Seeds are thrown into the box at random, every point belongs to the grain of its nearest seed,
//! and every grain has a random shade. A Gaussian filter gives all faces one physical width, so the
//! structure is a smooth function of which grids hold point values, not a picture of a grid.
//! (Blending grains by their distances would need no filter, but smears the faces of close seeds.)

use karhunen_field::noise::stream;
use karhunen_field::{Axis, Boundary, Grid, ModeNoise, Transform};
use serde::{Deserialize, Serialize};

use crate::error::require;
use crate::resolve::{resolved, restrict};
use crate::{SimulateError, Structure};

/// Cells per `width` below which a finer grid is used: the Gaussian is exp(−2π²) ≈ 3e-9 at the
/// Nyquist frequency, so nothing is folded back.
const CELLS_PER_WIDTH: f64 = 2.0;

/// Uniforms set aside for a grain: up to three coordinates and the shade, so that grain i is the
/// same whatever the count of grains.
const UNIFORMS: usize = 4;

/// Most grains; every cell looks at all of them.
const MOST_GRAINS: usize = 1 << 16;

/// How grains get their shades.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Shades {
    /// +1 with probability `fraction`, else −1, independently: a two-phase material.
    TwoPhase {
        /// Expected volume fraction of the + phase, 0 < fraction < 1.
        fraction: f64,
    },
    /// Uniform in [−1, 1], independently.
    Grey,
}

/// Structures of smoothed Voronoi grains.
///
/// > u = G_w ∗ Σᵢ vᵢ 1[cell of sᵢ],  Ĝ_w(ω) = exp(−½ w²|ω|²),
///
/// with n = `count` seeds sᵢ uniform in the box, their shades vᵢ, their Voronoi cells, and
/// w = `width`. A face has the profile erf(x / √2w): 80 % of the change over 2.6 w. Distances go
/// around periodic axes; other axes are a window onto a larger material, mirrored at the walls by
/// the filter.
///
/// **Unit** `width` is a length in the units of the box; `count` is the number of grains in it. For
/// two phases the expected mean is 2 · fraction − 1. The default is fifty grains in two
/// phases, with faces thin in a box of length 1.
///
/// **Cost** points · count.
///
/// **Source** Voronoi tessellation of a binomial point process: A. Okabe et al., "Spatial
/// Tessellations", 2nd ed. (2000), ch. 5.
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Grid};
/// use karhunen_simulate::{Grains, Shades, Structure};
/// let structure = Grains::new(12, 0.02, Shades::TwoPhase { fraction: 0.3 })?;
/// let u = structure.generate(&Grid::unit(&[24, 31], Boundary::Neumann)?, 7, 0)?;
/// assert_eq!(u.len(), 24 * 31);
/// # Ok::<(), karhunen_simulate::SimulateError>(())
/// ```
#[derive(Debug, Default, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parameters", into = "Parameters")]
pub struct Grains {
    parameters: Parameters,
}

/// As written in a configuration, not yet checked.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Parameters {
    count: usize,
    width: f64,
    shades: Shades,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { count: 50, width: 1.0 / 64.0, shades: Shades::TwoPhase { fraction: 0.5 } }
    }
}

impl Grains {
    /// Structures of `count` grains with faces smoothed by `width`.
    ///
    /// # Errors
    /// [`SimulateError::Parameter`] unless 1 ≤ count ≤ 65536, width > 0 and finite, and
    /// 0 < fraction < 1 for two phases.
    pub fn new(count: usize, width: f64, shades: Shades) -> Result<Self, SimulateError> {
        Parameters { count, width, shades }.try_into()
    }

    /// Number of grains in the box.
    pub fn count(&self) -> usize {
        self.parameters.count
    }

    /// Standard deviation w of the Gaussian filter.
    pub fn width(&self) -> f64 {
        self.parameters.width
    }

    /// How grains get their shades.
    pub fn shades(&self) -> Shades {
        self.parameters.shades
    }
}

impl Structure for Grains {
    /// # Errors
    /// [`SimulateError::TooThin`] if resolving the faces takes more than 2²⁶ cells.
    fn generate(&self, grid: &Grid, seed: u64, index: u64) -> Result<Vec<f64>, SimulateError> {
        let fine = resolved("grains", grid, self.width() / CELLS_PER_WIDTH)?;
        let uniforms =
            ModeNoise::new(seed).uniforms(UNIFORMS * self.count(), index, stream::SIMULATION);
        let grains: Vec<&[f64]> = uniforms.chunks_exact(UNIFORMS).collect();
        let shades: Vec<f64> = grains.iter().map(|g| self.shades().of(g[UNIFORMS - 1])).collect();

        let mosaic = Mosaic::new(&fine, &grains);
        let values: Vec<f64> = (0..fine.len()).map(|cell| mosaic.shade(cell, &shades)).collect();

        let transform = Transform::new(fine);
        let mut modes = transform.analyse_channels(&values);
        // the ramp of the faces, with variance ramp²/12, is part of the filter
        let variance = self.width().powi(2) - mosaic.ramp.powi(2) / 12.0;
        for (u, mode) in modes.iter_mut().zip(fine.modes()) {
            *u *= libm::exp(-0.5 * variance * mode.laplacian());
        }
        Ok(restrict(&transform, &modes, grid))
    }
}

/// The Voronoi cells of some seeds on a grid, with faces that are linear ramps two cells wide, the
/// least that keeps slanted faces from becoming stairs.
struct Mosaic {
    grid: Grid,
    count: usize,
    ramp: f64,
    /// Signed displacement from seed to cell centre, `[axis][cell][grain]`.
    displacements: Vec<Vec<f64>>,
}

impl Mosaic {
    /// Seeds are given by coordinates in [0, 1) per axis.
    fn new(grid: &Grid, seeds: &[&[f64]]) -> Self {
        let displacements = grid.axes().iter().enumerate().map(|(axis, a)| {
            let cells = (0..a.points).map(|j| a.centre(j));
            cells
                .flat_map(|x| seeds.iter().map(move |s| displacement(a, x - s[axis] * a.length)))
                .collect()
        });
        let volume: f64 = grid.axes().iter().map(|a| a.length / a.points as f64).product();
        Self {
            grid: *grid,
            count: seeds.len(),
            ramp: 2.0 * volume.powf(1.0 / grid.dim() as f64),
            displacements: displacements.collect(),
        }
    }

    /// The shade at a cell: that of its grain, mixed with its neighbour's within half a ramp of
    /// the nearest face.
    fn shade(&self, cell: usize, shades: &[f64]) -> f64 {
        let position = self.grid.position(cell);
        let rows = || {
            self.displacements.iter().zip(position).map(|(t, j)| &t[j * self.count..][..self.count])
        };
        let square = |g: usize| rows().map(|row| row[g] * row[g]).sum::<f64>();
        let (mut own, mut nearest) = (0, f64::INFINITY);
        for g in 0..self.count {
            let d = square(g);
            if d < nearest {
                (own, nearest) = (g, d);
            }
        }
        // the face towards g is at least (|r_g| − |r_own|) / 2 away
        let reach = (nearest.sqrt() + self.ramp).powi(2);
        let (mut other, mut face) = (own, 0.5 * self.ramp);
        for g in 0..self.count {
            let d = square(g);
            if d < reach && g != own {
                let apart = rows().map(|row| (row[g] - row[own]).powi(2)).sum::<f64>().sqrt();
                let away = (d - nearest) / (2.0 * apart);
                if away < face {
                    (other, face) = (g, away);
                }
            }
        }
        0.5 * (shades[own] + shades[other]) + (shades[own] - shades[other]) * face / self.ramp
    }
}

impl Shades {
    /// The shade a uniform number in [0, 1) stands for.
    fn of(self, uniform: f64) -> f64 {
        match self {
            Shades::TwoPhase { fraction } if uniform < fraction => 1.0,
            Shades::TwoPhase { .. } => -1.0,
            Shades::Grey => 2.0 * uniform - 1.0,
        }
    }
}

/// The difference of two coordinates, the shorter way round where the axis is periodic.
fn displacement(axis: &Axis, difference: f64) -> f64 {
    match axis.boundary {
        Boundary::Periodic => difference - axis.length * (difference / axis.length).round(),
        Boundary::Neumann | Boundary::Dirichlet => difference,
    }
}

impl TryFrom<Parameters> for Grains {
    type Error = SimulateError;
    fn try_from(parameters: Parameters) -> Result<Self, SimulateError> {
        let Parameters { count, width, shades } = parameters;
        let countable = (1..=MOST_GRAINS).contains(&count);
        require(countable, "grains", "count", count as f64, "from 1 to 65536")?;
        require(width.is_finite() && width > 0.0, "grains", "width", width, "positive and finite")?;
        if let Shades::TwoPhase { fraction } = shades {
            let inside = fraction > 0.0 && fraction < 1.0;
            require(inside, "grains", "fraction", fraction, "between 0 and 1, both excluded")?;
        }
        Ok(Self { parameters })
    }
}

impl From<Grains> for Parameters {
    fn from(structure: Grains) -> Self {
        structure.parameters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two grains meet in one plane, the bisector of their seeds, across which
    /// u = erf(x / √2w) away from the walls.
    #[test]
    fn a_face_has_the_profile_of_its_filter() {
        let grid = Grid::unit(&[160, 120], Boundary::Neumann).unwrap();
        let (width, margin) = (0.0125, 0.1);
        let structure = Grains::new(2, width, Shades::TwoPhase { fraction: 0.5 }).unwrap();
        let mut compared = 0;
        for index in 0..40 {
            let g = ModeNoise::new(5).uniforms(2 * UNIFORMS, index, stream::SIMULATION);
            let (own, other) = (Shades::TwoPhase { fraction: 0.5 }.of(g[3]), g[7]);
            if own == (Shades::TwoPhase { fraction: 0.5 }).of(other) {
                continue;
            }
            let seeds = [[g[0], g[1] * 0.75], [g[4], g[5] * 0.75]];
            let normal = [seeds[0][0] - seeds[1][0], seeds[0][1] - seeds[1][1]];
            let length = normal[0].hypot(normal[1]);
            let values = structure.generate(&grid, 5, index).unwrap();
            for (flat, value) in values.iter().enumerate() {
                let at = grid.position(flat);
                let x = [grid.axes()[0].centre(at[0]), grid.axes()[1].centre(at[1])];
                let inside = x[0].min(1.0 - x[0]).min(x[1]).min(0.75 - x[1]) > margin;
                if inside {
                    let away = (0..2)
                        .map(|a| (x[a] - 0.5 * (seeds[0][a] + seeds[1][a])) * normal[a] / length)
                        .sum::<f64>();
                    let expected = own * libm::erf(away / (2f64.sqrt() * width));
                    // 0.007 at two cells a width, from slanted faces meeting the lattice of cells
                    assert!((value - expected).abs() < 0.01, "{index} {x:?}: {value}, {expected}");
                    compared += usize::from(expected.abs() < 0.9);
                }
            }
        }
        assert!(compared > 1000, "{compared} cells in faces");
    }
}
