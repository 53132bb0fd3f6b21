//! Steady diffusion with walls held at zero, by finite volumes.
//!
//! > −∇·(a ∇u) − k² u = f in the box, u = 0 at its walls.
//!
//! Cells are the unknowns. A face between two cells carries the flux of the harmonic mean of their coefficients, a
//! wall that of its cell over half a cell: in two dimensions with a = 1 the 5-point stencil. Conjugate gradients
//! are preconditioned by the same operator with a constant coefficient, which sine transforms invert. So the grid does
//! not matter to their number: of a contrast c, every iteration leaves at most (√c − 1)/(√c + 1) of the error.

use karhunen_field::{Axis, Boundary, Grid, Transform};

use crate::SimulateError;

/// Residual, relative to the right-hand side, at which iterations stop.
const TOLERANCE: f64 = 1e-11;
/// Iterations at most: a contrast of some thousands.
const ITERATIONS: usize = 2000;

/// The operator −∇·(a ∇·) − k² on the cells of one grid, ready to be solved.
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Grid};
/// use karhunen_simulate::Elliptic;
/// // −2 u″ = 1 with walls at 0: u = x (1 − x) / 4
/// let grid = Grid::unit(&[64], Boundary::Neumann)?;
/// let u = Elliptic::new("rod", &grid, vec![2.0; 64], 0.0)?.solve(&[1.0; 64])?;
/// assert!((u[31] - 0.0625).abs() < 1e-4);
/// # Ok::<(), karhunen_simulate::SimulateError>(())
/// ```
#[derive(Debug)]
pub struct Elliptic {
    name: &'static str,
    /// Cells and, of each axis, distance in memory of neighbours.
    axes: Vec<(usize, usize)>,
    /// Of each axis and cell the flux to the next cell per difference, over the cell's width; of the last
    /// cell of a row that to the wall.
    faces: Vec<Vec<f64>>,
    /// That of the first cell of every row to its wall.
    walls: Vec<Vec<f64>>,
    shift: f64,
    sines: Transform,
    /// 1/(ā λ_k − k²) of every sine, and the same of the alternating functions that no sine holds.
    inverse: Vec<f64>,
    rest: f64,
}

impl Elliptic {
    /// The operator with the coefficients `a` of a grid's cells and the wave number k; `name` is told in errors.
    ///
    /// # Errors
    /// [`SimulateError::Box`] unless every axis has walls; [`SimulateError::Parameter`] unless all coefficients are positive
    /// and finite and k is below the lowest resonance of the box.
    ///
    /// # Panics
    /// Unless there is one coefficient a cell.
    pub fn new(
        name: &'static str,
        grid: &Grid,
        a: Vec<f64>,
        wave_number: f64,
    ) -> Result<Self, SimulateError> {
        assert_eq!(a.len(), grid.len(), "one coefficient a cell");
        if grid.axes().iter().any(|axis| axis.boundary != Boundary::Neumann) {
            let needs = "has walls at which its solution is 0: choose neumann, whose fields may be anything there";
            return Err(SimulateError::Box { structure: name, grid: *grid, needs });
        }
        if let Some(bad) = a.iter().find(|a| !(a.is_finite() && **a > 0.0)) {
            return Err(SimulateError::Parameter {
                structure: name,
                parameter: "coefficient",
                value: *bad,
                requirement: "positive and finite",
            });
        }
        let spacing: Vec<f64> =
            grid.axes().iter().map(|axis| axis.length / axis.points as f64).collect();
        let mut axes = Vec::new();
        let mut stride = 1;
        for axis in grid.axes().iter().rev() {
            axes.push((axis.points, stride));
            stride *= axis.points;
        }
        axes.reverse();
        let (mut faces, mut walls) = (Vec::new(), Vec::new());
        for (h, (points, stride)) in spacing.iter().zip(&axes) {
            let inverse = 1.0 / (h * h);
            let face = |c: usize| {
                if c / stride % points + 1 == *points {
                    2.0 * a[c] * inverse
                } else {
                    2.0 * inverse / (1.0 / a[c] + 1.0 / a[c + stride])
                }
            };
            faces.push((0..a.len()).map(face).collect());
            walls.push(a.iter().map(|a| 2.0 * a * inverse).collect());
        }
        let walled: Vec<Axis> = grid
            .axes()
            .iter()
            .map(|axis| Axis { boundary: Boundary::Dirichlet, ..*axis })
            .collect();
        let sines = Transform::new(Grid::new(&walled)?);
        // of the largest and the smallest, so that both are equally far from it
        let (low, high) =
            a.iter().fold((f64::INFINITY, 0.0f64), |(low, high), a| (low.min(*a), high.max(*a)));
        let mean = (low * high).sqrt();
        let shift = wave_number * wave_number;
        let laplacian: Vec<f64> = sines
            .grid()
            .modes()
            .map(|mode| {
                let along = |(h, w): (&f64, &f64)| (2.0 - 2.0 * libm::cos(w * h)) / (h * h);
                spacing.iter().zip(&mode.omega).map(along).sum()
            })
            .collect();
        let lowest = laplacian.iter().copied().fold(f64::INFINITY, f64::min);
        if !(wave_number >= 0.0 && shift < low * lowest) {
            return Err(SimulateError::Parameter {
                structure: name,
                parameter: "wave_number",
                value: wave_number,
                requirement: "from 0 to below the lowest resonance of the box",
            });
        }
        let inverse = laplacian.iter().map(|l| 1.0 / (mean * l - shift)).collect();
        let rest = 1.0 / (mean * spacing.iter().map(|h| 4.0 / (h * h)).sum::<f64>() - shift);
        Ok(Self { name, axes, faces, walls, shift, sines, inverse, rest })
    }

