//! Sums of matrix products over segments of one list of terms, kept in registers throughout.
//!
//! C (+)= Σ_s A_s B_s. A convolution is this sum over its taps (a row of cells times the weights of
//! a tap). The gradient of a tap's weights is this sum over the rows of an image. Nothing is first
//! gathered into one long matrix. Rows of every B_s are [`PANEL`] wide for every instruction set
//! and padded where a matrix ends, so they are loaded whole; the tails of C are masked. Every
//! element of C is summed segment by segment and term by term, for any tile.

use crate::cpu::product::{load, store};
use crate::simd::{Lanes, dispatched};

/// Number of values in a row of a panel: two registers of the widest instruction set.
pub(crate) const PANEL: usize = 32;

/// Offsets of a segment's operands, in values from those of the whole sum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Segment {
    pub a: usize,
    pub b: usize,
}

/// The left operands.
#[derive(Clone, Copy)]
pub(crate) struct Left {
    pub at: *const f32,
    /// Distance in values from one row to the next or, for a transpose, from one term to the next.
    /// The other step is 1.
    pub step: usize,
    pub transposed: bool,
}

/// The start value of C. Null pointers stand for zeros.
#[derive(Clone, Copy)]
pub(crate) struct Base {
    /// One row that is used for all rows of C.
    pub bias: *const f32,
    /// Rows as far apart as those of C. They may be those of C.
    pub held: *const f32,
}

impl Base {
    pub const ZERO: Self = Self { bias: std::ptr::null(), held: std::ptr::null() };
}

dispatched! {
    /// C `[rows, columns]` = base + Σ_s A_s `[rows, terms]` B_s `[terms, PANEL]`.
    ///
    /// # Safety
    /// `columns` is 1 to [`PANEL`]; the pointers cover these matrices in every segment; C overlaps
    /// none but the base's held rows, and those only as a whole.
    pub(crate) fn sum_of_products = sum_body(
        rows: usize, columns: usize, terms: usize, segments: &[Segment],
        a: Left, b: *const f32, c: *mut f32, c_row: usize, base: Base,
    )
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn sum_body<L: Lanes>(
    rows: usize,
    columns: usize,
    terms: usize,
    segments: &[Segment],
    a: Left,
    b: *const f32,
    c: *mut f32,
    c_row: usize,
    base: Base,
) {
    let beside = |at: *const f32, by: usize| if at.is_null() { at } else { at.wrapping_add(by) };
    let mut j = 0;
    while j < columns {
        let left = columns - j;
        // SAFETY: columns j … of the same matrices, masks end at `columns`
        unsafe {
            let (b, c) = (b.add(j), c.add(j));
            let base = Base { bias: beside(base.bias, j), held: beside(base.held, j) };
            macro_rules! run {
                ($v:literal, $transposed:literal) => {{
                    let mask = L::mask(left - ($v - 1) * L::COUNT);
                    all_rows::<L, $v, $transposed>(
                        rows, terms, segments, a, b, c, c_row, base, mask,
                    )
                }};
            }
            match (left > L::COUNT, a.transposed) {
                (true, false) => run!(2, false),
                (true, true) => run!(2, true),
                (false, false) => run!(1, false),
                (false, true) => run!(1, true),
            }
        }
        j += 2 * L::COUNT;
    }
}

/// Processes all rows of `V` registers of columns, in blocks of nearly equal height.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn all_rows<L: Lanes, const V: usize, const TRANSPOSED: bool>(
    rows: usize,
    terms: usize,
    segments: &[Segment],
    a: Left,
    b: *const f32,
    c: *mut f32,
    c_row: usize,
    base: Base,
    mask: L::Mask,
) {
    let blocks = rows.div_ceil(L::ROWS);
    let mut i = 0;
    for block in 0..blocks {
        let height = (rows - i) / (blocks - block);
        // SAFETY: rows i … i + height of the same matrices
        unsafe {
            let at = a.at.add(if TRANSPOSED { i } else { i * a.step });
            let c = c.add(i * c_row);
            let held = match base.held.is_null() {
                true => base.held,
                false => base.held.add(i * c_row),
            };
            let (a, base) = (Left { at, ..a }, Base { held, ..base });
            macro_rules! tile_of {
                ($($r:literal)*) => {
                    match height {
                        $($r if $r <= L::ROWS => tile::<L, $r, V, TRANSPOSED>(
                            terms, segments, a, b, c, c_row, base, mask,
                        ),)*
                        _ => unreachable!("blocks have 1 to ROWS rows"),
                    }
                };
            }
            tile_of!(1 2 3 4 5 6 7 8 9 10 11 12);
        }
        i += height;
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn tile<L: Lanes, const R: usize, const V: usize, const TRANSPOSED: bool>(
    terms: usize,
    segments: &[Segment],
    a: Left,
    b: *const f32,
    c: *mut f32,
    c_row: usize,
    base: Base,
    mask: L::Mask,
) {
    // SAFETY: R rows, V registers of columns (the last one masked in C and the base), all inside
    unsafe {
        let mut acc = [[L::splat(0.0); V]; R];
        if !base.bias.is_null() {
            for v in 0..V {
                let bias = load::<L, V, true>(base.bias, v, mask);
                for acc in &mut acc {
                    acc[v] = bias;
                }
            }
        }
        if !base.held.is_null() {
            for (i, acc) in acc.iter_mut().enumerate() {
                for (v, acc) in acc.iter_mut().enumerate() {
                    *acc = acc.add(load::<L, V, true>(base.held.add(i * c_row), v, mask));
                }
            }
        }
        for segment in segments {
            let (mut at, mut row) = (a.at.add(segment.a), b.add(segment.b));
            for _ in 0..terms {
                let mut b = [L::splat(0.0); V];
                for (v, b) in b.iter_mut().enumerate() {
                    *b = L::load(row.add(v * L::COUNT));
                }
                for (i, acc) in acc.iter_mut().enumerate() {
                    let a = L::splat(*at.add(if TRANSPOSED { i } else { i * a.step }));
                    for v in 0..V {
                        acc[v] = a.fma(b[v], acc[v]);
                    }
                }
                // after the last term both pointers are past their matrices
                at = at.wrapping_add(if TRANSPOSED { a.step } else { 1 });
                row = row.wrapping_add(PANEL);
            }
        }
        for (i, acc) in acc.into_iter().enumerate() {
            for (v, acc) in acc.into_iter().enumerate() {
                store::<L, V, true>(acc, c.add(i * c_row), v, mask);
            }
        }
    }
}
