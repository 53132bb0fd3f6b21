//! The operator of several functionals, each a dense row of numbers.

use super::Operator;
use super::functional::Functional;
use crate::Grid;

/// Rows are kept in memory up to this many numbers (128 MiB). Larger ones are recomputed for each
/// product.
const KEPT: usize = 1 << 24;

/// Functionals of the fields of one grid.
#[derive(Debug)]
pub(super) struct Rows {
    grid: Grid,
    channels: usize,
    functionals: Vec<Functional>,
    /// `[functional, mode]`, if they are few enough to be kept.
    kept: Option<Vec<f64>>,
}

impl Rows {
    pub(super) fn new(grid: Grid, channels: usize, functionals: Vec<Functional>) -> Self {
        let few = functionals.len() * grid.mode_count() <= KEPT;
        let kept = few.then(|| functionals.iter().flat_map(|f| f.row(&grid)).collect());
        Self { grid, channels, functionals, kept }
    }

    fn with_row<T>(&self, i: usize, work: impl FnOnce(&[f64]) -> T) -> T {
        let modes = self.grid.mode_count();
        match &self.kept {
            Some(kept) => work(&kept[i * modes..(i + 1) * modes]),
            None => work(&self.functionals[i].row(&self.grid)),
        }
    }
}

impl Operator for Rows {
    fn rows(&self) -> usize {
        self.functionals.len()
    }

    fn apply(&self, modes: &[f64]) -> Vec<f64> {
        let count = self.grid.mode_count();
        let value = |(i, f): (usize, &Functional)| {
            let own = &modes[f.channel * count..(f.channel + 1) * count];
            self.with_row(i, |row| dot(row, own))
        };
        self.functionals.iter().enumerate().map(value).collect()
    }

    fn adjoint(&self, weights: &[f64]) -> Vec<f64> {
        let count = self.grid.mode_count();
        let mut modes = vec![0.0; self.channels * count];
        for (i, (f, weight)) in self.functionals.iter().zip(weights).enumerate() {
            if *weight == 0.0 {
                continue;
            }
            let own = &mut modes[f.channel * count..(f.channel + 1) * count];
            self.with_row(i, |row| own.iter_mut().zip(row).for_each(|(m, r)| *m += weight * r));
        }
        modes
    }

    fn is_dense(&self) -> bool {
        true
    }
}

/// Σ a_k b_k, summed in an order that depends only on the length.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (left, right) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = left.remainder().iter().zip(right.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in left.zip(right) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(s, (a, b))| *s += a * b);
    }
    sums.iter().sum::<f64>() + rest
}