    /// −∇·(a ∇u) − k² u at every cell.
    pub fn apply(&self, u: &[f64]) -> Vec<f64> {
        let mut out: Vec<f64> = u.iter().map(|u| -self.shift * u).collect();
        for ((points, stride), (faces, walls)) in
            self.axes.iter().zip(self.faces.iter().zip(&self.walls))
        {
            for c in 0..u.len() {
                let at = c / stride % points;
                if at == 0 {
                    out[c] += walls[c] * u[c];
                }
                if at + 1 == *points {
                    out[c] += faces[c] * u[c];
                } else {
                    let flux = faces[c] * (u[c] - u[c + stride]);
                    out[c] += flux;
                    out[c + stride] -= flux;
                }
            }
        }
        out
    }

    /// u for the right-hand side f at every cell. The operator is symmetric: this is its own adjoint.
    ///
    /// # Errors
    /// [`SimulateError::NotSolved`] where conjugate gradients do not arrive.
    pub fn solve(&self, f: &[f64]) -> Result<Vec<f64>, SimulateError> {
        let whole = dot(f, f).sqrt();
        let mut u = vec![0.0; f.len()];
        if whole == 0.0 {
            return Ok(u);
        }
        let mut r = f.to_vec();
        let mut z = self.precondition(&r);
        let mut p = z.clone();
        let mut along = dot(&r, &z);
        let mut left = 1.0;
        for _ in 0..ITERATIONS {
            let q = self.apply(&p);
            let step = along / dot(&p, &q);
            u.iter_mut().zip(&p).for_each(|(u, p)| *u += step * p);
            r.iter_mut().zip(&q).for_each(|(r, q)| *r -= step * q);
            left = dot(&r, &r).sqrt() / whole;
            if left <= TOLERANCE {
                return Ok(u);
            }
            z = self.precondition(&r);
            let next = dot(&r, &z);
            let beta = next / along;
            along = next;
            p.iter_mut().zip(&z).for_each(|(p, z)| *p = z + beta * *p);
        }
        let (structure, residual, iterations) = (self.name, left, ITERATIONS);
        Err(SimulateError::NotSolved { structure, residual, iterations })
    }

    /// The operator of the constant coefficient, inverted.
    fn precondition(&self, r: &[f64]) -> Vec<f64> {
        let mut modes = self.sines.analyse_channels(r);
        let held = self.sines.synthesise_channels(&modes);
        modes.iter_mut().zip(&self.inverse).for_each(|(m, i)| *m *= i);
        let mut out = self.sines.synthesise_channels(&modes);
        for ((out, r), held) in out.iter_mut().zip(r).zip(held) {
            *out += self.rest * (r - held);
        }
        out
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
