//! A perceptron with one hidden layer at every point. Its hidden values are never written to
//! memory.
//!
//! y = gelu(x W₁ + b₁) W₂ + b₂, tile by tile. The hidden values of a tile of points stay in the
//! first-level cache between their two products, and the backward pass recomputes them. A hidden
//! layer four times as wide as its neighbours therefore causes no memory traffic.

use crate::cpu::activation::{activate, hidden_slope};
use crate::cpu::buffer::{Buffer, Fresh};
use crate::cpu::mixing::transpose;
use crate::cpu::product::{Start, Strided, dots, product};
use crate::cpu::share::{Shared, for_each, summed, with_scratch};
use crate::simd::Level;

/// Number of points of a tile. Hidden values and gradients of 128 channels fill half a cache of 48
/// KB.
pub(crate) const TILE: usize = 48;
/// Number of points whose weight gradients are summed before they are added to others.
const CHUNK: usize = 42 * TILE;
/// Up to this number of outputs, the products of a row are sums over registers instead of columns
/// of a product.
const FEW: usize = 6;

/// The parameters of a perceptron.
#[derive(Clone, Copy)]
pub(crate) struct Mlp<'a> {
    pub level: Level,
    pub inputs: usize,
    pub hidden: usize,
    pub outputs: usize,
    /// `[in, hidden]`.
    pub w1: &'a [f32],
    pub b1: &'a [f32],
    /// `[hidden, out]`.
    pub w2: &'a [f32],
    pub b2: &'a [f32],
}

/// Gradients of a perceptron's parameters. The gradient of x has replaced x.
pub(crate) struct MlpGradients {
    pub w1: Vec<f32>,
    pub b1: Vec<f32>,
    pub w2: Vec<f32>,
    pub b2: Vec<f32>,
}

