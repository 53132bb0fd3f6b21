//! Transforms along every axis but the last: between its points and its kept modes −q … q.
//!
//! Values are complex, stored as two halves `[re; columns]` and `[im; columns]` of a row. Phases
//! are taken about the centre, as in [`crate::cpu::rows`], and points are folded likewise. With
//! P_k = Σ cos (z_j + z_{n−1−j}) and Q_k = Σ sin (z_j − z_{n−1−j}), modes ±k are P_k ∓ i Q_k. Both
//! come from one pass.
//!
//! Modes are in the order of the window: 0 … p−1, then −q … −1.

use crate::cpu::product::{load, store};
use crate::cpu::rows::Pairs;
use crate::simd::{Lanes, dispatched};

/// One axis: its points, its kept modes, and factors `[k, pair]` for k = 0 … q.
#[derive(Debug, Clone)]
pub(crate) struct AxisTable {
    pub n: usize,
    /// Number p of modes 0 … p−1.
    pub positive: usize,
    /// Number q of modes −q … −1; q is p or p − 1.
    pub negative: usize,
    /// Factors of the analysis. The middle of an odd axis has half weight, because it is paired
    /// with itself.
    pub analysis: [Vec<f32>; 2],
    /// Factors of the synthesis.
    pub synthesis: [Vec<f32>; 2],
}

impl AxisTable {
    /// Number of kept modes.
    pub fn kept(&self) -> usize {
        self.positive + self.negative
    }

    /// The operands of one transform between points `[n; re, im; row]` and modes `[re, im; mode;
    /// row]`, for the columns `first .. end` of a row.
    pub fn operands(&self, row: usize, columns: std::ops::Range<usize>) -> Axis {
        let (n, positive, negative) = (self.n, self.positive, self.negative);
        Axis { n, positive, negative, row, first: columns.start, end: columns.end }
    }
}

/// The operands made by [`AxisTable::operands`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Axis {
    n: usize,
    positive: usize,
    negative: usize,
    row: usize,
    first: usize,
    end: usize,
}

impl Axis {
    /// Offsets of mode k ≥ 0 and of mode −k.
    #[inline(always)]
    fn slots(&self, k: usize) -> (usize, usize) {
        (k * self.row, (self.positive + self.negative - k) * self.row)
    }

    /// Distance between the real and the imaginary half of a spectrum.
    #[inline(always)]
    fn half(&self) -> usize {
        (self.positive + self.negative) * self.row
    }
}

dispatched! {
    /// Points `[n; re, im; row]` → modes `[re, im; mode; row]`.
    ///
    /// # Safety
    /// The pointers cover these and the tables; `modes` overlaps none.
    pub(crate) fn analyse_axis = analyse_body(
        axis: Axis, cos: *const f32, sin: *const f32, points: *const f32, modes: *mut f32,
    )
}

dispatched! {
    /// Modes `[re, im; mode; row]` → points `[n; re, im; row]`.
    ///
    /// # Safety
    /// The pointers cover these and the tables; `points` overlaps none.
    pub(crate) fn synthesise_axis = synthesise_body(
        axis: Axis, cos: *const f32, sin: *const f32, modes: *const f32, points: *mut f32,
    )
}

/// Runs a tile function over all columns (two registers at a time, the last one masked), and over
/// `count` rows in blocks of up to `ROWS / 4`.
macro_rules! over_tiles {
    ($l:ident, $axis:expr, $count:expr, $tile:ident($($arg:expr),*)) => {
        let most = ($l::ROWS / 4).max(1);
        let mut column = $axis.first;
        while column < $axis.end {
            let left = $axis.end - column;
            let blocks = $count.div_ceil(most);
            let mut at = 0;
            for block in 0..blocks {
                let rows = ($count - at) / (blocks - block);
                macro_rules! tile_of {
                    ($v:literal, $part:literal, $mask:expr, $r:ident) => {
                        $tile::<$l, $r, $v, $part>($axis, $($arg,)* at, column, $mask)
                    };
                }
                macro_rules! rows_of {
                    ($v:literal, $part:literal, $mask:expr) => {
                        match rows {
                            1 => tile_of!($v, $part, $mask, ONE),
                            2 if 2 <= most => tile_of!($v, $part, $mask, TWO),
                            3 if 3 <= most => tile_of!($v, $part, $mask, THREE),
                            _ => unreachable!("blocks have 1 to 3 rows"),
                        }
                    };
                }
                // SAFETY: rows at … at + rows and columns from `column`, masked at the end
                unsafe {
                    if left >= 2 * $l::COUNT {
                        rows_of!(2, false, $l::mask($l::COUNT));
                    } else if left > $l::COUNT {
                        rows_of!(2, true, $l::mask(left - $l::COUNT));
                    } else {
                        rows_of!(1, true, $l::mask(left));
                    }
                }
                at += rows;
            }
            column += 2 * $l::COUNT;
        }
    };
}

const ONE: usize = 1;
const TWO: usize = 2;
const THREE: usize = 3;

#[inline(always)]
unsafe fn analyse_body<L: Lanes>(
    axis: Axis,
    cos: *const f32,
    sin: *const f32,
    points: *const f32,
    modes: *mut f32,
) {
    let count = axis.negative + 1;
    over_tiles!(L, axis, count, analyse_tile(cos, sin, points, modes));
}

#[inline(always)]
unsafe fn synthesise_body<L: Lanes>(
    axis: Axis,
    cos: *const f32,
    sin: *const f32,
    modes: *const f32,
    points: *mut f32,
) {
    let count = Pairs::of(axis.n);
    over_tiles!(L, axis, count, synthesise_tile(cos, sin, modes, points));
}

