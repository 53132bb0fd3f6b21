//! Local kernels: they resolve edges, which a spectral layer with few modes cannot.
//!
//! (K h)_c(x) = Σ_t K_c(t) h_c(x + ℓt) over t ∈ {−1, 0, 1}^d: one kernel a channel, of fixed
//! *physical* reach ℓ. On the grid with cell size ℓ this is a 3^d stencil. On finer grids the taps
//! move apart, and values between cells are interpolated linearly. One kernel is therefore one
//! operator at every resolution. Its error is of second order in the cell size (first order where a
//! window is mirrored at its wall).
//!
//! The operator is bounded by Σ|K(t)| on every grid. Derivatives scaled by 1/h are not: on the
//! noise that samplers feed to a network they would grow without bound.
//!
//! Channels do not mix here. The 1×1 map of the following layer mixes them.
//!
//! **Source** Similar to the local integral kernels of Liu-Schiaffini et al., "Neural operators
//! with localized integral and differential kernels", 2024. Departure from it: a measure on points
//! instead of a basis of hat functions, depthwise.

use std::sync::Arc;

use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor, TensorData};
use karhunen_field::{Axis, Boundary, Grid};
use karhunen_kernels::{StencilAxis, StencilPlan, depthwise_stencil};

use crate::NetError;

/// Taps along each axis.
const TAPS: usize = 3;
/// A reach this close to a whole number of cells is taken as whole, to absorb the rounding of a
/// division.
const WHOLE: f64 = 1e-9;

/// The kernels of one layer.
#[derive(Module, Debug)]
pub struct LocalConv {
    /// K, `[tap, channel]`, over the product of the axes' taps, last axis fastest.
    pub taps: Param<Tensor<2>>,
}

impl LocalConv {
    /// Zero kernels for `width` channels in dimension `dim`.
    pub fn zeros(dim: usize, width: usize, device: &Device) -> Self {
        let taps = Tensor::zeros([taps(dim), width], device);
        Self { taps: Param::from_tensor(taps) }
    }

    /// Applies the kernels on one grid, `[batch, points, channel]` → the same.
    ///
    /// # Errors
    /// [`NetError::Kernel`] on a device without the fused operators.
    pub fn fused(&self, x: Tensor<3>, basis: &LocalBasis) -> Result<Tensor<3>, NetError> {
        Ok(depthwise_stencil(x, basis.on_grid(self.taps.val()), &basis.plan)?)
    }

    /// The same by tensor operations.
    pub fn composed(&self, x: Tensor<3>, basis: &LocalBasis) -> Tensor<3> {
        let taps = basis.on_grid(self.taps.val());
        let device = x.device();
        let terms = basis.places().into_iter().enumerate().map(|(tap, places)| {
            let count = places.len();
            let places = Tensor::<1, Int>::from_data(TensorData::new(places, [count]), &device);
            x.clone().select(1, places) * taps.clone().narrow(0, tap, 1).unsqueeze()
        });
        terms.reduce(|sum, term| sum + term).expect("a stencil has taps")
    }
}

/// Number of taps of a kernel in dimension `dim`.
pub fn taps(dim: usize) -> usize {
    TAPS.pow(dim as u32)
}

/// Positions of the taps on one grid.
#[derive(Debug, Clone)]
pub struct LocalBasis {
    plan: Arc<StencilPlan>,
    axes: Vec<StencilAxis>,
    /// Interpolation from taps of the kernel to taps on the grid; `None` where they are the same.
    interpolation: Option<Tensor<2>>,
}

impl LocalBasis {
    /// For kernels with reach `reach` along each axis, in the units of the grid's lengths.
    ///
    /// # Errors
    /// [`NetError::Kernel`] if a reach spans more than 2^20 cells.
    pub fn new(grid: &Grid, reach: &[f64], device: &Device) -> Result<Self, NetError> {
        let (mut axes, mut matrices) = (Vec::new(), Vec::new());
        for (axis, reach) in grid.axes().iter().zip(reach) {
            let (offsets, matrix) = interpolate(reach / axis.length * axis.points as f64);
            axes.push(stencil_axis(axis, offsets));
            matrices.push(matrix);
        }
        let plan = Arc::new(StencilPlan::new(&axes)?);
        let identity = matrices.iter().all(|m| m.len() == TAPS && m[0][0] == 1.0);
        let interpolation = (!identity).then(|| {
            let rows = matrices.into_iter().reduce(kronecker).expect("a grid has axes");
            let shape = [rows.len(), rows[0].len()];
            let values: Vec<f32> = rows.concat().into_iter().map(|v| v as f32).collect();
            Tensor::from_data(TensorData::new(values, shape), device)
        });
        Ok(Self { plan, axes, interpolation })
    }

