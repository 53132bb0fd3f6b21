//! Ensembles with known metrics, for the tests.

use crate::grid::Axis;
use crate::noise::stream;
use crate::prior::{self, Prior};
use crate::{Boundary, Ensemble, Grid, Mode, ModeNoise};

/// λ = (1 + (|ω|/π)²)^{−decay}, and 0 beyond a frequency.
#[derive(Debug, Clone, Copy)]
pub struct PowerLaw {
    pub decay: f64,
    pub end: f64,
}

impl Prior for PowerLaw {
    fn eigenvalue(&self, mode: &Mode) -> f64 {
        let ratio = mode.laplacian() / std::f64::consts::PI.powi(2);
        if mode.frequency() < self.end { (1.0 + ratio).powf(-self.decay) } else { 0.0 }
    }
}

/// Fields `indices` of N(0, λ) with λ ∝ |ω|⁻⁴.
pub fn rough(points: &[usize], boundary: Boundary, indices: std::ops::Range<u64>) -> Ensemble {
    let grid = Grid::unit(points, boundary).unwrap();
    let law = PowerLaw { decay: 2.0, end: f64::INFINITY };
    prior::sample(&law, grid, 1, 11, indices, stream::START)
}

/// Constant fields with the given values: functions with one degree of freedom.
pub fn constants(grid: Grid, values: &[f64]) -> Ensemble {
    let all = values.iter().flat_map(|&v| std::iter::repeat_n(v, grid.len())).collect();
    Ensemble::new(grid, 1, all).unwrap()
}

/// `count` standard normals.
pub fn normals(count: usize, index: u64) -> Vec<f64> {
    ModeNoise::new(5).plain_normals(count, index, stream::START)
}

/// The same fields in reverse order.
pub fn reversed(fields: &Ensemble) -> Ensemble {
    fields.select(&(0..fields.count()).rev().collect::<Vec<_>>())
}

/// Every value plus `shift`, times `factor`.
pub fn affine(fields: &Ensemble, factor: f64, shift: f64) -> Ensemble {
    let mut out = fields.clone();
    out.values.iter_mut().for_each(|v| *v = factor * *v + shift);
    out
}

/// Boxes of every dimension with odd, even, prime and single-cell axes, as windows and rings, with
/// cubic and other cells.
pub fn boxes() -> Vec<Vec<Axis>> {
    let axis = |points, length, boundary| Axis { points, length, boundary };
    use Boundary::{Neumann, Periodic};
    vec![
        vec![axis(1, 1.0, Neumann)],
        vec![axis(1, 2.0, Periodic)],
        vec![axis(9, 1.0, Neumann)],
        vec![axis(8, 3.0, Periodic)],
        vec![axis(7, 1.0, Neumann), axis(6, 1.5, Periodic)],
        vec![axis(1, 1.0, Neumann), axis(5, 0.7, Neumann)],
        vec![axis(2, 1.0, Periodic), axis(3, 1.0, Periodic)],
        vec![axis(4, 1.0, Neumann), axis(5, 1.3, Periodic), axis(3, 0.9, Neumann)],
        vec![axis(2, 1.0, Neumann), axis(1, 1.3, Periodic), axis(7, 0.9, Periodic)],
    ]
}

/// Independent cells, each in the phase with probability `fraction`.
pub fn bernoulli(grid: Grid, fraction: f64, count: usize) -> Ensemble {
    let uniforms = ModeNoise::new(4).uniforms(count * grid.len(), 0, stream::START);
    let values = uniforms.iter().map(|u| f64::from(u8::from(*u < fraction))).collect();
    Ensemble::new(grid, 1, values).unwrap()
}

/// One field: the indicator of a set of cells given by their positions.
pub fn pattern(grid: Grid, inside: impl Fn([usize; 3]) -> bool) -> Ensemble {
    let values = (0..grid.len()).map(|i| f64::from(u8::from(inside(grid.position(i)))));
    Ensemble::new(grid, 1, values.collect()).unwrap()
}

/// The other phase.
pub fn complement(phase: &Ensemble) -> Ensemble {
    affine(phase, -1.0, 1.0)
}
