//! Tiles of products in shared memory, and the work of a cube of units on them.
//!
//! A cube has [`SIDE`] × [`SIDE`] units. Each unit holds a few rows and columns of the result in
//! registers, [`SIDE`] apart, so that neighbouring units read neighbouring numbers. Terms are
//! processed in blocks of [`DEPTH`]. Places beyond the operands count as 0, so any size works.
//! Products are plain `f32` by fused multiply-add, never the shorter numbers of a matrix unit.

use cubecl::prelude::*;

/// Units along each side of a cube.
pub(super) const SIDE: usize = 16;
/// Number of terms of a sum that are in shared memory at a time.
pub(super) const DEPTH: usize = 16;
/// Number of units of a cube.
pub(super) const UNITS: usize = SIDE * SIDE;

/// A matrix operand of one product, by the position of its numbers in a buffer.
#[derive(CubeType, Clone, Copy)]
pub(super) struct Place {
    /// Offset of the first number.
    pub offset: usize,
    /// Distance from one row or column of the result to the next.
    pub along: usize,
    /// Number of rows or columns of the result.
    pub extent: usize,
    /// Distance from one term to the next.
    pub across: usize,
    /// Number of terms.
    pub terms: usize,
}

/// Loads `extent` rows (or columns) from `first`, of [`DEPTH`] terms from `term`, into a tile
/// `[term; extent + 1]`.
///
/// With `terms_near` the terms are adjacent in memory, so units are distributed along them.
#[cube]
pub(super) fn load(
    from: &[f32],
    place: &Place,
    first: usize,
    term: usize,
    tile: &mut Shared<[f32]>,
    #[comptime] extent: usize,
    #[comptime] terms_near: bool,
) {
    let unit = UNIT_POS as usize;
    #[unroll]
    for i in 0..comptime!(extent * DEPTH / UNITS) {
        let flat = unit + comptime!(i * UNITS);
        let (at, k) = if terms_near {
            (flat / comptime!(DEPTH), flat % comptime!(DEPTH))
        } else {
            (flat % extent, flat / extent)
        };
        let mut value = 0.0f32;
        if first + at < place.extent && term + k < place.terms {
            value = from[place.offset + (first + at) * place.along + (term + k) * place.across];
        }
        tile[k * comptime!(extent + 1) + at] = value;
    }
}

/// Sets sums to 0.
#[cube]
pub(super) fn clear(sums: &mut Array<f32>, #[comptime] count: usize) {
    #[unroll]
    for i in 0..count {
        sums[i] = 0.0f32;
    }
}

/// Adds the products of [`DEPTH`] terms of two tiles, from `left_term` and `right_term`, to this
/// unit's `rows` × `columns` sums.
#[cube]
pub(super) fn multiply(
    left: &Shared<[f32]>,
    left_term: usize,
    right: &Shared<[f32]>,
    right_term: usize,
    sums: &mut Array<f32>,
    #[comptime] rows: usize,
    #[comptime] columns: usize,
) {
    let ours_at = left_term * comptime!(rows * SIDE + 1) + UNIT_POS_Y as usize;
    let others_at = right_term * comptime!(columns * SIDE + 1) + UNIT_POS_X as usize;
    let mut ours = Array::<f32>::new(rows);
    for k in 0..DEPTH {
        #[unroll]
        for i in 0..rows {
            ours[i] = left[ours_at + k * comptime!(rows * SIDE + 1) + comptime!(i * SIDE)];
        }
        #[unroll]
        for j in 0..columns {
            let other = right[others_at + k * comptime!(columns * SIDE + 1) + comptime!(j * SIDE)];
            #[unroll]
            for i in 0..rows {
                let at = comptime!(i * columns + j);
                sums[at] = fma(ours[i], other, sums[at]);
            }
        }
    }
}

/// Adds one whole product, block by block of its terms.
#[cube]
#[allow(clippy::too_many_arguments)]
pub(super) fn product_of_tiles(
    a: &[f32],
    a_place: &Place,
    a_first: usize,
    b: &[f32],
    b_place: &Place,
    b_first: usize,
    left: &mut Shared<[f32]>,
    right: &mut Shared<[f32]>,
    sums: &mut Array<f32>,
    #[comptime] rows: usize,
    #[comptime] columns: usize,
    #[comptime] a_terms_near: bool,
    #[comptime] b_terms_near: bool,
) {
    let blocks = a_place.terms.div_ceil(DEPTH);
    for block in 0..blocks {
        let term = block * DEPTH;
        load(a, a_place, a_first, term, left, comptime!(rows * SIDE), a_terms_near);
        load(b, b_place, b_first, term, right, comptime!(columns * SIDE), b_terms_near);
        sync_cube();
        multiply(&*left, 0usize, &*right, 0usize, sums, rows, columns);
        sync_cube();
    }
}
