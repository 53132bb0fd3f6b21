//! One layer of a Fourier neural operator, in as few passes over memory as its algorithm allows.
//!
//! y = act( (Re Σ_k e^{iω_k·x} W_k x̂_k + x S + β) ⊙ (1 + scale) + shift ) with x̂_k = mean_j
//! x(x_j) e^{−iω_k·x_j}.
//!
//! The forward pass transforms rows to their modes, then the other axes on the smaller data. Then
//! it computes one complex product a mode for the whole batch, and transforms these axes back. A
//! last pass over tiles writes the result: inverse rows, skip and bias in registers, conditioning
//! and activation from the first-level cache. The backward pass runs the transposed transforms in
//! the same way. It uses the kept x, values q before conditioning, and spectrum, and recomputes the
//! rest.
//!
//! Samples are distributed over threads. If the batch is too small for that, the tiles, columns and
//! modes of each sample are shared instead. The products of the modes are in `block_modes`.
//!
//! This file is long: it holds the forward and the backward pass side by side, because one is read
//! against the other.

use crate::cpu::activation::{activate, activation_slope};
use crate::cpu::buffer::{Buffer, Fresh};
use crate::cpu::mixing::transpose;
use crate::cpu::product::{Start, Strided, product};
use crate::cpu::rows::{Pairs, RowTable, Synthesis, analyse_row, synthesise_row};
use crate::cpu::share::{Shared, by_sample, for_each, summed, with_scratch};
use crate::cpu::tiles::Tiles;
use crate::cpu::transform::{analyse, synthesise};
use crate::plan::spectral::SpectralPlan;
use crate::simd::{Level, prefetch};

/// The activation after the linear part of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// No activation.
    Identity,
    /// x Φ(x), where Φ is the normal distribution function, not its tanh approximation.
    Gelu,
}

/// The parameters of a layer on one grid.
#[derive(Clone, Copy)]
pub(crate) struct Block<'a> {
    pub plan: &'a SpectralPlan,
    pub level: Level,
    pub batch: usize,
    pub inputs: usize,
    pub outputs: usize,
    /// Re W, `[mode, in, out]`.
    pub real: &'a [f32],
    /// Im W.
    pub imaginary: &'a [f32],
    /// S, `[in, out]`.
    pub skip: &'a [f32],
    /// β, `[out]`.
    pub bias: &'a [f32],
    /// `[batch; scale, shift; out]`.
    pub film: Option<&'a [f32]>,
    pub activation: Activation,
}

/// The results of a forward pass.
pub(crate) struct Forward {
    pub y: Buffer,
    /// Values before conditioning and activation. Empty unless requested and needed.
    pub q: Buffer,
    /// Spectrum of x, if requested.
    pub spectrum: Option<Buffer>,
}

/// Gradients of a layer's parameters. The gradient of x has replaced that of y.
pub(crate) struct BlockGradients {
    pub real: Buffer,
    pub imaginary: Buffer,
    pub skip: Vec<f32>,
    pub bias: Vec<f32>,
    /// Empty without conditioning.
    pub film: Vec<f32>,
}

