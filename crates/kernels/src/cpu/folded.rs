//! Products with matrices that are invariant under a reflection of both sides.
//!
//! A matrix M `[m, n]` with M(m−1−i, n−1−j) = M(i, j) maps even columns to even ones and odd to
//! odd. With e_j = x_j + x_{n−1−j} and o_j = x_j − x_{n−1−j}, rows i and m−1−i of the result are
//! E_i ± O_i. E and O are products with a quarter of M each. Half the multiplications therefore
//! suffice, for any m and n.
//!
//! A strip of columns is folded once into contiguous scratch memory and then multiplied by all rows
//! of M. In place, rows that are a power of two apart would be evicted from the first-level cache.
//! As in [`crate::cpu::product`], every element is summed in one order for any tile.

use crate::cpu::product::{load, store};
use crate::cpu::rows::Pairs;
use crate::simd::{Lanes, dispatched};

/// Number of lanes of the widest instruction set.
const WIDEST: usize = 16;

/// The factors of M, one for each pair of rows and pair of columns.
#[derive(Debug, Clone)]
pub(crate) struct Folded {
    rows: usize,
    columns: usize,
    /// `[column pair, row pair]`.
    even: Vec<f32>,
    odd: Vec<f32>,
}

impl Folded {
    /// From the matrix `of(row, column)`.
    pub fn new(rows: usize, columns: usize, of: impl Fn(usize, usize) -> f64) -> Self {
        let (mut even, mut odd) = (Vec::new(), Vec::new());
        for j in 0..Pairs::of(columns) {
            let mirror = columns - 1 - j;
            // the middle column is paired with itself
            let half = if j == mirror { 0.25 } else { 0.5 };
            for i in 0..Pairs::of(rows) {
                let (low, high) = (of(i, j), of(i, mirror));
                even.push((half * (low + high)) as f32);
                odd.push((half * (low - high)) as f32);
            }
        }
        Self { rows, columns, even, odd }
    }

    /// Number of pairs of rows.
    pub fn pairs(&self) -> usize {
        Pairs::of(self.rows)
    }

    /// Number of scratch values that a product requires.
    pub fn scratch(&self) -> usize {
        4 * WIDEST * Pairs::of(self.columns)
    }
}

/// Operands of [`folded_product`]: columns `first .. end` of x `[columns of M; …]` and of the
/// result, and pairs of rows `pair .. last`. Also the base that the result starts from (null for
/// none), whose rows are as far apart as those of the result, its factor, and scratch memory.
#[derive(Clone, Copy)]
pub(crate) struct Operands {
    pub columns: usize,
    pub pair: usize,
    pub last: usize,
    pub x: *const f32,
    pub base: *const f32,
    pub factor: f32,
    pub y: *mut f32,
    /// Distance from a row of x, the base or y to the next.
    pub row: usize,
    pub scratch: *mut f32,
}

dispatched! {
    /// y = M x + factor · base.
    ///
    /// # Safety
    /// The pointers cover what [`Operands`] says, `scratch` [`Folded::scratch`] values; y is the base
    /// or overlaps none.
    pub(crate) fn folded_product = folded_body(matrix: &Folded, s: Operands)
}

#[inline(always)]
unsafe fn folded_body<L: Lanes>(matrix: &Folded, s: Operands) {
    let mut column = 0;
    while column < s.columns {
        let left = s.columns - column;
        // SAFETY: columns from `column`, masked at the end
        unsafe {
            if left >= 2 * L::COUNT {
                strip::<L, 2, false>(matrix, s, column, L::mask(L::COUNT));
            } else if left > L::COUNT {
                strip::<L, 2, true>(matrix, s, column, L::mask(left - L::COUNT));
            } else {
                strip::<L, 1, true>(matrix, s, column, L::mask(left));
            }
        }
        column += 2 * L::COUNT;
    }
}

/// Processes `V` registers of columns.
#[inline(always)]
unsafe fn strip<L: Lanes, const V: usize, const PART: bool>(
    matrix: &Folded,
    s: Operands,
    column: usize,
    mask: L::Mask,
) {
    // SAFETY: all rows of x, V registers of columns, the last masked; scratch holds twice V
    // registers a pair
    unsafe {
        for j in 0..Pairs::of(matrix.columns) {
            let low = s.x.add(j * s.row + column);
            let high = s.x.add((matrix.columns - 1 - j) * s.row + column);
            let to = s.scratch.add(2 * j * V * L::COUNT);
            for v in 0..V {
                let (a, b) = (load::<L, V, PART>(low, v, mask), load::<L, V, PART>(high, v, mask));
                a.add(b).store(to.add(v * L::COUNT));
                a.sub(b).store(to.add((V + v) * L::COUNT));
            }
        }
    }
    let blocks = (s.last - s.pair).div_ceil(L::ROWS / 2);
    let mut i = s.pair;
    for block in 0..blocks {
        let rows = (s.last - i) / (blocks - block);
        macro_rules! tile_of {
            ($($r:literal)*) => {
                match rows {
                    // SAFETY: pairs i … i + rows of M and of the result
                    $($r if $r <= L::ROWS / 2 => unsafe {
                        tile::<L, $r, V, PART>(matrix, s, i, column, mask)
                    },)*
                    _ => unreachable!("blocks have 1 to ROWS / 2 pairs"),
                }
            };
        }
        tile_of!(1 2 3 4 5 6);
        i += rows;
    }
}

#[inline(always)]
unsafe fn tile<L: Lanes, const P: usize, const V: usize, const PART: bool>(
    matrix: &Folded,
    s: Operands,
    pair: usize,
    column: usize,
    mask: L::Mask,
) {
    let pairs = matrix.pairs();
    // SAFETY: P pairs from `pair`, V registers of columns from `column`, all inside
    unsafe {
        let mut even = [[L::splat(0.0); V]; P];
        let mut odd = even;
        let (mut c, mut d) = (matrix.even.as_ptr().add(pair), matrix.odd.as_ptr().add(pair));
        let mut x = s.scratch.cast_const();
        for _ in 0..Pairs::of(matrix.columns) {
            let (mut a, mut b) = ([L::splat(0.0); V], [L::splat(0.0); V]);
            for v in 0..V {
                a[v] = L::load(x.add(v * L::COUNT));
                b[v] = L::load(x.add((V + v) * L::COUNT));
            }
            for i in 0..P {
                let (c, d) = (L::splat(*c.add(i)), L::splat(*d.add(i)));
                for v in 0..V {
                    even[i][v] = c.fma(a[v], even[i][v]);
                    odd[i][v] = d.fma(b[v], odd[i][v]);
                }
            }
            // after the last pair all three pointers are past their arrays
            (c, d) = (c.wrapping_add(pairs), d.wrapping_add(pairs));
            x = x.wrapping_add(2 * V * L::COUNT);
        }
        let factor = L::splat(s.factor);
        for i in 0..P {
            let at = (pair + i) * s.row + column;
            let mirror = (matrix.rows - 1 - pair - i) * s.row + column;
            for v in 0..V {
                let mut low = even[i][v].add(odd[i][v]);
                let mut high = even[i][v].sub(odd[i][v]);
                if !s.base.is_null() {
                    low = factor.fma(load::<L, V, PART>(s.base.add(at), v, mask), low);
                    high = factor.fma(load::<L, V, PART>(s.base.add(mirror), v, mask), high);
                }
                // the middle of an odd number of rows is its own mirror: both rows hold its value
                store::<L, V, PART>(low, s.y.add(at), v, mask);
                store::<L, V, PART>(high, s.y.add(mirror), v, mask);
            }
        }
    }
}
