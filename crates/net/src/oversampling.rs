//! The nonlinearity between two layers, on a grid of twice the points an axis, by tensor
//! operations.
//!
//! GELU of a function has frequencies that the function's grid does not hold. Sampled on that grid
//! they alias to lower frequencies, differently on every grid. Here the function is also evaluated
//! half way between the cell centres, and only those modes of the result are kept that the grid
//! holds. [`karhunen_kernels::oversampled_gelu`] does the same in one operator; this module is its
//! fallback and its test oracle. The error of the coefficients that the spectral layers see is then
//! a product of two small parts: the removed part, and GELU's own high frequencies. Plain sampling
//! leaves an error of one small part.
//!
//! Modes are waves along periodic axes, and cosines along all others. This includes Dirichlet axes,
//! because hidden features vanish at no wall. The network's last map is not treated here: it is
//! evaluated at points.

use std::f64::consts::PI;
use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use karhunen_field::{Boundary, Grid};
use karhunen_kernels::OversamplingPlan;

use crate::NetError;
use crate::fno::gelu;

/// Interpolation and projection for one grid and one device.
#[derive(Debug, Clone)]
pub(crate) struct OversamplingBasis {
    pub plan: Arc<OversamplingPlan>,
    points: Vec<usize>,
    /// For each axis, `[2n + 1, n]`: from the values at centres to those of the function at centres
    /// and faces.
    up: Vec<Tensor<3>>,
    /// For each axis, `[n, 2n + 1]`: to the values at centres of the projection on the grid's
    /// modes.
    down: Vec<Tensor<3>>,
}

impl OversamplingBasis {
    /// # Errors
    /// [`NetError::Kernel`] if an axis has more than 4096 points.
    pub fn new(grid: &Grid, device: &Device) -> Result<Self, NetError> {
        let periodic: Vec<bool> =
            grid.axes().iter().map(|a| a.boundary == Boundary::Periodic).collect();
        let points = grid.points();
        let plan = Arc::new(OversamplingPlan::new(&points, &periodic)?);
        let (mut up, mut down) = (Vec::new(), Vec::new());
        for (&n, &periodic) in points.iter().zip(&periodic) {
            let rows: Vec<Vec<f64>> = (0..=2 * n).map(|p| interpolation(n, periodic, p)).collect();
            // quadrature on points half a cell apart; the ends of the box have half weight
            let weight = |p: usize| if p == n || p == 2 * n { 0.25 } else { 0.5 };
            let turned = (0..n).flat_map(|i| {
                let rows = &rows;
                (0..=2 * n).map(move |p| (weight(p) * rows[p][i]) as f32)
            });
            down.push(matrix(turned.collect(), [1, n, 2 * n + 1], device));
            let values = rows.iter().flatten().map(|v| *v as f32).collect();
            up.push(matrix(values, [1, 2 * n + 1, n], device));
        }
        Ok(Self { plan, points, up, down })
    }

    /// D gelu( U(q ⊙ (1 + scale) + shift) ).
    ///
    /// **Shape** `q` and the result are `[batch, points, channel]`, `film` `[batch, 1, 2 · channel]`.
    pub fn gelu(&self, q: Tensor<3>, film: Option<&Tensor<3>>) -> Tensor<3> {
        let [batch, points, channels] = q.dims();
        let finer: Vec<usize> = self.points.iter().map(|n| 2 * n + 1).collect();
        let before = |axis: usize| batch * self.points[..axis].iter().product::<usize>();
        let behind = |axis: usize| finer[axis + 1..].iter().product::<usize>() * channels;
        let mut h = q;
        for (axis, up) in self.up.iter().enumerate().rev() {
            h = up.clone().matmul(h.reshape([before(axis), self.points[axis], behind(axis)]));
        }
        h = h.reshape([batch, finer.iter().product::<usize>(), channels]);
        if let Some(film) = film {
            let (scale, shift) =
                (film.clone().narrow(2, 0, channels), film.clone().narrow(2, channels, channels));
            h = h * (scale + 1.0) + shift;
        }
        h = gelu(h);
        for (axis, down) in self.down.iter().enumerate() {
            h = down.clone().matmul(h.reshape([before(axis), finer[axis], behind(axis)]));
        }
        h.reshape([batch, points, channels])
    }
}

fn matrix(values: Vec<f32>, shape: [usize; 3], device: &Device) -> Tensor<3> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// Values at point `p` (the n centres, then the n + 1 faces) of the functions that are 1 at one
/// centre and 0 at the others.
fn interpolation(n: usize, periodic: bool, p: usize) -> Vec<f64> {
    let x = if p < n { p as f64 + 0.5 } else { (p - n) as f64 };
    // waves of k and −k together, or cosines; the Nyquist wave of an even periodic axis is 0 at all
    // faces
    let (most, turn) = match periodic {
        true => (n.div_ceil(2) - 1, 2.0 * PI / n as f64),
        false => (n - 1, PI / n as f64),
    };
    (0..n)
        .map(|i| {
            if p < n {
                return f64::from(p == i);
            }
            let centre = i as f64 + 0.5;
            let mode = |k: usize| {
                let k = turn * k as f64;
                match periodic {
                    true => (k * (x - centre)).cos(),
                    false => (k * x).cos() * (k * centre).cos(),
                }
            };
            (1.0 + 2.0 * (1..=most).map(mode).sum::<f64>()) / n as f64
        })
        .collect()
}
