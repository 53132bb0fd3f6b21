//! GELU on twice the points an axis, by its definition: f64, sums over modes.

use karhunen_field::{Boundary, Grid};

use crate::reference::gelu;

/// One axis: the modes that its cells hold, at the centres and then at the faces, and quadrature
/// weights on these points.
struct Finer {
    modes: Vec<Vec<f64>>,
    weights: Vec<f64>,
}

impl Finer {
    fn of(n: usize, boundary: Boundary) -> Self {
        use std::f64::consts::{PI, SQRT_2};
        let points: Vec<f64> =
            (0..n).map(|i| i as f64 + 0.5).chain((0..=n).map(|j| j as f64)).collect();
        let ends = |p: usize| if p == n || p == 2 * n { 0.25 } else { 0.5 };
        let weights = (0..=2 * n).map(|p| ends(p) / n as f64).collect();
        let mut modes = vec![vec![1.0; 2 * n + 1]];
        let wave = |k: usize, half: f64, shift: f64| {
            let turn = 2.0 * PI * half * k as f64 / n as f64;
            points.iter().map(|x| SQRT_2 * (turn * x - shift).cos()).collect::<Vec<f64>>()
        };
        if boundary == Boundary::Periodic {
            for k in 1..n.div_ceil(2) {
                modes.extend([wave(k, 1.0, 0.0), wave(k, 1.0, PI / 2.0)]);
            }
            if n.is_multiple_of(2) {
                // at the edge of the band: ±1 at the centres, 0 at the faces
                modes.push(points.iter().map(|x| (PI * x).sin()).collect());
            }
        } else {
            modes.extend((1..n).map(|k| wave(k, 0.5, 0.0)));
        }
        Self { modes, weights }
    }

    fn centres(&self) -> usize {
        self.weights.len() / 2
    }

    /// Σ_mode f(out) Σ_in weight f(in) value, along one axis of `[before; in; behind]`.
    fn project(
        &self,
        h: &[f64],
        behind: usize,
        weights: &[f64],
        to: std::ops::Range<usize>,
    ) -> Vec<f64> {
        let mut out = vec![];
        for h in h.chunks_exact(weights.len() * behind) {
            for p in to.clone() {
                let row = |i: usize| -> f64 {
                    self.modes.iter().map(|f| f[p] * f[i]).sum::<f64>() * weights[i]
                };
                let row: Vec<f64> = (0..weights.len()).map(row).collect();
                out.extend((0..behind).map(|c| {
                    row.iter().enumerate().map(|(i, r)| r * h[i * behind + c]).sum::<f64>()
                }));
            }
        }
        out
    }
}

/// The modes of `grid` of gelu(h), `[point, channel]`.
pub fn oversampled_gelu(grid: &Grid, h: &[f64]) -> Vec<f64> {
    let channels = h.len() / grid.len();
    let axes: Vec<Finer> = grid.axes().iter().map(|a| Finer::of(a.points, a.boundary)).collect();
    let behind = |axis: usize| {
        channels * axes[axis + 1..].iter().map(|a| a.weights.len()).product::<usize>()
    };
    let mut h = h.to_vec();
    for (axis, finer) in axes.iter().enumerate().rev() {
        let n = finer.centres();
        h = finer.project(&h, behind(axis), &vec![1.0 / n as f64; n], 0..2 * n + 1);
    }
    h.iter_mut().for_each(|v| *v = gelu(*v));
    for (axis, finer) in axes.iter().enumerate() {
        h = finer.project(&h, behind(axis), &finer.weights, 0..finer.centres());
    }
    h
}