impl Mlp<'_> {
    /// The perceptron at every point of `x` `[point, in]`.
    pub fn forward(&self, x: &[f32]) -> Buffer {
        let points = self.points(x);
        let turned = self.turned(self.w2, self.hidden, self.outputs);
        let mut y = Fresh::new(points * self.outputs);
        let to = y.shared();
        for_each(points.div_ceil(TILE), true, |tile| {
            let first = tile * TILE;
            let count = TILE.min(points - first);
            with_scratch(count * self.hidden, |hidden| {
                self.hidden(&x[first * self.inputs..][..count * self.inputs], hidden);
                // SAFETY: hidden values in place; each tile has its own part of y
                unsafe {
                    let h = hidden.as_mut_ptr();
                    let null = std::ptr::null();
                    activate(self.level, count, self.hidden, h, null, true, h);
                    let y = to.at(first * self.outputs, count * self.outputs);
                    if self.outputs <= FEW {
                        let (w2, b2) = (turned.as_ptr(), self.b2.as_ptr());
                        dots(self.level, count, self.outputs, self.hidden, h, w2, b2, y);
                    } else {
                        let start = Start::Bias(self.b2.as_ptr());
                        let (a, w2) = (Strided::rows(h, self.hidden), self.w2.as_ptr());
                        let n = self.outputs;
                        product(self.level, count, n, self.hidden, a, w2, n, y, n, start);
                    }
                }
            });
        });
        // SAFETY: the tiles cover all points
        unsafe { y.finish() }
    }

    /// Gradients from that of y. The gradient of x replaces `x` if `wants_x`.
    pub fn backward(&self, x: &mut [f32], dy: &[f32], wants_x: bool) -> MlpGradients {
        let points = self.points(x);
        assert_eq!(dy.len(), points * self.outputs, "dy is [point, out]");
        let w1 = self.turned(self.w1, self.inputs, self.hidden);
        let w2 = self.turned(self.w2, self.hidden, self.outputs);
        let chunks = points.div_ceil(CHUNK).max(2).min(points.div_ceil(TILE));
        let part = self.part();
        let mut partials = vec![0.0; chunks * part];
        let (partials_to, x) = (Shared::new(&mut partials), Shared::new(x));
        let tiles = points.div_ceil(TILE);
        for_each(chunks, true, |chunk| {
            // SAFETY: each chunk has its own sums
            let sums = unsafe { partials_to.slice_mut(chunk * part, part) };
            with_scratch(2 * TILE * self.hidden, |scratch| {
                for tile in chunk * tiles / chunks..(chunk + 1) * tiles / chunks {
                    let first = tile * TILE;
                    let count = TILE.min(points - first);
                    let dy = &dy[first * self.outputs..][..count * self.outputs];
                    // SAFETY: each tile has its own part of x
                    let x = unsafe { x.slice_mut(first * self.inputs, count * self.inputs) };
                    self.tile_gradients(x, dy, &w1, &w2, scratch, sums, wants_x);
                }
            });
        });
        self.gradients(&summed(&partials, part))
    }

    /// Number of values in all parameters' gradients.
    pub(crate) fn part(&self) -> usize {
        self.inputs * self.hidden + self.hidden + (self.hidden + 1) * self.outputs
    }

    /// Number of points of `x`. Asserts the lengths that the unsafe parts rely on.
    fn points(&self, x: &[f32]) -> usize {
        self.assert_weights();
        assert!(x.len().is_multiple_of(self.inputs), "x is [point, in]");
        x.len() / self.inputs
    }

    /// Checks the lengths that the unsafe parts rely on.
    pub(crate) fn assert_weights(&self) {
        let (inputs, hidden, outputs) = (self.inputs, self.hidden, self.outputs);
        assert_eq!(self.w1.len(), inputs * hidden, "w1 is [in, hidden]");
        assert_eq!(self.b1.len(), hidden, "one bias a hidden value");
        assert_eq!(self.w2.len(), hidden * outputs, "w2 is [hidden, out]");
        assert_eq!(self.b2.len(), outputs, "one bias an output");
    }

    /// Adds the sums of one tile and replaces x by dx; `w1` and `w2` are transposed.
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn tile_gradients(
        &self,
        x: &mut [f32],
        dy: &[f32],
        w1: &[f32],
        w2: &[f32],
        scratch: &mut [f32],
        sums: &mut [f32],
        wants_x: bool,
    ) {
        let (inputs, hidden, outputs) = (self.inputs, self.hidden, self.outputs);
        let count = x.len() / inputs;
        let (h, d) = scratch.split_at_mut(count * hidden);
        self.hidden(x, h);
        let (sum_w1, sums) = sums.split_at_mut(inputs * hidden);
        let (sum_b1, sums) = sums.split_at_mut(hidden);
        let (sum_w2, sum_b2) = sums.split_at_mut(hidden * outputs);
        // SAFETY: lengths as the slices above have them
        unsafe {
            let (h, d) = (h.as_mut_ptr(), d.as_mut_ptr());
            let (by_point, over_points) =
                (Strided::rows(dy.as_ptr(), outputs), Strided::columns(dy.as_ptr(), outputs));
            let zero = Start::Zero;
            product(
                self.level,
                count,
                hidden,
                outputs,
                by_point,
                w2.as_ptr(),
                hidden,
                d,
                hidden,
                zero,
            );
            hidden_slope(self.level, count, hidden, h, d, sum_b1.as_mut_ptr());
            let (to, held) = (sum_w2.as_mut_ptr(), Start::Held);
            product(self.level, outputs, hidden, count, over_points, h, hidden, to, hidden, held);
            let columns = Strided::columns(x.as_ptr(), inputs);
            let to = sum_w1.as_mut_ptr();
            product(self.level, inputs, hidden, count, columns, d, hidden, to, hidden, held);
            if wants_x {
                let d = Strided::rows(d, hidden);
                product(
                    self.level,
                    count,
                    inputs,
                    hidden,
                    d,
                    w1.as_ptr(),
                    inputs,
                    x.as_mut_ptr(),
                    inputs,
                    zero,
                );
            }
        }
        for dy in dy.chunks_exact(outputs) {
            sum_b2.iter_mut().zip(dy).for_each(|(s, d)| *s += d);
        }
    }

    /// x W₁ + b₁.
    pub(crate) fn hidden(&self, x: &[f32], hidden: &mut [f32]) {
        let (n, count) = (self.hidden, x.len() / self.inputs);
        // SAFETY: lengths by the operands' meaning; `hidden` holds at least `count` rows
        unsafe {
            product(
                self.level,
                count,
                n,
                self.inputs,
                Strided::rows(x.as_ptr(), self.inputs),
                self.w1.as_ptr(),
                n,
                hidden.as_mut_ptr(),
                n,
                Start::Bias(self.b1.as_ptr()),
            );
        }
    }

    /// The transpose of a weight.
    pub(crate) fn turned(&self, weight: &[f32], rows: usize, columns: usize) -> Vec<f32> {
        assert_eq!(weight.len(), rows * columns, "weight is [in, out]");
        let mut turned = vec![0.0; weight.len()];
        // SAFETY: both have rows · columns values
        unsafe { transpose(self.level, rows, columns, weight.as_ptr(), turned.as_mut_ptr()) };
        turned
    }

    /// The gradients, from the sums of [`Mlp::tile_gradients`].
    pub(crate) fn gradients(&self, sums: &[f32]) -> MlpGradients {
        let (w1, rest) = sums.split_at(self.inputs * self.hidden);
        let (b1, rest) = rest.split_at(self.hidden);
        let (w2, b2) = rest.split_at(self.hidden * self.outputs);
        let w2 = self.turned(w2, self.outputs, self.hidden);
        MlpGradients { w1: w1.to_vec(), b1: b1.to_vec(), w2, b2: b2.to_vec() }
    }
}
