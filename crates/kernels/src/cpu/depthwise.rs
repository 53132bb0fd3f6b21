//! One small stencil a channel: y_c(x_i) = Σ_tap K_c(tap) x_c(x_{i + tap}).
//!
//! It is depthwise: channels do not mix, so a pass is limited by memory, not by arithmetic. Rows
//! are gathered by the lists of a [`StencilPlan`]. The same code computes values and, with the
//! transposed lists, the gradient of x. Away from the ends of a row all places are alike, and one
//! load of a tap's coefficients serves [`TOGETHER`] points.

use crate::cpu::activation::{masked_load, masked_store};
use crate::cpu::buffer::{Buffer, Fresh};
use crate::cpu::share::{Shared, by_sample, for_each, summed};
use crate::plan::stencil::{Contributions, StencilPlan};
use crate::simd::{Lanes, Level, dispatched};

/// Points that share the load of a coefficient. Their sums stay in registers.
const TOGETHER: usize = 8;
/// Approximate number of points of a task. The coefficient sums of a task are added to those of
/// others once.
const TASK: usize = 2048;

/// The operands of a stencil on one grid.
#[derive(Clone, Copy)]
pub(crate) struct Depthwise<'a> {
    pub plan: &'a StencilPlan,
    pub level: Level,
    pub batch: usize,
    pub channels: usize,
    /// `[tap, channel]`.
    pub taps: &'a [f32],
}

/// Gradients of a stencil.
pub(crate) struct DepthwiseGradients {
    /// The gradient of x, if requested.
    pub x: Option<Buffer>,
    pub taps: Vec<f32>,
}

impl Depthwise<'_> {
    /// The stencil on `x` `[batch, point, channel]`.
    pub fn forward(&self, x: &[f32]) -> Buffer {
        self.assert_lengths(x);
        self.gather(x, false)
    }

    /// Gradients from that of y.
    pub fn backward(&self, x: &[f32], dy: &[f32], wants_x: bool) -> DepthwiseGradients {
        self.assert_lengths(x);
        self.assert_lengths(dy);
        let (len, part) = (self.row_len(), self.taps.len());
        let (rows, height) = (self.plan.rows(), self.height());
        let tasks = rows.div_ceil(height);
        let mut partials = vec![0.0; self.batch * tasks * part];
        let to = Shared::new(&mut partials);
        let shared = !by_sample(self.batch);
        for_each(self.batch, !shared, |sample| {
            let base = sample * rows;
            for_each(tasks, shared, |task| {
                let mut near = Vec::new();
                for row in task * height..rows.min((task + 1) * height) {
                    self.plan.rows_of(row, false, &mut near);
                    let dy = &dy[(base + row) * len..][..len];
                    for (head, from) in &near {
                        let x = &x[(base + from) * len..][..len];
                        let taps = self.plan.last().taps * self.channels;
                        // SAFETY: each task has its own sums; rows and lists have their lengths
                        unsafe {
                            let sums = to.at((sample * tasks + task) * part + head * taps, taps);
                            correlate_row(
                                self.level,
                                &self.plan.last().forward,
                                self.plan.last().n,
                                self.channels,
                                dy.as_ptr(),
                                x.as_ptr(),
                                sums,
                            );
                        }
                    }
                }
            });
        });
        let taps = summed(&partials, part);
        DepthwiseGradients { x: wants_x.then(|| self.gather(dy, true)), taps }
    }

    fn row_len(&self) -> usize {
        self.plan.last().n * self.channels
    }

    /// Number of rows of a task.
    fn height(&self) -> usize {
        (TASK / self.plan.last().n).max(1)
    }

    /// Checks the lengths that the unsafe parts rely on.
    fn assert_lengths(&self, x: &[f32]) {
        assert!(self.channels > 0, "a stencil has channels");
        assert_eq!(self.taps.len(), self.plan.taps() * self.channels, "taps are [tap, channel]");
        let len = self.batch * self.plan.points() * self.channels;
        assert_eq!(x.len(), len, "values are [batch, point, channel]");
    }

    fn gather(&self, x: &[f32], transposed: bool) -> Buffer {
        let (last, len) = (self.plan.last(), self.row_len());
        let list = if transposed { &last.transposed } else { &last.forward };
        let (rows, height) = (self.plan.rows(), self.height());
        let mut y = Fresh::new(x.len());
        let to = y.shared();
        let shared = !by_sample(self.batch);
        for_each(self.batch, !shared, |sample| {
            let base = sample * rows;
            for_each(rows.div_ceil(height), shared, |task| {
                let mut near = Vec::new();
                let mut sources = Vec::new();
                for row in task * height..rows.min((task + 1) * height) {
                    self.plan.rows_of(row, transposed, &mut near);
                    sources.clear();
                    sources.extend(near.iter().map(|(head, from)| {
                        let taps = &self.taps[head * last.taps * self.channels..];
                        let x = &x[(base + from) * len..][..len];
                        (taps[..last.taps * self.channels].as_ptr(), x.as_ptr())
                    }));
                    // SAFETY: each row is written once; rows, taps and lists have their lengths
                    unsafe {
                        let y = to.at((base + row) * len, len);
                        gather_row(self.level, list, last.n, self.channels, &sources, y);
                    }
                }
            });
        });
        // SAFETY: the rows cover every point
        unsafe { y.finish() }
    }
}

