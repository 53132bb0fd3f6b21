//! The same linear map at every point: y = x W + b. It is meant for few inputs, where the product
//! of a library spends its time on packing.

use crate::cpu::buffer::{Buffer, Fresh};
use crate::cpu::mixing::transpose;
use crate::cpu::product::{Start, Strided, product};
use crate::cpu::share::{Shared, for_each, summed};
use crate::simd::Level;

/// Number of points of a task.
const TILE: usize = 256;
/// Number of points whose weight gradients are summed before they are added to others.
const CHUNK: usize = 8 * TILE;

/// The parameters of a linear map.
#[derive(Clone, Copy)]
pub(crate) struct PointwiseLinear<'a> {
    pub level: Level,
    pub inputs: usize,
    pub outputs: usize,
    /// `[in, out]`.
    pub weight: &'a [f32],
    pub bias: &'a [f32],
}

/// Gradients of a linear map.
pub(crate) struct LinearGradients {
    /// The gradient of x, if requested.
    pub x: Option<Buffer>,
    pub weight: Vec<f32>,
    pub bias: Vec<f32>,
}

impl PointwiseLinear<'_> {
    /// The map at every point of `x` `[point, in]`.
    pub fn forward(&self, x: &[f32]) -> Buffer {
        self.points(x);
        self.apply(x, self.inputs, self.outputs, self.weight, Some(self.bias))
    }

    /// Gradients from that of y.
    pub fn backward(&self, x: &[f32], dy: &[f32], wants_x: bool) -> LinearGradients {
        let (inputs, outputs) = (self.inputs, self.outputs);
        let points = self.points(x);
        assert_eq!(dy.len(), points * outputs, "dy is [point, out]");
        let chunks = points.div_ceil(CHUNK);
        let part = (inputs + 1) * outputs;
        let mut partials = vec![0.0; chunks * part];
        let to = Shared::new(&mut partials);
        let ones = vec![1.0; CHUNK];
        for_each(chunks, true, |chunk| {
            let first = chunk * CHUNK;
            let count = CHUNK.min(points - first);
            let x = &x[first * inputs..][..count * inputs];
            let dy = &dy[first * outputs..][..count * outputs];
            // SAFETY: each chunk has its own sums; lengths as above
            unsafe {
                let (at, n) = (to.at(chunk * part, part), outputs);
                let (a, dy) = (Strided::columns(x.as_ptr(), inputs), dy.as_ptr());
                product(self.level, inputs, n, count, a, dy, n, at, n, Start::Zero);
                let (a, at) = (Strided::columns(ones.as_ptr(), 1), at.add(inputs * n));
                product(self.level, 1, n, count, a, dy, n, at, n, Start::Zero);
            }
        });
        let mut sums = summed(&partials, part);
        let bias = sums.split_off(inputs * outputs);
        let x = wants_x.then(|| self.input_gradient(dy));
        LinearGradients { x, weight: sums, bias }
    }

    /// Number of points of `x`. Asserts the lengths that the unsafe parts rely on.
    fn points(&self, x: &[f32]) -> usize {
        assert_eq!(self.weight.len(), self.inputs * self.outputs, "weight is [in, out]");
        assert_eq!(self.bias.len(), self.outputs, "one bias an output");
        assert!(x.len().is_multiple_of(self.inputs), "x is [point, in]");
        x.len() / self.inputs
    }

    fn input_gradient(&self, dy: &[f32]) -> Buffer {
        let mut turned = vec![0.0; self.weight.len()];
        // SAFETY: both hold in · out values
        unsafe {
            let (from, to) = (self.weight.as_ptr(), turned.as_mut_ptr());
            transpose(self.level, self.inputs, self.outputs, from, to);
        }
        self.apply(dy, self.outputs, self.inputs, &turned, None)
    }

    /// x times `weight`, in tiles of points.
    fn apply(
        &self,
        x: &[f32],
        inputs: usize,
        outputs: usize,
        weight: &[f32],
        bias: Option<&[f32]>,
    ) -> Buffer {
        let points = x.len() / inputs;
        let mut y = Fresh::new(points * outputs);
        let to = y.shared();
        for_each(points.div_ceil(TILE), true, |tile| {
            let first = tile * TILE;
            let count = TILE.min(points - first);
            let x = &x[first * inputs..][..count * inputs];
            let start = bias.map_or(Start::Zero, |b| Start::Bias(b.as_ptr()));
            // SAFETY: each tile has its own part of y; lengths as above
            unsafe {
                let y = to.at(first * outputs, count * outputs);
                let (a, b) = (Strided::rows(x.as_ptr(), inputs), weight.as_ptr());
                product(self.level, count, outputs, inputs, a, b, outputs, y, outputs, start);
            }
        });
        // SAFETY: the tiles cover all points
        unsafe { y.finish() }
    }
}