    /// For kernels of `side` cells along each axis (`side` odd), independent of the cell size.
    ///
    /// # Errors
    /// [`NetError::Kernel`] for a grid with more points than a stencil supports.
    pub fn of_cells(grid: &Grid, side: usize) -> Result<Self, NetError> {
        let half = (side / 2) as i64;
        let axes: Vec<_> =
            grid.axes().iter().map(|axis| stencil_axis(axis, (-half..=half).collect())).collect();
        let plan = Arc::new(StencilPlan::new(&axes)?);
        Ok(Self { plan, axes, interpolation: None })
    }

    fn on_grid(&self, taps: Tensor<2>) -> Tensor<2> {
        match &self.interpolation {
            Some(matrix) => matrix.clone().matmul(taps),
            None => taps,
        }
    }

    /// For every point, the point that each tap reads.
    fn places(&self) -> Vec<Vec<i32>> {
        let mut places = vec![vec![0i32]];
        for axis in &self.axes {
            let n = axis.points as i64;
            let source = |at: i64| match axis.periodic {
                true => at.rem_euclid(n),
                false => at.rem_euclid(2 * n).min(2 * n - 1 - at.rem_euclid(2 * n)),
            };
            places = places
                .iter()
                .flat_map(|head| {
                    axis.offsets.iter().map(move |offset| {
                        let rows = head.iter().flat_map(|at| {
                            (0..n).map(move |j| *at * n as i32 + source(j + offset) as i32)
                        });
                        rows.collect()
                    })
                })
                .collect();
        }
        places
    }
}

fn stencil_axis(axis: &Axis, offsets: Vec<i64>) -> StencilAxis {
    StencilAxis { points: axis.points, offsets, periodic: axis.boundary == Boundary::Periodic }
}

/// Offsets on a grid for taps at −r, 0, r cells, and their interpolation weights `[offset][tap]`.
fn interpolate(r: f64) -> (Vec<i64>, Vec<Vec<f64>>) {
    let near = if (r - r.round()).abs() < WHOLE { r.round() } else { r.floor() };
    let (p, f) = (near as i64, (r - near).max(0.0));
    match (p, f) {
        (1.., 0.0) => {
            let identity = (0..TAPS).map(|i| (0..TAPS).map(|j| f64::from(i == j)).collect());
            (vec![-p, 0, p], identity.collect())
        }
        (0, _) => {
            let rows = [[f, 0.0, 0.0], [1.0 - f, 1.0, 1.0 - f], [0.0, 0.0, f]];
            (vec![-1, 0, 1], rows.map(|r| r.to_vec()).to_vec())
        }
        _ => {
            let rows = [
                [f, 0.0, 0.0],
                [1.0 - f, 0.0, 0.0],
                [0.0, 1.0, 0.0],
                [0.0, 0.0, 1.0 - f],
                [0.0, 0.0, f],
            ];
            (vec![-p - 1, -p, 0, p, p + 1], rows.map(|r| r.to_vec()).to_vec())
        }
    }
}

/// a ⊗ b.
fn kronecker(a: Vec<Vec<f64>>, b: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let row = |x: &Vec<f64>, y: &Vec<f64>| {
        x.iter().flat_map(|x| y.iter().map(move |y| x * y)).collect::<Vec<f64>>()
    };
    a.iter().flat_map(|x| b.iter().map(move |y| row(x, y))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_of_a_translation_sum_to_one_and_have_its_mean() {
        for r in [0.01, 0.25, 1.0, 1.5, 2.0, 7.3] {
            let (offsets, weights) = interpolate(r);
            for (tap, expected) in [-r, 0.0, r].into_iter().enumerate() {
                let column = weights.iter().map(|w| w[tap]);
                assert!((column.clone().sum::<f64>() - 1.0).abs() < 1e-12, "{r}");
                let mean: f64 = column.zip(&offsets).map(|(w, o)| w * *o as f64).sum();
                assert!((mean - expected).abs() < 1e-12, "{r}: {mean}");
            }
        }
    }
}
