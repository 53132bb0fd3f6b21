//! Real matrix products for the sizes of narrow networks: no packing, operands in cache.
//!
//! C (+)= A B is computed in register tiles of up to [`Lanes::ROWS`] rows and two registers of
//! columns. A's elements are broadcast from any strides, so A and its transpose cost the same. Rows
//! of B and C are contiguous, and their tails are masked. Every element of C is summed over k in
//! rising order for any tile, so it does not depend on the number of rows beside it.

use crate::simd::{Lanes, dispatched};

/// A matrix whose element (i, p) lies at `at + i · row + p · column`.
#[derive(Clone, Copy)]
pub(crate) struct Strided {
    pub at: *const f32,
    pub row: usize,
    pub column: usize,
}

impl Strided {
    /// A matrix with rows one after another.
    pub fn rows(at: *const f32, row: usize) -> Self {
        Self { at, row, column: 1 }
    }

    /// The transpose of a matrix with rows one after another.
    pub fn columns(at: *const f32, row: usize) -> Self {
        Self { at, row: 1, column: row }
    }
}

/// The start value of C.
#[derive(Clone, Copy)]
pub(crate) enum Start {
    Zero,
    /// The same row for all rows of C.
    Bias(*const f32),
    /// The current values of C.
    Held,
}

dispatched! {
    /// C `[m, n]` (+)= A `[m, k]` B `[k, n]`; rows of B and C are `b_row` and `c_row` apart.
    ///
    /// # Safety
    /// The pointers cover these matrices; C overlaps neither A nor B.
    pub(crate) fn product = product_body(
        m: usize, n: usize, k: usize,
        a: Strided, b: *const f32, b_row: usize, c: *mut f32, c_row: usize, start: Start,
    )
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn product_body<L: Lanes>(
    m: usize,
    n: usize,
    k: usize,
    a: Strided,
    b: *const f32,
    b_row: usize,
    c: *mut f32,
    c_row: usize,
    start: Start,
) {
    let mut j = 0;
    while j < n {
        let left = n - j;
        // SAFETY: columns j … of the same matrices, masks end at n
        unsafe {
            let (b, c) = (b.add(j), c.add(j));
            let start = match start {
                Start::Bias(row) => Start::Bias(row.add(j)),
                other => other,
            };
            if left >= 2 * L::COUNT {
                columns::<L, 2, false>(m, k, a, b, b_row, c, c_row, start, L::mask(L::COUNT));
            } else if left > L::COUNT {
                let mask = L::mask(left - L::COUNT);
                columns::<L, 2, true>(m, k, a, b, b_row, c, c_row, start, mask);
            } else {
                columns::<L, 1, true>(m, k, a, b, b_row, c, c_row, start, L::mask(left));
            }
        }
        j += 2 * L::COUNT;
    }
}

/// Processes all rows of `V` registers of columns, in blocks of nearly equal height.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn columns<L: Lanes, const V: usize, const PART: bool>(
    m: usize,
    k: usize,
    a: Strided,
    b: *const f32,
    b_row: usize,
    c: *mut f32,
    c_row: usize,
    start: Start,
    mask: L::Mask,
) {
    let blocks = m.div_ceil(L::ROWS);
    let mut i = 0;
    for block in 0..blocks {
        let rows = (m - i) / (blocks - block);
        // SAFETY: rows i … i + rows of the same matrices
        unsafe {
            let a = Strided { at: a.at.add(i * a.row), ..a };
            let c = c.add(i * c_row);
            macro_rules! tile_of {
                ($($r:literal)*) => {
                    match rows {
                        $($r if $r <= L::ROWS => {
                            tile::<L, $r, V, PART>(k, a, b, b_row, c, c_row, start, mask)
                        })*
                        _ => unreachable!("blocks have 1 to ROWS rows"),
                    }
                };
            }
            tile_of!(1 2 3 4 5 6 7 8 9 10 11 12);
        }
        i += rows;
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn tile<L: Lanes, const R: usize, const V: usize, const PART: bool>(
    k: usize,
    a: Strided,
    b: *const f32,
    b_row: usize,
    c: *mut f32,
    c_row: usize,
    start: Start,
    mask: L::Mask,
) {
    // SAFETY: R rows, V registers of columns (the last one masked), k terms, all inside
    unsafe {
        let mut acc = [[L::splat(0.0); V]; R];
        match start {
            Start::Zero => {}
            Start::Bias(row) => {
                for v in 0..V {
                    let bias = load::<L, V, PART>(row, v, mask);
                    for acc in &mut acc {
                        acc[v] = bias;
                    }
                }
            }
            Start::Held => {
                for (i, acc) in acc.iter_mut().enumerate() {
                    for (v, acc) in acc.iter_mut().enumerate() {
                        *acc = load::<L, V, PART>(c.add(i * c_row), v, mask);
                    }
                }
            }
        }
        let (mut at, mut row) = (a.at, b);
        for _ in 0..k {
            let mut b = [L::splat(0.0); V];
            for (v, b) in b.iter_mut().enumerate() {
                *b = load::<L, V, PART>(row, v, mask);
            }
            for (i, acc) in acc.iter_mut().enumerate() {
                let a = L::splat(*at.add(i * a.row));
                for v in 0..V {
                    acc[v] = a.fma(b[v], acc[v]);
                }
            }
            // after the last term both pointers are past their matrices
            at = at.wrapping_add(a.column);
            row = row.wrapping_add(b_row);
        }
        for (i, acc) in acc.into_iter().enumerate() {
            for (v, acc) in acc.into_iter().enumerate() {
                store::<L, V, PART>(acc, c.add(i * c_row), v, mask);
            }
        }
    }
}

/// Loads register `v` of `V` in a row. The last one is masked where the row ends in it.
///
/// # Safety
/// The row is valid for these lanes.
#[inline(always)]
pub(crate) unsafe fn load<L: Lanes, const V: usize, const PART: bool>(
    row: *const f32,
    v: usize,
    mask: L::Mask,
) -> L {
    // SAFETY: the caller's promise
    unsafe {
        let at = row.add(v * L::COUNT);
        if PART && v + 1 == V { L::load_part(at, mask) } else { L::load(at) }
    }
}

/// Stores as [`load`] loads.
///
/// # Safety
/// As there.
#[inline(always)]
pub(crate) unsafe fn store<L: Lanes, const V: usize, const PART: bool>(
    value: L,
    row: *mut f32,
    v: usize,
    mask: L::Mask,
) {
    // SAFETY: the caller's promise
    unsafe {
        let at = row.add(v * L::COUNT);
        if PART && v + 1 == V { value.store_part(at, mask) } else { value.store(at) }
    }
}

dispatched! {
    /// `y` `[m, n]` = A `[m, k]` Bᵀ + bias for a small number n of columns. B is given as rows `[n,
    /// k]`, and every element of y is the sum of the lanes of a register.
    ///
    /// # Safety
    /// The pointers cover these matrices; y overlaps none.
    pub(crate) fn dots = dots_body(
        m: usize, n: usize, k: usize, a: *const f32, b: *const f32, bias: *const f32, y: *mut f32,
    )
}

#[inline(always)]
unsafe fn dots_body<L: Lanes>(
    m: usize,
    n: usize,
    k: usize,
    a: *const f32,
    b: *const f32,
    bias: *const f32,
    y: *mut f32,
) {
    for j in 0..n {
        for i in 0..m {
            // SAFETY: row i of A, row j of B, masked at the end
            unsafe {
                let (a, b) = (a.add(i * k), b.add(j * k));
                let mut sums = [L::splat(0.0); 2];
                let mut p = 0;
                while p + 2 * L::COUNT <= k {
                    for (v, sum) in sums.iter_mut().enumerate() {
                        let at = p + v * L::COUNT;
                        *sum = L::load(a.add(at)).fma(L::load(b.add(at)), *sum);
                    }
                    p += 2 * L::COUNT;
                }
                while p < k {
                    let mask = L::mask(k - p);
                    let a = L::load_part(a.add(p), mask);
                    sums[0] = a.fma(L::load_part(b.add(p), mask), sums[0]);
                    p += L::COUNT;
                }
                *y.add(i * n + j) = sums[0].add(sums[1]).sum() + *bias.add(j);
            }
        }
    }
}
