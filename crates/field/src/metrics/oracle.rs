//! Ensembles whose metrics are known, for the tests.

use crate::noise::stream;
use crate::prior::{self, Prior};
use crate::{Boundary, Ensemble, Grid, Mode, ModeNoise};

/// λ = (1 + (|ω|/π)²)^{−decay}, 0 beyond a frequency.
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

/// Constant fields with the values given: functions of one degree of freedom.
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
