//! The vorticity form of the Navier–Stokes equations on a periodic square, pseudo-spectrally.
//!
//! > ∂w/∂t + v·∇w = ν Δw + f,  v = (∂ψ/∂y, −∂ψ/∂x),  −Δψ = w.
//!
//! In the modes of a grid: derivatives exchange cosine and sine of a wave vector, products are taken at the cells
//! and cut to two thirds of the waves, so that none folds back. Viscosity is an exact factor of every
//! mode; what is left goes by the classical Runge–Kutta method of order 4.
//!
//! **Source** S. A. Orszag, J. Atmos. Sci. 28, 1074 (1971) for the two thirds; Z. Li et al., ICLR 2021, for the forcing.

use std::f64::consts::PI;

use karhunen_field::{Axis, Boundary, Grid, Transform};

use crate::SimulateError;

/// Amplitude of the forcing.
const FORCING: f64 = 0.1;

/// A solver for one grid, viscosity and the forcing 0.1 (sin 2π(x + y) + cos 2π(x + y)).
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Grid};
/// use karhunen_simulate::Vorticity;
/// let grid = Grid::unit(&[16, 16], Boundary::Periodic)?;
/// let mut w = vec![0.0; grid.mode_count()];
/// Vorticity::new(&grid, 1e-3)?.advance(&mut w, 0.5, 10);
/// // what began at rest is moved by the forcing alone: f t to first order
/// let energy = w.iter().map(|w| w * w).sum::<f64>().sqrt();
/// assert!((energy - 0.05).abs() < 2e-3);
/// # Ok::<(), karhunen_simulate::SimulateError>(())
/// ```
#[derive(Debug)]
pub struct Vorticity {
    transform: Transform,
    viscosity: f64,
    /// Signed frequencies along both axes.
    omega: Vec<[f64; 2]>,
    /// Slot of the other function of a wave vector.
    partner: Vec<usize>,
    laplacian: Vec<f64>,
    /// Whether products keep a mode.
    kept: Vec<bool>,
    forcing: Vec<f64>,
}

impl Vorticity {
    /// A solver on a periodic square.
    ///
    /// # Errors
    /// [`SimulateError::Box`] unless the grid has two axes, periodic and of length 1.
    pub fn new(grid: &Grid, viscosity: f64) -> Result<Self, SimulateError> {
        periodic_square(grid)?;
        let transform = Transform::new(*grid);
        let shape = grid.mode_shape();
        let other = |p: usize| match p {
            0 => 0,
            p if p % 2 == 1 => p + 1,
            p => p - 1,
        };
        let (mut omega, mut partner) = (Vec::new(), Vec::new());
        let (mut laplacian, mut kept) = (Vec::new(), Vec::new());
        for mode in grid.modes() {
            omega.push([mode.omega[0], mode.omega[1]]);
            partner.push(other(mode.position[0]) * shape[1] + other(mode.position[1]));
            laplacian.push(mode.laplacian());
            let short = |(a, k): (&Axis, &i32)| 3 * k.unsigned_abs() as usize <= a.points;
            kept.push(grid.axes().iter().zip(&mode.wave).all(short));
        }
        let mut cells = vec![0.0; grid.len()];
        for (c, f) in cells.iter_mut().enumerate() {
            let position = grid.position(c);
            let x: f64 = grid.axes().iter().zip(position).map(|(a, j)| a.centre(j)).sum();
            let (sin, cos) = libm::sincos(2.0 * PI * x);
            *f = FORCING * (sin + cos);
        }
        let forcing = transform.analyse_channels(&cells);
        Ok(Self { transform, viscosity, omega, partner, laplacian, kept, forcing })
    }

    /// Moves the coefficients of w on by `time` in `steps` equal steps of order 4.
    ///
    /// **Cost** four times five transforms a step.
    ///
    /// # Panics
    /// Unless there is one coefficient for every mode, and at least one step.
    pub fn advance(&self, w: &mut [f64], time: f64, steps: usize) {
        assert!(steps > 0, "at least one step");
        let h = time / steps as f64;
        let half: Vec<f64> =
            self.laplacian.iter().map(|k2| libm::exp(-0.5 * h * self.viscosity * k2)).collect();
        let moved = |w: &[f64], by: f64, k: &[f64]| -> Vec<f64> {
            w.iter().zip(k).map(|(w, k)| w + by * k).collect()
        };
        let decayed = |w: &[f64]| -> Vec<f64> { w.iter().zip(&half).map(|(w, e)| w * e).collect() };
        for _ in 0..steps {
            let first = self.slope(w);
            let begun = decayed(w);
            let second = self.slope(&decayed(&moved(w, 0.5 * h, &first)));
            let third = self.slope(&moved(&begun, 0.5 * h, &second));
            let fourth = self.slope(&moved(&decayed(&begun), h, &decayed(&third)));
            for (k, w) in w.iter_mut().enumerate() {
                let (e, whole) = (half[k], half[k] * half[k]);
                *w = whole * *w
                    + h / 6.0 * (whole * first[k] + 2.0 * e * (second[k] + third[k]) + fourth[k]);
            }
        }
    }

    /// f − v·∇w.
    fn slope(&self, w: &[f64]) -> Vec<f64> {
        let along = |axis: usize, of: &dyn Fn(usize) -> f64| -> Vec<f64> {
            let modes: Vec<f64> =
                self.partner.iter().zip(&self.omega).map(|(p, o)| o[axis] * of(*p)).collect();
            self.transform.synthesise_channels(&modes)
        };
        let stream =
            |k: usize| if self.laplacian[k] > 0.0 { w[k] / self.laplacian[k] } else { 0.0 };
        let (across, down) = (along(1, &stream), along(0, &stream));
        let mut cells = along(0, &|k| w[k]);
        for ((wx, wy), (vx, vy)) in
            cells.iter_mut().zip(along(1, &|k| w[k])).zip(across.iter().zip(&down))
        {
            *wx = vy * wy - vx * *wx;
        }
        let mut slope = self.transform.analyse_channels(&cells);
        for ((s, kept), f) in slope.iter_mut().zip(&self.kept).zip(&self.forcing) {
            *s = if *kept { *s + f } else { *f };
        }
        slope
    }
}

/// Refuses every box except the periodic square of length 1.
pub(crate) fn periodic_square(grid: &Grid) -> Result<(), SimulateError> {
    let needs = if grid.axes().iter().any(|a| a.boundary != Boundary::Periodic) {
        "lives on a periodic square: choose boundary periodic"
    } else if grid.dim() != 2 || grid.axes().iter().any(|a| (a.length - 1.0).abs() >= 1e-9) {
        "lives on a periodic square: choose two axes of as many cells"
    } else {
        return Ok(());
    };
    Err(SimulateError::Box { structure: NAME, grid: *grid, needs })
}

pub(crate) const NAME: &str = "navier-stokes";
