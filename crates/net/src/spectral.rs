//! Spectral convolution: the integral operator of a Fourier neural operator, for any length and
//! dimension.
//!
//! y(x) = Re Σ_k e^{iω_k·x} W_k x̂_k with x̂_k = mean_j x(x_j) e^{−iω_k·x_j} and ω_k = 2πk / (L
//! (1 + padding)), over the window |k| ≤ modes of each axis. Only the retained modes are computed,
//! by one small dense real matrix per axis. Lengths may therefore be odd or prime, and nothing
//! aliases. Modes that a coarse grid cannot hold are skipped. The other modes have the same weights
//! on every grid.
//!
//! `padding` extends the period beyond the box, as zero padding by that fraction of the domain
//! would, but without rounding to cells. The kernel then does not wrap around the box.
//!
//! This implementation is a plain composition of tensor operations. **Cost** a sample: 4·N·m·width
//! flops per axis for the transforms and 8·K·width² for the mixing of K modes. **Source** Li et
//! al., "Fourier neural operator for parametric partial differential equations", 2021.

use std::f64::consts::PI;

use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor, TensorData};
use karhunen_field::Grid;

/// Complex weights W_k of one spectral convolution.
#[derive(Module, Debug)]
pub struct SpectralConv {
    /// Re W, `[mode, in, out]`, modes in the order of [`SpectralBasis`].
    pub real: Param<Tensor<3>>,
    /// Im W, `[mode, in, out]`.
    pub imaginary: Param<Tensor<3>>,
}

impl SpectralConv {
    /// Zero weights for `modes` per axis, stored as views of one zero. The last axis keeps the half
    /// with k ≥ 0.
    pub fn zeros(modes: &[usize], width: usize, device: &Device) -> Self {
        let shape = [window_size(modes), width, width];
        let zeros = || Param::from_tensor(Tensor::<3>::zeros([1; 3], device).expand(shape));
        Self { real: zeros(), imaginary: zeros() }
    }

    /// Applies the operator on one grid.
    ///
    /// **Shape** `[batch, points, in]` → `[batch, points, out]`.
    pub fn forward(&self, x: Tensor<3>, basis: &SpectralBasis) -> Tensor<3> {
        let [batch, points, _] = x.dims();
        let spectrum = basis.analyse(x);
        let [_, _, kept, width] = spectrum.dims();
        // (re, im) are joined to the batch, so that both parts meet Re W and Im W in one product
        // each
        let parts = spectrum.permute([2, 1, 0, 3]).reshape([kept, 2 * batch, width]);
        let [by_real, by_imaginary] = [&self.real, &self.imaginary].map(|weight| {
            let held = match &basis.held {
                Some(indices) => weight.val().select(0, indices.clone()),
                None => weight.val(),
            };
            parts.clone().matmul(held)
        });
        let part = |product: &Tensor<3>, i: usize| product.clone().narrow(1, i * batch, batch);
        let re = part(&by_real, 0) - part(&by_imaginary, 1);
        let im = part(&by_imaginary, 0) + part(&by_real, 1);
        basis.synthesise(Tensor::stack::<4>(vec![re, im], 0).permute([2, 0, 1, 3]), points)
    }
}

/// Number of modes in the window: −m … m−1 on every axis but the last, 0 … m−1 there.
pub fn window_size(modes: &[usize]) -> usize {
    let last = modes.len() - 1;
    modes[..last].iter().map(|m| 2 * m).product::<usize>() * modes[last]
}

/// Whether `points` cells resolve wave number `k` of a period that is `period` times the box.
fn resolved(k: i64, points: usize, period: f64) -> bool {
    2.0 * k.unsigned_abs() as f64 + 1e-9 < points as f64 * period
}

/// Number of modes per axis, of a window of `modes`, that a grid of `points` holds.
pub fn held_modes(points: &[usize], modes: &[usize], padding: &[f64]) -> Vec<usize> {
    let last = points.len() - 1;
    (0..=last)
        .map(|axis| {
            let m = modes[axis] as i64;
            let held = |k: &i64| resolved(*k, points[axis], 1.0 + padding[axis]);
            (if axis == last { 0 } else { -m }..m).filter(held).count()
        })
        .collect()
}

/// The dense transforms between a grid and the window of modes, for one device.
#[derive(Debug, Clone)]
pub struct SpectralBasis {
    points: Vec<usize>,
    /// Modes of the window that the grid holds, per axis.
    kept: Vec<usize>,
    analysis: Vec<Tensor<3>>,
    synthesis: Vec<Tensor<3>>,
    /// Positions of the held modes in the window; `None` when all are.
    held: Option<Tensor<1, Int>>,
}

impl SpectralBasis {
    /// Matrices for a grid, a window of `modes` per axis and a padding fraction per axis.
    pub fn new(grid: &Grid, modes: &[usize], padding: &[f64], device: &Device) -> Self {
        let points = grid.points();
        let last = points.len() - 1;
        let mut kept = Vec::new();
        let (mut analysis, mut synthesis) = (Vec::new(), Vec::new());
        let mut held: Vec<usize> = vec![0];
        for (axis, (&n, &m)) in points.iter().zip(modes).enumerate() {
            let period = 1.0 + padding[axis];
            let window: Vec<i64> = if axis == last {
                (0..m as i64).collect()
            } else {
                (0..m as i64).chain(-(m as i64)..0).collect()
            };
            let slots = window.len();
            let waves: Vec<(usize, i64)> =
                window.into_iter().enumerate().filter(|(_, k)| resolved(*k, n, period)).collect();
            held = held
                .iter()
                .flat_map(|&at| waves.iter().map(move |(slot, _)| at * slots + slot))
                .collect();
            kept.push(waves.len());
            let phase: Vec<Vec<f64>> = waves
                .iter()
                .map(|(_, k)| {
                    let turn = 2.0 * PI * *k as f64 / (n as f64 * period);
                    (0..n).map(|j| turn * (j as f64 + 0.5)).collect()
                })
                .collect();
            let (a, s) = if axis == last { real_axis(&phase, n) } else { complex_axis(&phase, n) };
            analysis.push(matrix(a, device));
            synthesis.push(matrix(s, device));
        }
        let all = held.len() == window_size(modes);
        let held = (!all).then(|| {
            let indices: Vec<i32> = held.iter().map(|i| *i as i32).collect();
            Tensor::from_data(TensorData::new(indices, [held.len()]), device)
        });
        Self { points, kept, analysis, synthesis, held }
    }

