//! A nonlinearity on a grid of twice the points an axis, with truncation of the spectrum on the way
//! back.
//!
//! y = D gelu( U(q ⊙ (1 + scale) + shift) ). U interpolates the function with the values q, and D
//! projects on the modes of the original grid (`oversampling`). GELU creates frequencies that the
//! grid does not hold. Sampled on the grid, they would alias to lower ones.
//!
//! The axes are treated one after another, the last one row by row. The faces of a row are
//! interpolated, pass the activation and are projected back to the row, all in the first-level
//! cache. For the other axes the values at faces are whole fields of the same size in scratch
//! memory, one for each axis. The whole oversampled field is never stored. The backward pass
//! recomputes the values at faces from q, the only thing that it keeps.
//!
//! The nonlinearity is an operator of its own after a layer's linear part, because interpolation
//! along the first axis needs all rows. q is written in any case, and the backward pass needs it.
//! The linear part is in `block`, the tables in `oversampling`.

use crate::cpu::activation::{activate, activation_slope};
use crate::cpu::buffer::{Buffer, Fresh};
use crate::cpu::folded::{Folded, Operands, folded_product};
use crate::cpu::share::{Shared, by_sample, for_each, with_scratch};
use crate::plan::oversampling::{Halved, OversamplingPlan};
use crate::simd::Level;

/// Number of values of a row that one task of a shared product processes.
const COLUMNS: usize = 128;
/// Number of pairs of points of an axis that it processes.
const PAIRS: usize = 48;
/// Number of points of a row whose sums are taken together before they are added to others.
const CHUNK: usize = 1024;

/// The nonlinearity on one grid.
#[derive(Clone, Copy)]
pub(crate) struct Oversampled<'a> {
    pub plan: &'a OversamplingPlan,
    pub level: Level,
    pub batch: usize,
    pub channels: usize,
    /// `[batch; scale, shift; channel]`.
    pub film: Option<&'a [f32]>,
}