impl Block<'_> {
    /// Whether the layer is purely linear in x, so that its backward pass needs no values.
    fn plain(&self) -> bool {
        self.film.is_none() && self.activation == Activation::Identity
    }

    /// Checks the lengths that the unsafe parts below rely on.
    fn assert_lengths(&self) {
        let matrix = self.inputs * self.outputs;
        assert!(matrix > 0, "a layer has channels");
        assert_eq!(self.real.len(), self.plan.window() * matrix, "real is [mode, in, out]");
        assert_eq!(self.imaginary.len(), self.real.len(), "imaginary is [mode, in, out]");
        assert_eq!(self.skip.len(), matrix, "skip is [in, out]");
        assert_eq!(self.bias.len(), self.outputs, "one bias an output");
        if let Some(film) = self.film {
            assert_eq!(film.len(), self.batch * 2 * self.outputs, "film is [batch; 2; out]");
        }
    }

    /// Scale and shift of a sample, or null.
    fn film_of(&self, sample: usize) -> *const f32 {
        let row = 2 * self.outputs;
        self.film.map_or(std::ptr::null(), |f| f[sample * row..(sample + 1) * row].as_ptr())
    }

    /// The layer on `x` `[batch, point, in]`. With `keep`, also the values that the backward pass
    /// needs.
    pub fn forward(&self, x: &[f32], keep: bool) -> Forward {
        let (plan, points) = (self.plan, self.plan.points());
        self.assert_lengths();
        assert_eq!(x.len(), self.batch * points * self.inputs, "x is [batch, point, in]");
        let tiles = Tiles::of(plan);
        let shared = !by_sample(self.batch);
        let (len_x, len_y) = (points * self.inputs, points * self.outputs);
        let (in_spectrum, out_spectrum) =
            (2 * plan.kept() * self.inputs, 2 * plan.kept() * self.outputs);
        let mut spectrum = Fresh::new(self.batch * in_spectrum);
        let to = spectrum.shared();
        for_each(self.batch, !shared, |b| {
            let x = &x[b * len_x..(b + 1) * len_x];
            // SAFETY: each sample writes its own spectrum
            unsafe {
                let to = to.part(b * in_spectrum, in_spectrum);
                analyse(self.level, plan, self.inputs, shared, to, |tile, out| {
                    self.analyse_tile(&plan.last.analysis, &tiles, tile, x, self.inputs, out)
                });
            }
        });
        // SAFETY: every sample was written
        let spectrum = unsafe { spectrum.finish() };
        let mixed = self.mix(&spectrum);

        let mut y = Fresh::new(self.batch * len_y);
        let kept = keep && !self.plain();
        let mut q = Fresh::new(if kept { self.batch * len_y } else { 0 });
        let y_to = y.shared();
        let q_to = if kept { q.shared() } else { y_to };
        for_each(self.batch, !shared, |b| {
            let x = &x[b * len_x..(b + 1) * len_x];
            let mixed = &mixed[b * out_spectrum..(b + 1) * out_spectrum];
            synthesise(self.level, plan, self.outputs, shared, mixed, |rows| {
                for_each(tiles.count, shared, |i| {
                    let tile = tiles.tile(i);
                    for row in tile.rows.clone() {
                        let n = tile.pairs.n;
                        for run in tiles.ahead(i, row) {
                            prefetch(&x[run.start * self.inputs..run.end * self.inputs]);
                        }
                        let x = &x[row * n * self.inputs..(row + 1) * n * self.inputs];
                        // SAFETY: tiles write disjoint points of y or q; the operands are a row, its
                        // spectrum, and arrays whose lengths were checked
                        unsafe {
                            synthesise_row(
                                self.level,
                                Synthesis {
                                    pairs: tile.pairs,
                                    modes: plan.last.kept,
                                    inputs: self.inputs,
                                    outputs: self.outputs,
                                    cos: plan.last.synthesis.cos.as_ptr(),
                                    sin: plan.last.synthesis.sin.as_ptr(),
                                    spectrum: self.row_spectrum(rows, row, self.outputs),
                                    x_low: x.as_ptr().add(tile.pairs.first * self.inputs),
                                    x_high: x
                                        .as_ptr()
                                        .add((n - 1 - tile.pairs.first) * self.inputs),
                                    skip: self.skip.as_ptr(),
                                    bias: self.bias.as_ptr(),
                                    y: q_to
                                        .at(b * len_y + row * n * self.outputs, n * self.outputs),
                                },
                            );
                        }
                    }
                    if self.plain() {
                        return;
                    }
                    for run in tile.runs() {
                        let (at, len) =
                            (b * len_y + run.start * self.outputs, run.len() * self.outputs);
                        // SAFETY: this tile's part, just written
                        unsafe {
                            activate(
                                self.level,
                                run.len(),
                                self.outputs,
                                q_to.at(at, len),
                                self.film_of(b),
                                self.activation == Activation::Gelu,
                                y_to.at(at, len),
                            );
                        }
                    }
                });
            });
        });
        // SAFETY: the tiles cover every point; where q is not kept it stands in y
        let (y, q) = unsafe { (y.finish(), q.finish()) };
        Forward { y, q, spectrum: keep.then_some(spectrum) }
    }

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

    /// Row analysis of one tile into its place in `out`, `[row, part; re, im; mode, channel]`.
    fn analyse_tile(
        &self,
        table: &RowTable,
        tiles: &Tiles,
        i: usize,
        x: &[f32],
        channels: usize,
        out: Shared,
    ) {
        let tile = tiles.tile(i);
        let (n, len) = (tile.pairs.n, 2 * self.plan.last.kept * channels);
        for row in tile.rows {
            for run in tiles.ahead(i, row) {
                prefetch(&x[run.start * channels..run.end * channels]);
            }
            let x = &x[row * n * channels..(row + 1) * n * channels];
            // SAFETY: each row and part has its own place; table and row have the lengths meant
            unsafe {
                analyse_row(
                    self.level,
                    tile.pairs,
                    self.plan.last.kept,
                    channels,
                    table.cos.as_ptr(),
                    table.sin.as_ptr(),
                    x.as_ptr(),
                    out.at((row * tiles.parts + tile.part) * len, len),
                );
            }
        }
    }

    /// The spectrum of one row in a sample's `[row; re, im; mode, channel]`.
    fn row_spectrum(&self, rows: &[f32], row: usize, channels: usize) -> *const f32 {
        let len = 2 * self.plan.last.kept * channels;
        rows[row * len..(row + 1) * len].as_ptr()
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
