//! Products of the channels of one mode with its complex weight.
//!
//! A complex product takes three real ones. With P₁ = Σ a_re b_re, P₂ = Σ a_im b_im and P₃ = Σ
//! (a_re + a_im)(b_re + b_im) it is (P₁ − P₂) + i (P₃ − P₁ − P₂). All three stay in registers, and
//! conjugation is a choice of signs. The left factor is [packed](pack) first: the rows of a mode
//! lie whole spectra apart, often at distances that collide in a cache, and the sums of both parts
//! are needed once for every column. For the gradient of the spectrum the weight is needed
//! transposed, which [`transpose`] does by interleaving registers.

use crate::cpu::product::{load, store};
use crate::simd::{Lanes, dispatched};

/// A complex matrix in two real arrays. Its rows are contiguous and `row` apart.
#[derive(Clone, Copy)]
pub(crate) struct Complex {
    pub re: *const f32,
    pub im: *const f32,
    pub row: usize,
}

/// The left factor of a product: re, im and re ± im, each `part` values after the one before.
/// Element (i, p) of a part lies at `i · row + p · column`.
#[derive(Clone, Copy)]
pub(crate) struct Packed {
    pub at: *const f32,
    pub part: usize,
    pub row: usize,
    pub column: usize,
}

impl Packed {
    /// The matrix that [`pack`] wrote.
    pub fn rows(at: *const f32, rows: usize, columns: usize) -> Self {
        Self { at, part: rows * columns, row: columns, column: 1 }
    }

    /// The transpose of the matrix that [`pack`] wrote.
    pub fn columns(at: *const f32, rows: usize, columns: usize) -> Self {
        Self { at, part: rows * columns, row: 1, column: columns }
    }
}

/// The destination of a complex product. Its rows are contiguous.
#[derive(Clone, Copy)]
pub(crate) struct ComplexOut {
    pub re: *mut f32,
    pub im: *mut f32,
    pub row: usize,
}

dispatched! {
    /// Packs `from` `[rows, columns]` to `to` `[re, im, re + im; rows, columns]` without gaps. The
    /// last part is re − im for products that [conjugate](conjugate_mix) their left factor.
    ///
    /// # Safety
    /// The pointers cover these matrices; they do not overlap.
    pub(crate) fn pack = pack_body(
        rows: usize, columns: usize, from: Complex, conjugated: bool, to: *mut f32,
    )
}

#[inline(always)]
unsafe fn pack_body<L: Lanes>(
    rows: usize,
    columns: usize,
    from: Complex,
    conjugated: bool,
    to: *mut f32,
) {
    for i in 0..rows {
        let mut j = 0;
        while j < columns {
            // SAFETY: columns from j, masked at the end
            unsafe {
                let mask = L::mask((columns - j).min(L::COUNT));
                let re = L::load_part(from.re.add(i * from.row + j), mask);
                let im = L::load_part(from.im.add(i * from.row + j), mask);
                let sum = if conjugated { re.sub(im) } else { re.add(im) };
                let to = to.add(i * columns + j);
                re.store_part(to, mask);
                im.store_part(to.add(rows * columns), mask);
                sum.store_part(to.add(2 * rows * columns), mask);
            }
            j += L::COUNT;
        }
    }
}

dispatched! {
    /// C `[m, n]` = A `[m, k]` B `[k, n]`.
    ///
    /// # Safety
    /// The pointers cover these matrices; C overlaps none.
    pub(crate) fn mix = plain_body(
        m: usize, n: usize, k: usize, a: Packed, b: Complex, c: ComplexOut,
    )
}

dispatched! {
    /// C = A conj(B).
    ///
    /// # Safety
    /// As [`mix`].
    pub(crate) fn mix_conjugate = right_body(
        m: usize, n: usize, k: usize, a: Packed, b: Complex, c: ComplexOut,
    )
}

dispatched! {
    /// C = conj(A) B, where the last part of A is re − im.
    ///
    /// # Safety
    /// As [`mix`].
    pub(crate) fn conjugate_mix = left_body(
        m: usize, n: usize, k: usize, a: Packed, b: Complex, c: ComplexOut,
    )
}

#[inline(always)]
unsafe fn plain_body<L: Lanes>(m: usize, n: usize, k: usize, a: Packed, b: Complex, c: ComplexOut) {
    // SAFETY: the caller's promises
    unsafe { body::<L, false, false>(m, n, k, a, b, c) }
}

#[inline(always)]
unsafe fn right_body<L: Lanes>(m: usize, n: usize, k: usize, a: Packed, b: Complex, c: ComplexOut) {
    // SAFETY: the caller's promises
    unsafe { body::<L, false, true>(m, n, k, a, b, c) }
}

#[inline(always)]
unsafe fn left_body<L: Lanes>(m: usize, n: usize, k: usize, a: Packed, b: Complex, c: ComplexOut) {
    // SAFETY: the caller's promises
    unsafe { body::<L, true, false>(m, n, k, a, b, c) }
}

