//! The channels of one mode meet its complex weight: products of complex matrices by real ones.
//!
//! Both parts stay in registers; conjugation is a choice of signs. For the gradient of the
//! spectrum the weight is needed transposed, which [`transpose`] does by interleaving registers.

use crate::product::{load, store};
use crate::simd::{Lanes, dispatched};

/// A complex matrix in two real arrays; element (i, p) at `i · row + p · column`.
#[derive(Clone, Copy)]
pub(crate) struct Complex {
    pub re: *const f32,
    pub im: *const f32,
    pub row: usize,
    pub column: usize,
}

/// Where a complex product goes; rows are contiguous.
#[derive(Clone, Copy)]
pub(crate) struct ComplexOut {
    pub re: *mut f32,
    pub im: *mut f32,
    pub row: usize,
}

dispatched! {
    /// C `[m, n]` = A `[m, k]` B `[k, n]`; B's rows are contiguous.
    ///
    /// # Safety
    /// The pointers cover these matrices; C overlaps none.
    pub(crate) fn mix = plain_body(
        m: usize, n: usize, k: usize, a: Complex, b: Complex, c: ComplexOut,
    )
}

dispatched! {
    /// C = A conj(B).
    ///
    /// # Safety
    /// As [`mix`].
    pub(crate) fn mix_conjugate = right_body(
        m: usize, n: usize, k: usize, a: Complex, b: Complex, c: ComplexOut,
    )
}

dispatched! {
    /// C = conj(A) B.
    ///
    /// # Safety
    /// As [`mix`].
    pub(crate) fn conjugate_mix = left_body(
        m: usize, n: usize, k: usize, a: Complex, b: Complex, c: ComplexOut,
    )
}

#[inline(always)]
unsafe fn plain_body<L: Lanes>(
    m: usize,
    n: usize,
    k: usize,
    a: Complex,
    b: Complex,
    c: ComplexOut,
) {
    // SAFETY: the caller's promises
    unsafe { body::<L, false, false>(m, n, k, a, b, c) }
}

#[inline(always)]
unsafe fn right_body<L: Lanes>(
    m: usize,
    n: usize,
    k: usize,
    a: Complex,
    b: Complex,
    c: ComplexOut,
) {
    // SAFETY: the caller's promises
    unsafe { body::<L, false, true>(m, n, k, a, b, c) }
}

#[inline(always)]
unsafe fn left_body<L: Lanes>(m: usize, n: usize, k: usize, a: Complex, b: Complex, c: ComplexOut) {
    // SAFETY: the caller's promises
    unsafe { body::<L, true, false>(m, n, k, a, b, c) }
}

#[inline(always)]
unsafe fn body<L: Lanes, const CA: bool, const CB: bool>(
    m: usize,
    n: usize,
    k: usize,
    a: Complex,
    b: Complex,
    c: ComplexOut,
) {
    let mut column = 0;
    while column < n {
        let left = n - column;
        let blocks = m.div_ceil(L::ROWS / 2);
        let mut i = 0;
        for block in 0..blocks {
            let rows = (m - i) / (blocks - block);
            // SAFETY: rows i … i + rows, columns from `column`, masked at the end
            unsafe {
                let a = Complex { re: a.re.add(i * a.row), im: a.im.add(i * a.row), ..a };
                let b = Complex { re: b.re.add(column), im: b.im.add(column), ..b };
                let at = i * c.row + column;
                let c = ComplexOut { re: c.re.add(at), im: c.im.add(at), ..c };
                macro_rules! tile_of {
                    ($v:literal, $part:literal, $mask:expr, $($r:literal)*) => {
                        match rows {
                            $($r if $r <= L::ROWS / 2 => {
                                tile::<L, $r, $v, $part, CA, CB>(k, a, b, c, $mask)
                            })*
                            _ => unreachable!("blocks have 1 to ROWS / 2 rows"),
                        }
                    };
                }
                if left >= 2 * L::COUNT {
                    tile_of!(2, false, L::mask(L::COUNT), 1 2 3 4 5 6);
                } else if left > L::COUNT {
                    tile_of!(2, true, L::mask(left - L::COUNT), 1 2 3 4 5 6);
                } else {
                    tile_of!(1, true, L::mask(left), 1 2 3 4 5 6);
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
    a: Complex,
    b: Complex,
    c: ComplexOut,
    mask: L::Mask,
) {
    // SAFETY: R rows, V registers of columns, k terms, all inside
    unsafe {
        let mut re = [[L::splat(0.0); V]; R];
        let mut im = re;
        for p in 0..k {
            let (mut b_re, mut b_im) = ([L::splat(0.0); V], [L::splat(0.0); V]);
            for v in 0..V {
                b_re[v] = load::<L, V, PART>(b.re.add(p * b.row), v, mask);
                b_im[v] = load::<L, V, PART>(b.im.add(p * b.row), v, mask);
            }
            for i in 0..R {
                let x = L::splat(*a.re.add(i * a.row + p * a.column));
                let y = L::splat(*a.im.add(i * a.row + p * a.column));
                for v in 0..V {
                    re[i][v] = x.fma(b_re[v], re[i][v]);
                    im[i][v] =
                        if CB { x.fnma(b_im[v], im[i][v]) } else { x.fma(b_im[v], im[i][v]) };
                    // i · i = −1 unless exactly one factor is conjugated
                    re[i][v] =
                        if CA ^ CB { y.fma(b_im[v], re[i][v]) } else { y.fnma(b_im[v], re[i][v]) };
                    im[i][v] =
                        if CA { y.fnma(b_re[v], im[i][v]) } else { y.fma(b_re[v], im[i][v]) };
                }
            }
        }
        for i in 0..R {
            for v in 0..V {
                store::<L, V, PART>(re[i][v], c.re.add(i * c.row), v, mask);
                store::<L, V, PART>(im[i][v], c.im.add(i * c.row), v, mask);
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

/// A square of registers: interleaving rows i and i + COUNT/2, log₂ COUNT times over, transposes.
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
