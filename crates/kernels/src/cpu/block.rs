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
//! The backward pass is in `block_backward`.

use crate::cpu::activation::activate;
use crate::cpu::buffer::{Buffer, Fresh};
use crate::cpu::rows::{RowTable, Synthesis, analyse_row, synthesise_row};
use crate::cpu::share::{Shared, by_sample, for_each};
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
    pub(super) fn plain(&self) -> bool {
        self.film.is_none() && self.activation == Activation::Identity
    }

    /// Checks the lengths that the unsafe parts below rely on.
    pub(super) fn assert_lengths(&self) {
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
    pub(super) fn film_of(&self, sample: usize) -> *const f32 {
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

    /// Row analysis of one tile into its place in `out`, `[row, part; re, im; mode, channel]`.
    pub(super) fn analyse_tile(
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
    pub(super) fn row_spectrum(&self, rows: &[f32], row: usize, channels: usize) -> *const f32 {
        let len = 2 * self.plan.last.kept * channels;
        rows[row * len..(row + 1) * len].as_ptr()
    }
}
