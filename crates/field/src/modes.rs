//! Modes: the eigenfunctions of the Laplacian on a box that a grid can represent.
//!
//! Real orthonormal basis in the inner product ⟨f, g⟩ = (1/|Ω|) ∫ f g dx:
//!
//! | boundary | eigenfunction | ω | held by N cells |
//! |---|---|---|---|
//! | periodic | √2 cos(ω·x) for k > 0, √2 sin(ω·x) for k < 0, 1 for k = 0 | 2π\|k\|/L | \|k\| ≤ ⌈N/2⌉ − 1 |
//! | Neumann | √(2−δ_{k0}) cos(πkx/L) | πk/L | 0 … N−1 |
//! | Dirichlet | √2 sin(πkx/L) | πk/L | 1 … N−1 |
//!
//! √2 sin(πNx/L) alternates between ±√2 at the N cell centres. Its squared norm there is 2 instead
//! of 1, as for the Nyquist mode of an even periodic grid. Both are left out.
//!
//! Over several periodic axes, a wave vector k whose first non-zero periodic component is positive
//! stands for the cosine, and −k for the sine. A covariance that is diagonal in the complex
//! exponentials (λ_k = λ_{−k}) is therefore diagonal here too.
//!
//! Along each axis modes are stored by rising frequency: 0, 1, 2, … for Neumann, 1, 2, 3, … for
//! Dirichlet and 0, 1, −1, 2, −2, … for periodic axes. The modes of a coarser grid are therefore a
//! *prefix* along every axis. A mode's position in that order does not depend on N. Restriction is
//! a copy, and the position is the address of the mode's random number.

use crate::grid::{Axis, Boundary, Grid, MAX_DIM};

impl Axis {
    /// Number of modes this axis holds.
    pub fn modes(&self) -> usize {
        match self.boundary {
            Boundary::Periodic => 2 * self.points.div_ceil(2) - 1,
            Boundary::Neumann => self.points,
            Boundary::Dirichlet => self.points - 1,
        }
    }

    /// Signed wave number at a position in the order of rising frequency.
    pub fn wave_number(&self, position: usize) -> i32 {
        match self.boundary {
            Boundary::Periodic if position % 2 == 1 => position.div_ceil(2) as i32,
            Boundary::Periodic => -(position as i32 / 2),
            Boundary::Neumann => position as i32,
            Boundary::Dirichlet => position as i32 + 1,
        }
    }

    /// Signed angular frequency of a wave number, 2πk/L or πk/L.
    pub fn frequency(&self, wave: i32) -> f64 {
        let per_wave = match self.boundary {
            Boundary::Periodic => 2.0 * std::f64::consts::PI,
            Boundary::Neumann | Boundary::Dirichlet => std::f64::consts::PI,
        };
        per_wave * f64::from(wave) / self.length
    }

    /// Largest angular frequency such that every mode below it is held: π N / L, the Nyquist
    /// frequency.
    pub fn nyquist(&self) -> f64 {
        std::f64::consts::PI * self.points as f64 / self.length
    }
}

/// One eigenfunction e_k of −Δ on a box, with the grid for which it is listed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mode {
    /// Position along each axis in the order of rising frequency; the same on every grid.
    pub position: [usize; MAX_DIM],
    /// Signed wave number k per axis; 0 on unused axes.
    pub wave: [i32; MAX_DIM],
    /// Signed angular frequency ω_k per axis.
    pub omega: [f64; MAX_DIM],
    /// Whether an axis is periodic, so that k and −k are two modes; false on unused axes.
    pub periodic: [bool; MAX_DIM],
    /// Dimension of the box.
    pub dim: usize,
    /// Volume |Ω| of the box, which turns a spectral density into an eigenvalue.
    pub volume: f64,
    /// Cells of the grid. Only white noise per cell may depend on it.
    pub cells: usize,
}

impl Mode {
    /// |ω_k|², the eigenvalue of −Δ.
    pub fn laplacian(&self) -> f64 {
        self.omega.iter().map(|w| w * w).sum()
    }

    /// |ω_k|.
    pub fn frequency(&self) -> f64 {
        self.laplacian().sqrt()
    }

    /// The wave vector that names the ± pair of this mode. Its periodic components change sign
    /// together if the first non-zero one is negative. A spectrum that depends on it alone has
    /// λ_k = λ_{−k}, as the covariance of a real stationary field must.
    pub fn pair_wave(&self) -> [i32; MAX_DIM] {
        let mut wave = self.wave;
        let first = (0..MAX_DIM).find(|&axis| self.periodic[axis] && wave[axis] != 0);
        if first.is_some_and(|axis| wave[axis] < 0) {
            for (k, periodic) in wave.iter_mut().zip(self.periodic) {
                if periodic {
                    *k = -*k;
                }
            }
        }
        wave
    }

    /// Whether this is the constant function, which boxes with a Dirichlet axis do not have.
    pub fn is_constant(&self) -> bool {
        self.wave == [0; MAX_DIM]
    }
}

impl Grid {
    /// Modes per axis, slowest first.
    pub fn mode_shape(&self) -> Vec<usize> {
        self.axes().iter().map(Axis::modes).collect()
    }

    /// Number of modes this grid holds.
    pub fn mode_count(&self) -> usize {
        self.axes().iter().map(Axis::modes).product()
    }

    /// The modes this grid holds, in storage order (last axis fastest).
    pub fn modes(&self) -> impl Iterator<Item = Mode> + '_ {
        let shape = self.mode_shape();
        let cells = self.len();
        let volume = self.volume();
        let mut periodic = [false; MAX_DIM];
        for (flag, a) in periodic.iter_mut().zip(self.axes()) {
            *flag = a.boundary == Boundary::Periodic;
        }
        (0..self.mode_count()).map(move |flat| {
            let mut rest = flat;
            let mut mode = Mode {
                position: [0; MAX_DIM],
                wave: [0; MAX_DIM],
                omega: [0.0; MAX_DIM],
                periodic,
                dim: self.dim(),
                volume,
                cells,
            };
            for (axis, a) in self.axes().iter().enumerate().rev() {
                mode.position[axis] = rest % shape[axis];
                rest /= shape[axis];
                mode.wave[axis] = a.wave_number(mode.position[axis]);
                mode.omega[axis] = a.frequency(mode.wave[axis]);
            }
            mode
        })
    }

    /// Largest |ω| below which the grid holds every mode: the smallest Nyquist of its axes.
    pub fn band(&self) -> f64 {
        self.axes().iter().map(Axis::nyquist).fold(f64::INFINITY, f64::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periodic_axes_leave_the_nyquist_of_even_grids_out() {
        for (n, held) in [(1, 1), (2, 1), (3, 3), (4, 3), (5, 5), (28, 27)] {
            let axis = Axis { points: n, length: 1.0, boundary: Boundary::Periodic };
            assert_eq!(axis.modes(), held);
            let reach = (0..held).map(|p| axis.wave_number(p).abs()).max().unwrap();
            assert_eq!(reach as usize, n.div_ceil(2) - 1);
        }
    }

    #[test]
    fn coarse_modes_are_a_prefix() {
        for boundary in [Boundary::Periodic, Boundary::Neumann, Boundary::Dirichlet] {
            let fine = Axis { points: 9, length: 2.0, boundary };
            let coarse = Axis { points: 4, ..fine };
            for p in 0..coarse.modes() {
                assert_eq!(fine.wave_number(p), coarse.wave_number(p));
            }
        }
    }
}
