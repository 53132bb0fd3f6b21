//! The backward pass of a layer: the transposed transforms of its forward pass (`block`), in the same order.

use crate::cpu::activation::activation_slope;
use crate::cpu::block::{Activation, Block, BlockGradients};
use crate::cpu::buffer::{Buffer, Fresh};
use crate::cpu::mixing::transpose;
use crate::cpu::product::{Start, Strided, product};
use crate::cpu::rows::{Pairs, Synthesis, synthesise_row};
use crate::cpu::share::{Shared, by_sample, for_each, summed, with_scratch};
use crate::cpu::tiles::Tiles;
use crate::cpu::transform::{analyse, synthesise};

impl Block<'_> {
    /// Gradients from `dy`. It is overwritten by the gradient of x if `wants_x`, otherwise by
    /// intermediate values. `q` and `spectrum` are those that [`Block::forward`] kept of `x`.
    ///
    /// If in and out differ, dx has a different length and is returned instead.
    pub fn backward(
        &self,
        x: &[f32],
        q: &[f32],
        spectrum: &[f32],
        dy: &mut [f32],
        wants_x: bool,
    ) -> (BlockGradients, Option<Buffer>) {
        let (plan, points) = (self.plan, self.plan.points());
        let (inputs, outputs) = (self.inputs, self.outputs);
        let (len_x, len_y) = (points * inputs, points * outputs);
        self.assert_lengths();
        assert_eq!(x.len(), self.batch * len_x, "x is [batch, point, in]");
        assert_eq!(dy.len(), self.batch * len_y, "dy is [batch, point, out]");
        assert_eq!(q.len(), if self.plain() { 0 } else { dy.len() }, "q is [batch, point, out]");
        assert_eq!(spectrum.len(), self.batch * 2 * plan.kept() * inputs, "spectrum of x");
        let tiles = Tiles::of(plan);
        let shared = !by_sample(self.batch);

        // pass 1: gradients of the values before conditioning, in place; sums of a chunk; spectrum
        let part = inputs * outputs + 2 * outputs;
        let mut partials = vec![0.0; self.batch * tiles.chunks * part];
        let out_spectrum = 2 * plan.kept() * outputs;
        let mut d_mixed = Fresh::new(self.batch * out_spectrum);
        let (partials_to, d_mixed_to) = (Shared::new(&mut partials), d_mixed.shared());
        let gradient = Shared::new(dy);
        let table = &plan.last.synthesis_transposed;
        for_each(self.batch, !shared, |b| {
            for_each(tiles.chunks, shared, |chunk| {
                // SAFETY: each chunk has its own sums
                let sums =
                    unsafe { partials_to.slice_mut((b * tiles.chunks + chunk) * part, part) };
                for i in tiles.chunk(chunk) {
                    for run in tiles.tile(i).runs() {
                        self.gradients_of_run(b, run, x, q, gradient, sums);
                    }
                }
            });
            // SAFETY: each sample reads its own gradient, which nobody writes now, and writes its
            // own spectrum
            unsafe {
                let dq = gradient.slice(b * len_y, len_y);
                let to = d_mixed_to.part(b * out_spectrum, out_spectrum);
                analyse(self.level, plan, outputs, shared, to, |tile, out| {
                    self.analyse_tile(table, &tiles, tile, dq, outputs, out)
                });
            }
        });
        // SAFETY: every sample was written
        let d_mixed = unsafe { d_mixed.finish() };
        let (real, imaginary, d_spectrum) = self.mix_backward(spectrum, &d_mixed, wants_x);
        let gradients = self.reduce(&partials, part, tiles.chunks, real, imaginary);

        // pass 2: the gradient of x, in place if it has the same length
        let mut other = Fresh::new(if wants_x && inputs != outputs { x.len() } else { 0 });
        let to = if inputs == outputs { gradient } else { other.shared() };
        if wants_x {
            let mut skip = vec![0.0; inputs * outputs];
            // SAFETY: both are [in, out] matrices
            unsafe {
                transpose(self.level, inputs, outputs, self.skip.as_ptr(), skip.as_mut_ptr());
            }
            let in_spectrum = 2 * plan.kept() * inputs;
            for_each(self.batch, !shared, |b| {
                let d_spectrum = &d_spectrum[b * in_spectrum..(b + 1) * in_spectrum];
                synthesise(self.level, plan, inputs, shared, d_spectrum, |rows| {
                    for_each(tiles.count, shared, |i| {
                        self.gradient_of_tile(b, &tiles, i, rows, &skip, gradient, to);
                    });
                });
            });
        }
        // SAFETY: where it has a length, every tile was written
        let other = unsafe { other.finish() };
        (gradients, (wants_x && inputs != outputs).then_some(other))
    }

    /// dy → dq on one run of points, and the contribution of the run to the sums.
    fn gradients_of_run(
        &self,
        sample: usize,
        run: std::ops::Range<usize>,
        x: &[f32],
        q: &[f32],
        dy: Shared,
        sums: &mut [f32],
    ) {
        if run.is_empty() {
            return;
        }
        let (points, inputs, outputs) = (self.plan.points(), self.inputs, self.outputs);
        let first = sample * points + run.start;
        let x = &x[first * inputs..(first + run.len()) * inputs];
        let q = if self.plain() {
            std::ptr::null()
        } else {
            q[first * outputs..(first + run.len()) * outputs].as_ptr()
        };
        let (skip, moments) = sums.split_at_mut(inputs * outputs);
        // SAFETY: the run is this chunk's own; lengths follow from the slices above
        unsafe {
            let dy = dy.at(first * outputs, run.len() * outputs);
            activation_slope(
                self.level,
                run.len(),
                outputs,
                q,
                self.film_of(sample),
                self.activation == Activation::Gelu,
                dy,
                moments.as_mut_ptr(),
            );
            product(
                self.level,
                inputs,
                outputs,
                run.len(),
                Strided::columns(x.as_ptr(), inputs),
                dy,
                outputs,
                skip.as_mut_ptr(),
                outputs,
                Start::Held,
            );
        }
    }

    /// dx of one tile from the spectrum's gradient and dq.
    #[allow(clippy::too_many_arguments)]
    fn gradient_of_tile(
        &self,
        sample: usize,
        tiles: &Tiles,
        i: usize,
        rows: &[f32],
        skip: &[f32],
        dq: Shared,
        to: Shared,
    ) {
        let (points, inputs, outputs) = (self.plan.points(), self.inputs, self.outputs);
        let table = &self.plan.last.analysis_transposed;
        let tile = tiles.tile(i);
        let Pairs { n, first, end } = tile.pairs;
        let pairs = end - first;
        with_scratch(2 * pairs * outputs, |copy| {
            for row in tile.rows.clone() {
                let base = (sample * points + row * n) * outputs;
                // SAFETY: tiles are disjoint, and dq is copied before dx replaces it; lengths as in
                // the forward pass
                unsafe {
                    for (at, point) in [(0, first), (pairs, n - end)] {
                        let from = dq.at(base + point * outputs, pairs * outputs);
                        let to = copy[at * outputs..][..pairs * outputs].as_mut_ptr();
                        std::ptr::copy_nonoverlapping(from, to, pairs * outputs);
                    }
                    synthesise_row(
                        self.level,
                        Synthesis {
                            pairs: tile.pairs,
                            modes: self.plan.last.kept,
                            inputs: outputs,
                            outputs: inputs,
                            cos: table.cos.as_ptr(),
                            sin: table.sin.as_ptr(),
                            spectrum: self.row_spectrum(rows, row, inputs),
                            x_low: copy.as_ptr(),
                            x_high: copy.as_ptr().add((2 * pairs - 1) * outputs),
                            skip: skip.as_ptr(),
                            bias: std::ptr::null(),
                            y: to.at((sample * points + row * n) * inputs, n * inputs),
                        },
                    );
                }
            }
        });
    }

    /// Adds the sums of the chunks, in their order.
    fn reduce(
        &self,
        partials: &[f32],
        part: usize,
        chunks: usize,
        real: Buffer,
        imaginary: Buffer,
    ) -> BlockGradients {
        let outputs = self.outputs;
        let mut skip = vec![0.0; self.inputs * outputs];
        let mut bias = vec![0.0; outputs];
        let mut film = vec![0.0; if self.film.is_some() { self.batch * 2 * outputs } else { 0 }];
        for (sample, partials) in partials.chunks_exact(chunks * part).enumerate() {
            let mut moments = summed(partials, part);
            let own: Vec<f32> = moments.drain(..skip.len()).collect();
            skip.iter_mut().zip(own).for_each(|(a, b)| *a += b);
            // moments of the gradient after the conditioning: Σ dp and Σ dp q
            let (shift, scale) = moments.split_at(outputs);
            match self.film {
                None => bias.iter_mut().zip(shift).for_each(|(b, s)| *b += s),
                Some(given) => {
                    let given = &given[sample * 2 * outputs..][..outputs];
                    for ((b, s), g) in bias.iter_mut().zip(shift).zip(given) {
                        *b += (1.0 + g) * s;
                    }
                    let film = &mut film[sample * 2 * outputs..][..2 * outputs];
                    film[..outputs].copy_from_slice(scale);
                    film[outputs..].copy_from_slice(shift);
                }
            }
        }
        BlockGradients { real, imaginary, skip, bias, film }
    }
}