impl Oversampled<'_> {
    /// y of `q` `[batch, point, channel]`.
    pub fn forward(&self, q: &[f32]) -> Buffer {
        let len = self.field(q);
        let mut y = Fresh::new(q.len());
        let (from, to, shared) = (Shared::reading(q), y.shared(), !by_sample(self.batch));
        for_each(self.batch, !shared, |b| {
            // SAFETY: each sample has its own values
            unsafe {
                let (from, to) = (from.part(b * len, len), to.part(b * len, len));
                self.values(0, b, from, to, shared);
            }
        });
        // SAFETY: every sample was written
        unsafe { y.finish() }
    }

    /// Replaces the gradient `d` of y by that of q. Returns the gradients of the conditioning, if
    /// any.
    pub fn backward(&self, q: &[f32], d: &mut [f32]) -> Vec<f32> {
        let len = self.field(q);
        assert_eq!(d.len(), q.len(), "dy is [batch, point, channel]");
        let part = self.parts(0) * 2 * self.channels;
        let mut sums = vec![0.0; self.batch * part];
        let (from, to, sums_to) = (Shared::reading(q), Shared::new(d), Shared::new(&mut sums));
        let shared = !by_sample(self.batch);
        for_each(self.batch, !shared, |b| {
            // SAFETY: each sample has its own values, gradients and sums
            unsafe {
                let (from, to) = (from.part(b * len, len), to.part(b * len, len));
                let sums = sums_to.part(b * part, part);
                self.gradients(0, b, from, to, sums, shared);
            }
        });
        match self.film {
            None => vec![],
            Some(_) => sums.chunks_exact(part).flat_map(|sums| self.film_gradient(sums)).collect(),
        }
    }

    /// Number of values of a field. Asserts the lengths that the unsafe parts rely on.
    fn field(&self, q: &[f32]) -> usize {
        let len = self.plan.points() * self.channels;
        assert!(self.channels > 0, "a layer has channels");
        assert_eq!(q.len(), self.batch * len, "q is [batch, point, channel]");
        if let Some(film) = self.film {
            assert_eq!(film.len(), self.batch * 2 * self.channels, "film is [batch; 2; channel]");
        }
        len
    }

    /// Scale and shift of a sample, or null.
    fn film_of(&self, sample: usize) -> *const f32 {
        let row = 2 * self.channels;
        self.film.map_or(std::ptr::null(), |f| f[sample * row..(sample + 1) * row].as_ptr())
    }

    /// Number of pieces of the sums for the values behind one index of the axes before `axis`.
    fn parts(&self, axis: usize) -> usize {
        let (last, before) = self.plan.axes[axis..].split_last().expect("an axis");
        chunks(last.n) * before.iter().map(|a| 2 * a.n + 1).product::<usize>()
    }

    /// Gradients of scale and shift, from the pieces of Σ dp and Σ dp q in their order.
    fn film_gradient(&self, sums: &[f32]) -> Vec<f32> {
        let mut film = vec![0.0; 2 * self.channels];
        for piece in sums.chunks_exact(2 * self.channels) {
            let (shift, scale) = piece.split_at(self.channels);
            film.iter_mut().zip(scale.iter().chain(shift)).for_each(|(f, s)| *f += s);
        }
        film.iter_mut().for_each(|f| *f *= self.plan.scale);
        film
    }

    /// y for the values behind one index of the axes before `axis`; the scale is applied at the
    /// first axis only.
    ///
    /// # Safety
    /// `from` and `to` hold it and are used by nobody else; they are the same or do not overlap.
    unsafe fn values(&self, axis: usize, sample: usize, from: Shared, to: Shared, shared: bool) {
        let table = &self.plan.axes[axis];
        let row = self.plan.behind(axis) * self.channels;
        let n = table.n;
        with_scratch((n + 1) * row, |faces| {
            let faces = Shared::new(faces);
            // SAFETY: centres and faces of this axis, `row` values each; indices are disjoint
            unsafe {
                self.product(&table.up, from, None, faces, row, shared);
                if axis + 1 == self.plan.axes.len() {
                    for_each(chunks(n), shared, |i| {
                        self.activate(sample, n, i, from, to);
                        self.activate(sample, n + 1, i, faces, faces);
                    });
                } else {
                    for_each(2 * n + 1, shared, |i| {
                        let (from, to, i) =
                            if i < n { (from, to, i) } else { (faces, faces, i - n) };
                        let (from, to) = (from.part(i * row, row), to.part(i * row, row));
                        self.values(axis + 1, sample, from, to, shared);
                    });
                }
                self.product(&table.down, faces, Some(self.scale(axis)), to, row, shared);
            }
        });
    }

    /// Replaces the gradients `d` of the values behind one index of the axes before `axis`, and
    /// adds to `sums`.
    ///
    /// # Safety
    /// The buffers hold it and its pieces of the sums; nobody else uses `d` and `sums`.
    unsafe fn gradients(
        &self,
        axis: usize,
        sample: usize,
        q: Shared,
        d: Shared,
        sums: Shared,
        shared: bool,
    ) {
        let table = &self.plan.axes[axis];
        let row = self.plan.behind(axis) * self.channels;
        let Halved { n, up, down_transposed, up_transposed, .. } = table;
        let n = *n;
        with_scratch(2 * (n + 1) * row, |faces| {
            let (q_faces, d_faces) = faces.split_at_mut((n + 1) * row);
            let (q_faces, d_faces) = (Shared::new(q_faces), Shared::new(d_faces));
            // SAFETY: centres and faces of this axis, `row` values each; indices and pieces are
            // disjoint
            unsafe {
                self.product(up, q, None, q_faces, row, shared);
                self.product(down_transposed, d, None, d_faces, row, shared);
                if axis + 1 == self.plan.axes.len() {
                    for_each(chunks(n), shared, |i| {
                        let sums = sums.at(i * 2 * self.channels, 2 * self.channels);
                        self.slope(sample, n, i, q, d, sums);
                        self.slope(sample, n + 1, i, q_faces, d_faces, sums);
                    });
                } else {
                    let parts = self.parts(axis + 1) * 2 * self.channels;
                    for_each(2 * n + 1, shared, |i| {
                        let sums = sums.part(i * parts, parts);
                        let (q, d, i) = if i < n { (q, d, i) } else { (q_faces, d_faces, i - n) };
                        let (q, d) = (q.part(i * row, row), d.part(i * row, row));
                        self.gradients(axis + 1, sample, q, d, sums, shared);
                    });
                }
                self.product(up_transposed, d_faces, Some(self.scale(axis)), d, row, shared);
            }
        });
    }

    /// Factor of the values at centres on the way back.
    fn scale(&self, axis: usize) -> f32 {
        if axis == 0 { self.plan.scale } else { 1.0 }
    }

    /// `to` = M `from` + factor · `to` on rows of `row` values.
    ///
    /// # Safety
    /// The buffers hold as many rows as M has, do not overlap, and nobody else uses `to`.
    unsafe fn product(
        &self,
        matrix: &Folded,
        from: Shared,
        factor: Option<f32>,
        to: Shared,
        row: usize,
        shared: bool,
    ) {
        let (columns, pairs) = if shared { (COLUMNS, PAIRS) } else { (row, matrix.pairs()) };
        let (wide, high) = (row.div_ceil(columns), matrix.pairs().div_ceil(pairs));
        for_each(wide * high, shared, |task| {
            let (column, pair) = (task % wide * columns, task / wide * pairs);
            with_scratch(matrix.scratch(), |scratch| {
                // SAFETY: each task has its own columns of its own pairs of rows
                unsafe {
                    let y = to.at(column, 0);
                    folded_product(
                        self.level,
                        matrix,
                        Operands {
                            columns: columns.min(row - column),
                            pair,
                            last: matrix.pairs().min(pair + pairs),
                            x: from.at(column, 0),
                            base: factor.map_or(std::ptr::null(), |_| y.cast_const()),
                            factor: factor.unwrap_or(0.0),
                            y,
                            row,
                            scratch: scratch.as_mut_ptr(),
                        },
                    );
                }
            });
        });
    }

    /// Applies the activation to chunk `i` of `points`.
    ///
    /// # Safety
    /// The buffers hold the points and are the same or do not overlap; nobody else uses the chunk.
    unsafe fn activate(&self, sample: usize, points: usize, i: usize, q: Shared, y: Shared) {
        let (first, count) = chunk(points, i);
        let (at, len) = (first * self.channels, count * self.channels);
        // SAFETY: the caller's promise
        unsafe {
            let (q, y) = (q.at(at, len), y.at(at, len));
            let film = self.film_of(sample);
            activate(self.level, count, self.channels, q, film, true, y);
        }
    }

    /// The gradient of the activation, and the chunk's contribution to the sums.
    ///
    /// # Safety
    /// As [`Oversampled::activate`]; `sums` holds two values a channel.
    unsafe fn slope(
        &self,
        sample: usize,
        points: usize,
        i: usize,
        q: Shared,
        d: Shared,
        sums: *mut f32,
    ) {
        let (first, count) = chunk(points, i);
        let (at, len) = (first * self.channels, count * self.channels);
        // SAFETY: the caller's promise
        unsafe {
            let (q, d) = (q.at(at, len), d.at(at, len));
            let film = self.film_of(sample);
            activation_slope(self.level, count, self.channels, q, film, true, d, sums);
        }
    }
}

/// Number of chunks of the centres and faces of a row of `n` cells. One chunk of each is one piece
/// of work.
fn chunks(n: usize) -> usize {
    (n + 1).div_ceil(CHUNK)
}

/// First point and number of points of chunk `i`; 0 points after the last chunk.
fn chunk(points: usize, i: usize) -> (usize, usize) {
    let first = points.min(i * CHUNK);
    (first, points.min(first + CHUNK) - first)
}
