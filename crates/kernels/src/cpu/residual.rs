//! The point-wise half of a residual block: norm over channels, conditioning, perceptron, sum.
//!
//! y = x + gelu(z W₁ + b₁) W₂ + b₂ with z = n ⊙ (1 + s) + t and n = u / √(mean_c u² + ε), where s
//! and t belong to the sample. All values of a tile of points stay in the first-level cache: n, z
//! and the hidden values are never written to memory, and the backward pass recomputes them. Only u
//! is kept. The gradient of x is that of y.

use crate::cpu::activation::activate;
use crate::cpu::buffer::{Buffer, Fresh};
use crate::cpu::mlp::{Mlp, MlpGradients, TILE};
use crate::cpu::product::{Start, Strided, product};
use crate::cpu::rms_rows::{normalise_rows, normalise_slope};
use crate::cpu::share::{Shared, for_each, summed, with_scratch};

/// Number of tiles of one sample whose gradients are summed before they are added to others.
const TOGETHER: usize = 42;

/// The operands of a block. The perceptron has as many outputs as inputs.
#[derive(Clone, Copy)]
pub(crate) struct Residual<'a> {
    pub mlp: Mlp<'a>,
    pub batch: usize,
    pub points: usize,
    /// `[sample; scale, shift; channel]`.
    pub film: &'a [f32],
}

/// Gradients of a block. The gradient of x is that of y.
pub(crate) struct ResidualGradients {
    pub u: Buffer,
    pub film: Vec<f32>,
    pub mlp: MlpGradients,
}

impl Residual<'_> {
    /// y for `x` and `u`, both `[sample, point, channel]`.
    pub fn forward(&self, x: &[f32], u: &[f32]) -> Buffer {
        self.assert_lengths(x);
        self.assert_lengths(u);
        let (mlp, width, hidden) = (&self.mlp, self.mlp.inputs, self.mlp.hidden);
        let mut y = Fresh::new(x.len());
        let to = y.shared();
        self.for_tiles(|sample, first, count| {
            let at = (sample * self.points + first) * width;
            with_scratch(count * (width + hidden), |scratch| {
                let (z, h) = scratch.split_at_mut(count * width);
                let (x, u) = (&x[at..][..count * width], &u[at..][..count * width]);
                // SAFETY: lengths as asserted; each tile has its own part of y
                unsafe {
                    let (null, film) = (std::ptr::null_mut(), self.film_of(sample));
                    let z_at = z.as_mut_ptr();
                    normalise_rows(mlp.level, count, width, u.as_ptr(), film, null, z_at, null);
                    mlp.hidden(z, h);
                    let h = h.as_mut_ptr();
                    activate(mlp.level, count, hidden, h, std::ptr::null(), true, h);
                    let y = to.at(at, count * width);
                    for (point, row) in x.chunks_exact(width).enumerate() {
                        for (c, (x, b)) in row.iter().zip(mlp.b2).enumerate() {
                            y.add(point * width + c).write(x + b);
                        }
                    }
                    let (h, w2) = (Strided::rows(h, hidden), mlp.w2.as_ptr());
                    let held = Start::Held;
                    product(mlp.level, count, width, hidden, h, w2, width, y, width, held);
                }
            });
        });
        // SAFETY: the tiles cover all points of all samples
        unsafe { y.finish() }
    }

    /// Gradients from that of y.
    pub fn backward(&self, u: &[f32], dy: &[f32]) -> ResidualGradients {
        self.assert_lengths(u);
        self.assert_lengths(dy);
        let (mlp, width) = (&self.mlp, self.mlp.inputs);
        let turned = [mlp.turned(mlp.w1, width, mlp.hidden), mlp.turned(mlp.w2, mlp.hidden, width)];
        let tiles = self.points.div_ceil(TILE);
        let chunks = tiles.div_ceil(TOGETHER);
        let (weights, part) = (mlp.part(), mlp.part() + 2 * width);
        let mut partials = vec![0.0; self.batch * chunks * part];
        let mut du = Fresh::new(u.len());
        let (sums_to, to) = (Shared::new(&mut partials), du.shared());
        for_each(self.batch * chunks, true, |task| {
            let (sample, chunk) = (task / chunks, task % chunks);
            // SAFETY: each task has its own sums
            let sums = unsafe { sums_to.slice_mut(task * part, part) };
            let (sums, film_sums) = sums.split_at_mut(weights);
            with_scratch(TILE * (width + 1 + 2 * mlp.hidden), |scratch| {
                let (n, scratch) = scratch.split_at_mut(TILE * width);
                let (inverse, scratch) = scratch.split_at_mut(TILE);
                for tile in chunk * tiles / chunks..(chunk + 1) * tiles / chunks {
                    let (first, count) = self.tile(tile);
                    let at = (sample * self.points + first) * width;
                    let dy = &dy[at..][..count * width];
                    let (film, u) = (self.film_of(sample), u[at..].as_ptr());
                    // SAFETY: lengths as asserted; each tile has its own part of du, which is
                    // written before it is read
                    unsafe {
                        let d = to.at(at, count * width);
                        let (n, inverse) = (n.as_mut_ptr(), inverse.as_mut_ptr());
                        normalise_rows(mlp.level, count, width, u, film, n, d, inverse);
                        let z = std::slice::from_raw_parts_mut(d, count * width);
                        let [w1, w2] = &turned;
                        mlp.tile_gradients(z, dy, w1, w2, scratch, sums, true);
                        let film_sums = film_sums.as_mut_ptr();
                        normalise_slope(mlp.level, count, width, n, inverse, film, d, film_sums);
                    }
                }
            });
        });
        let (mut film, mut sums) = (Vec::with_capacity(self.batch * 2 * width), vec![0.0; weights]);
        for partials in partials.chunks_exact(chunks * part) {
            let of_sample = summed(partials, part);
            let (of_weights, of_film) = of_sample.split_at(weights);
            sums.iter_mut().zip(of_weights).for_each(|(a, b)| *a += b);
            film.extend(of_film);
        }
        // SAFETY: the tiles cover all points of all samples
        let u = unsafe { du.finish() };
        ResidualGradients { u, film, mlp: mlp.gradients(&sums) }
    }

    /// Runs `f(sample, first point, points)` for every tile.
    fn for_tiles(&self, f: impl Fn(usize, usize, usize) + Sync + Send) {
        let tiles = self.points.div_ceil(TILE);
        for_each(self.batch * tiles, true, |task| {
            let (first, count) = self.tile(task % tiles);
            f(task / tiles, first, count);
        });
    }

    /// First point and number of points of a tile.
    fn tile(&self, tile: usize) -> (usize, usize) {
        (tile * TILE, TILE.min(self.points - tile * TILE))
    }

    fn film_of(&self, sample: usize) -> *const f32 {
        self.film[sample * 2 * self.mlp.inputs..].as_ptr()
    }

    /// Checks the lengths that the unsafe parts rely on.
    fn assert_lengths(&self, x: &[f32]) {
        let width = self.mlp.inputs;
        assert_eq!(self.mlp.outputs, width, "a residual block keeps its width");
        self.mlp.assert_weights();
        assert_eq!(self.film.len(), self.batch * 2 * width, "a scale and a shift a sample");
        assert_eq!(x.len(), self.batch * self.points * width, "values are [batch, point, channel]");
    }
}