    /// The retained spectrum, `[batch, points, channel]` → `[batch, (re, im), mode, channel]`.
    fn analyse(&self, x: Tensor<3>) -> Tensor<4> {
        let [batch, _, channels] = x.dims();
        let last = self.points.len() - 1;
        let mut columns = channels;
        let mut h = x;
        for axis in (0..=last).rev() {
            let lead = batch * self.points[..axis].iter().product::<usize>();
            let parts = if axis == last { 1 } else { 2 };
            h = h.reshape([lead, self.points[axis] * parts, columns]);
            h = self.analysis[axis].clone().matmul(h);
            columns *= self.kept[axis];
        }
        h.reshape([batch, 2, columns / channels, channels])
    }

    /// Point values of a spectrum, `[batch, (re, im), mode, channel]` → `[batch, points, channel]`.
    fn synthesise(&self, spectrum: Tensor<4>, points: usize) -> Tensor<3> {
        let [batch, _, modes, channels] = spectrum.dims();
        let mut columns = modes * channels;
        let mut h: Tensor<3> = spectrum.reshape([batch, 2, columns]);
        for (axis, &kept) in self.kept.iter().enumerate() {
            let lead = batch * self.points[..axis].iter().product::<usize>();
            columns /= kept;
            h = h.reshape([lead, 2 * kept, columns]);
            h = self.synthesis[axis].clone().matmul(h);
        }
        h.reshape([batch, points, channels])
    }
}

/// Rows × columns of a matrix and its values.
type Dense = (usize, usize, Vec<f64>);

fn matrix((rows, columns, values): Dense, device: &Device) -> Tensor<3> {
    let values: Vec<f32> = values.into_iter().map(|v| v as f32).collect();
    Tensor::from_data(TensorData::new(values, [1, rows, columns]), device)
}

/// Real points ↔ (part, mode): for the last axis, where ±k are folded together.
fn real_axis(phase: &[Vec<f64>], n: usize) -> (Dense, Dense) {
    let m = phase.len();
    let mut analysis = vec![0.0; 2 * m * n];
    let mut synthesis = vec![0.0; n * 2 * m];
    for (k, row) in phase.iter().enumerate() {
        let pair = if k == 0 { 1.0 } else { 2.0 };
        for (j, theta) in row.iter().enumerate() {
            let (sin, cos) = theta.sin_cos();
            analysis[k * n + j] = cos / n as f64;
            analysis[(m + k) * n + j] = -sin / n as f64;
            synthesis[j * 2 * m + k] = pair * cos;
            synthesis[j * 2 * m + m + k] = -pair * sin;
        }
    }
    ((2 * m, n, analysis), (n, 2 * m, synthesis))
}

/// (point, part) ↔ (part, mode): for every other axis.
fn complex_axis(phase: &[Vec<f64>], n: usize) -> (Dense, Dense) {
    let m = phase.len();
    let mut analysis = vec![0.0; 2 * m * 2 * n];
    let mut synthesis = vec![0.0; 2 * n * 2 * m];
    for (k, row) in phase.iter().enumerate() {
        for (j, theta) in row.iter().enumerate() {
            let (sin, cos) = theta.sin_cos();
            // e^{-iθ}(re + i im) / n
            for (part, re, im) in [(0, cos, sin), (1, -sin, cos)] {
                analysis[(part * m + k) * 2 * n + 2 * j] = re / n as f64;
                analysis[(part * m + k) * 2 * n + 2 * j + 1] = im / n as f64;
            }
            // e^{iθ}(re + i im)
            for (part, re, im) in [(0, cos, -sin), (1, sin, cos)] {
                synthesis[(2 * j + part) * 2 * m + k] = re;
                synthesis[(2 * j + part) * 2 * m + m + k] = im;
            }
        }
    }
    ((2 * m, 2 * n, analysis), (2 * n, 2 * m, synthesis))
}

#[cfg(test)]
mod tests {
    use super::*;
    use karhunen_kernels::SpectralPlan;

    /// The counted cost of a step includes exactly the modes that the operators keep.
    #[test]
    fn held_modes_are_those_of_the_operators() {
        for points in [&[1][..], &[7], &[64], &[7, 7], &[13, 5], &[28, 64], &[5, 6, 7]] {
            for padding in [0.0, 0.25, 1.0] {
                for m in [1, 4, 12] {
                    let (modes, paddings) = (vec![m; points.len()], vec![padding; points.len()]);
                    let periods = vec![1.0 + padding; points.len()];
                    let held = held_modes(points, &modes, &paddings);
                    let plan = SpectralPlan::new(points, &modes, &periods).unwrap();
                    assert_eq!(held.iter().product::<usize>(), plan.kept(), "{points:?} {m}");
                }
            }
        }
        assert_eq!(held_modes(&[7, 7], &[12, 12], &[0.25, 0.25]), [9, 5]);
        assert_eq!(held_modes(&[28, 28], &[12, 12], &[0.0, 0.0]), [24, 12]);
    }
}