dispatched! {
    /// Computes one row of sums over its contributions, from `(taps, row)` pairs.
    ///
    /// # Safety
    /// Every row and `y` hold n · channels values, taps one coefficient a tap of `list` and
    /// channel; the places in `list` are below n; `y` overlaps nothing.
    fn gather_row = gather_body(
        list: &Contributions,
        n: usize,
        channels: usize,
        sources: &[(*const f32, *const f32)],
        y: *mut f32,
    )
}

#[inline(always)]
unsafe fn gather_body<L: Lanes>(
    list: &Contributions,
    n: usize,
    channels: usize,
    sources: &[(*const f32, *const f32)],
    y: *mut f32,
) {
    // SAFETY: the caller's promises; lanes are those of the channels left
    unsafe {
        let mut channel = 0;
        while channel < channels {
            let whole = channel + L::COUNT <= channels;
            let mask = L::mask(L::COUNT.min(channels - channel));
            let load = |at: *const f32| masked_load::<L>(at, mask, whole);
            let mut place = 0;
            while place < n {
                let together = place >= list.interior.start
                    && place + TOGETHER <= list.interior.end
                    && !list.shifts.is_empty();
                if together {
                    let mut sums = [L::splat(0.0); TOGETHER];
                    for (taps, row) in sources {
                        for (tap, shift) in list.shifts.iter().enumerate() {
                            let k = load(taps.add(tap * channels + channel));
                            let first = place.wrapping_add_signed(*shift);
                            let from = row.add(first * channels + channel);
                            for (i, sum) in sums.iter_mut().enumerate() {
                                *sum = load(from.add(i * channels)).fma(k, *sum);
                            }
                        }
                    }
                    for (i, sum) in sums.into_iter().enumerate() {
                        masked_store(sum, y.add((place + i) * channels + channel), mask, whole);
                    }
                    place += TOGETHER;
                    continue;
                }
                let mut sum = L::splat(0.0);
                for (taps, row) in sources {
                    for (tap, from) in list.of(place) {
                        let k = load(taps.add(tap * channels + channel));
                        sum = load(row.add(from * channels + channel)).fma(k, sum);
                    }
                }
                masked_store(sum, y.add(place * channels + channel), mask, whole);
                place += 1;
            }
            channel += L::COUNT;
        }
    }
}

dispatched! {
    /// Adds Σ_i dy_i x_{i + tap} of one pair of rows to the sums `[tap, channel]`.
    ///
    /// # Safety
    /// As [`gather_row`], with `sums` in the place of taps, overlapping nothing.
    fn correlate_row = correlate_body(
        list: &Contributions,
        n: usize,
        channels: usize,
        dy: *const f32,
        x: *const f32,
        sums: *mut f32,
    )
}

#[inline(always)]
unsafe fn correlate_body<L: Lanes>(
    list: &Contributions,
    n: usize,
    channels: usize,
    dy: *const f32,
    x: *const f32,
    sums: *mut f32,
) {
    // SAFETY: the caller's promises; lanes are those of the channels left
    unsafe {
        let mut channel = 0;
        while channel < channels {
            let whole = channel + L::COUNT <= channels;
            let mask = L::mask(L::COUNT.min(channels - channel));
            let load = |at: *const f32| masked_load::<L>(at, mask, whole);
            let at_sum = |tap: usize| sums.add(tap * channels + channel);
            let inside = list.interior.clone();
            let mut tap = 0;
            // three taps share the load of dy; the remaining taps are processed singly
            while tap < list.shifts.len() && !inside.is_empty() {
                let count = if tap + 3 <= list.shifts.len() { 3 } else { 1 };
                let from = |i: usize| {
                    let shift = list.shifts[tap + i];
                    x.add(inside.start.wrapping_add_signed(shift) * channels + channel)
                };
                let d = dy.add(inside.start * channels + channel);
                if count == 3 {
                    let (a, b, c) = (from(0), from(1), from(2));
                    let zero = L::splat(0.0);
                    let (mut p, mut q, mut r) = (zero, zero, zero);
                    for i in 0..inside.len() {
                        let d = load(d.add(i * channels));
                        p = load(a.add(i * channels)).fma(d, p);
                        q = load(b.add(i * channels)).fma(d, q);
                        r = load(c.add(i * channels)).fma(d, r);
                    }
                    for (i, sum) in [p, q, r].into_iter().enumerate() {
                        let at = at_sum(tap + i);
                        masked_store(load(at).add(sum), at, mask, whole);
                    }
                } else {
                    let a = from(0);
                    let mut p = L::splat(0.0);
                    for i in 0..inside.len() {
                        p = load(a.add(i * channels)).fma(load(d.add(i * channels)), p);
                    }
                    masked_store(load(at_sum(tap)).add(p), at_sum(tap), mask, whole);
                }
                tap += count;
            }
            for place in (0..inside.start).chain(inside.end..n) {
                let d = load(dy.add(place * channels + channel));
                for (tap, from) in list.of(place) {
                    let at = at_sum(*tap);
                    let sum = load(x.add(from * channels + channel)).fma(d, load(at));
                    masked_store(sum, at, mask, whole);
                }
            }
            channel += L::COUNT;
        }
    }
}