/// Computes modes ±k, ±(k + 1), … (`M` of them).
#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn analyse_tile<L: Lanes, const M: usize, const V: usize, const PART: bool>(
    axis: Axis,
    cos: *const f32,
    sin: *const f32,
    points: *const f32,
    modes: *mut f32,
    k: usize,
    column: usize,
    mask: L::Mask,
) {
    let half = Pairs::of(axis.n);
    // SAFETY: M modes, V registers of columns, all points of the axis, all inside
    unsafe {
        let (cos, sin) = (cos.add(k * half), sin.add(k * half));
        let zero = [[L::splat(0.0); V]; M];
        let (mut p_re, mut p_im, mut q_re, mut q_im) = (zero, zero, zero, zero);
        for j in 0..half {
            let low = points.add(2 * j * axis.row + column);
            let high = points.add(2 * (axis.n - 1 - j) * axis.row + column);
            let (low_im, high_im) = (low.add(axis.row), high.add(axis.row));
            for v in 0..V {
                let (a, b) = (load::<L, V, PART>(low, v, mask), load::<L, V, PART>(high, v, mask));
                let (re, re_odd) = (a.add(b), a.sub(b));
                let (a, b) =
                    (load::<L, V, PART>(low_im, v, mask), load::<L, V, PART>(high_im, v, mask));
                let (im, im_odd) = (a.add(b), a.sub(b));
                for i in 0..M {
                    let cos = L::splat(*cos.add(i * half + j));
                    let sin = L::splat(*sin.add(i * half + j));
                    p_re[i][v] = cos.fma(re, p_re[i][v]);
                    p_im[i][v] = cos.fma(im, p_im[i][v]);
                    q_re[i][v] = sin.fma(re_odd, q_re[i][v]);
                    q_im[i][v] = sin.fma(im_odd, q_im[i][v]);
                }
            }
        }
        for i in 0..M {
            let (plus, minus) = axis.slots(k + i);
            for v in 0..V {
                if k + i < axis.positive {
                    let at = modes.add(plus + column);
                    store::<L, V, PART>(p_re[i][v].add(q_im[i][v]), at, v, mask);
                    let im = p_im[i][v].sub(q_re[i][v]);
                    store::<L, V, PART>(im, at.add(axis.half()), v, mask);
                }
                if k + i > 0 {
                    let at = modes.add(minus + column);
                    store::<L, V, PART>(p_re[i][v].sub(q_im[i][v]), at, v, mask);
                    let im = p_im[i][v].add(q_re[i][v]);
                    store::<L, V, PART>(im, at.add(axis.half()), v, mask);
                }
            }
        }
    }
}

/// Computes the points j and n−1−j of `P` pairs from `j`.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn synthesise_tile<L: Lanes, const P: usize, const V: usize, const PART: bool>(
    axis: Axis,
    cos: *const f32,
    sin: *const f32,
    modes: *const f32,
    points: *mut f32,
    j: usize,
    column: usize,
    mask: L::Mask,
) {
    let half = Pairs::of(axis.n);
    // SAFETY: P pairs, V registers of columns, all modes of the axis, all inside
    unsafe {
        let (cos, sin) = (cos.add(j), sin.add(j));
        let zero = [[L::splat(0.0); V]; P];
        let (mut e_re, mut e_im, mut o_re, mut o_im) = (zero, zero, zero, zero);
        for k in 0..=axis.negative {
            let (plus, minus) = axis.slots(k);
            for v in 0..V {
                let (mut re, mut im) = (L::splat(0.0), L::splat(0.0));
                if k < axis.positive {
                    let at = modes.add(plus + column);
                    re = load::<L, V, PART>(at, v, mask);
                    im = load::<L, V, PART>(at.add(axis.half()), v, mask);
                }
                // e^{iθ} z₊ + e^{−iθ} z₋ = cos (z₊ + z₋) + sin i (z₊ − z₋)
                let (mut re_odd, mut im_odd) = (L::splat(0.0), L::splat(0.0));
                if k > 0 {
                    let at = modes.add(minus + column);
                    let a = load::<L, V, PART>(at, v, mask);
                    let b = load::<L, V, PART>(at.add(axis.half()), v, mask);
                    (re_odd, im_odd) = (b.sub(im), re.sub(a));
                    (re, im) = (re.add(a), im.add(b));
                }
                for i in 0..P {
                    let cos = L::splat(*cos.add(k * half + i));
                    let sin = L::splat(*sin.add(k * half + i));
                    e_re[i][v] = cos.fma(re, e_re[i][v]);
                    e_im[i][v] = cos.fma(im, e_im[i][v]);
                    o_re[i][v] = sin.fma(re_odd, o_re[i][v]);
                    o_im[i][v] = sin.fma(im_odd, o_im[i][v]);
                }
            }
        }
        for i in 0..P {
            let low = points.add(2 * (j + i) * axis.row + column);
            let high = points.add(2 * (axis.n - 1 - j - i) * axis.row + column);
            for v in 0..V {
                store::<L, V, PART>(e_re[i][v].add(o_re[i][v]), low, v, mask);
                store::<L, V, PART>(e_re[i][v].sub(o_re[i][v]), high, v, mask);
                let (low, high) = (low.add(axis.row), high.add(axis.row));
                store::<L, V, PART>(e_im[i][v].add(o_im[i][v]), low, v, mask);
                store::<L, V, PART>(e_im[i][v].sub(o_im[i][v]), high, v, mask);
            }
        }
    }
}