#[inline(always)]
unsafe fn body<L: Lanes, const CA: bool, const CB: bool>(
    m: usize,
    n: usize,
    k: usize,
    a: Packed,
    b: Complex,
    c: ComplexOut,
) {
    let mut column = 0;
    while column < n {
        let left = n - column;
        let blocks = m.div_ceil(L::ROWS / 3);
        let mut i = 0;
        for block in 0..blocks {
            let rows = (m - i) / (blocks - block);
            // SAFETY: rows i … i + rows, columns from `column`, masked at the end
            unsafe {
                let a = Packed { at: a.at.add(i * a.row), ..a };
                let b = Complex { re: b.re.add(column), im: b.im.add(column), ..b };
                let at = i * c.row + column;
                let c = ComplexOut { re: c.re.add(at), im: c.im.add(at), ..c };
                macro_rules! tile_of {
                    ($v:literal, $part:literal, $mask:expr, $($r:literal)*) => {
                        match rows {
                            $($r if $r <= L::ROWS / 3 => {
                                tile::<L, $r, $v, $part, CA, CB>(k, a, b, c, $mask)
                            })*
                            _ => unreachable!("blocks have 1 to ROWS / 3 rows"),
                        }
                    };
                }
                if left >= 2 * L::COUNT {
                    tile_of!(2, false, L::mask(L::COUNT), 1 2 3 4);
                } else if left > L::COUNT {
                    tile_of!(2, true, L::mask(left - L::COUNT), 1 2 3 4);
                } else {
                    tile_of!(1, true, L::mask(left), 1 2 3 4);
                }
            }
            i += rows;
        }
        column += 2 * L::COUNT;
    }
}

#[inline(always)]
unsafe fn tile<
    L: Lanes,
    const R: usize,
    const V: usize,
    const PART: bool,
    const CA: bool,
    const CB: bool,
>(
    k: usize,
    a: Packed,
    b: Complex,
    c: ComplexOut,
    mask: L::Mask,
) {
    // SAFETY: R rows, V registers of columns, k terms, all inside
    unsafe {
        let mut products = [[[L::splat(0.0); V]; 3]; R];
        let (mut at, mut re, mut im, b_row) = (a.at, b.re, b.im, b.row);
        for _ in 0..k {
            let zero = [L::splat(0.0); V];
            let (mut b_re, mut b_im, mut b_sum) = (zero, zero, zero);
            for v in 0..V {
                b_re[v] = load::<L, V, PART>(re, v, mask);
                b_im[v] = load::<L, V, PART>(im, v, mask);
                b_sum[v] = if CB { b_re[v].sub(b_im[v]) } else { b_re[v].add(b_im[v]) };
            }
            let b = [b_re, b_im, b_sum];
            for (i, products) in products.iter_mut().enumerate() {
                for (part, sums) in products.iter_mut().enumerate() {
                    let a = L::splat(*at.add(i * a.row + part * a.part));
                    for v in 0..V {
                        sums[v] = a.fma(b[part][v], sums[v]);
                    }
                }
            }
            // after the last term all three pointers are past their matrices
            at = at.wrapping_add(a.column);
            (re, im) = (re.wrapping_add(b_row), im.wrapping_add(b_row));
        }
        for (i, [re, im, sum]) in products.into_iter().enumerate() {
            for v in 0..V {
                // i · i = −1 unless exactly one factor is conjugated
                let (first, second) = (re[v], im[v]);
                let rest = sum[v].sub(first);
                let (re, im) = if CA ^ CB {
                    (first.add(second), rest.add(second))
                } else {
                    (first.sub(second), rest.sub(second))
                };
                store::<L, V, PART>(re, c.re.add(i * c.row), v, mask);
                store::<L, V, PART>(im, c.im.add(i * c.row), v, mask);
            }
        }
    }
}

dispatched! {
    /// `to` `[columns, rows]` = the transpose of `from` `[rows, columns]`, both without gaps.
    ///
    /// # Safety
    /// The pointers cover these matrices; they do not overlap.
    pub(crate) fn transpose = transpose_body(
        rows: usize, columns: usize, from: *const f32, to: *mut f32,
    )
}

#[inline(always)]
unsafe fn transpose_body<L: Lanes>(rows: usize, columns: usize, from: *const f32, to: *mut f32) {
    let mut i = 0;
    while i < rows {
        let height = (rows - i).min(L::COUNT);
        let mut j = 0;
        while j < columns {
            let width = (columns - j).min(L::COUNT);
            // SAFETY: blocks of height × width inside both matrices
            unsafe {
                let (from, to) = (from.add(i * columns + j), to.add(j * rows + i));
                if height == L::COUNT && width == L::COUNT {
                    block::<L>(from, columns, to, rows);
                } else {
                    for a in 0..height {
                        for b in 0..width {
                            *to.add(b * rows + a) = *from.add(a * columns + b);
                        }
                    }
                }
            }
            j += L::COUNT;
        }
        i += L::COUNT;
    }
}

/// Transposes a square of registers by interleaving rows i and i + COUNT/2, log₂ COUNT times.
#[inline(always)]
unsafe fn block<L: Lanes>(from: *const f32, from_row: usize, to: *mut f32, to_row: usize) {
    const MOST: usize = 16;
    // SAFETY: COUNT rows of COUNT lanes on both sides
    unsafe {
        let mut rows = [L::splat(0.0); MOST];
        for (i, row) in rows.iter_mut().enumerate().take(L::COUNT) {
            *row = L::load(from.add(i * from_row));
        }
        let mut length = 1;
        while length < L::COUNT {
            let before = rows;
            for i in 0..L::COUNT / 2 {
                (rows[2 * i], rows[2 * i + 1]) = before[i].zip(before[i + L::COUNT / 2]);
            }
            length *= 2;
        }
        for (i, row) in rows.into_iter().enumerate().take(L::COUNT) {
            row.store(to.add(i * to_row));
        }
    }
}
