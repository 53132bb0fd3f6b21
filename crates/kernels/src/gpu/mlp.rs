//! A perceptron with one hidden layer at every point: gelu(x W₁ + b₁) W₂ + b₂, and if needed the
//! sum of it and given values.
//!
//! A cube processes [`EDGE`] points and goes through the hidden values [`EDGE`] at a time. They are
//! stored in shared memory, from where the next product reads them. The gradients are in
//! [`super::mlp_backward`].

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::activation::gelu;
use super::tile::{DEPTH, Place, SIDE, clear, load, multiply, product_of_tiles};
use super::{arg, cubes, dims, empty, widest};

/// Number of points, and of hidden values, of a tile.
pub(super) const EDGE: usize = 2 * SIDE;
/// Distance from one term of such a tile to the next.
pub(super) const PITCH: usize = EDGE + 1;

#[derive(CubeType, CubeLaunch, Clone, Copy)]
pub(super) struct Counts {
    pub points: usize,
    pub inputs: usize,
    pub hidden: usize,
    pub outputs: usize,
    /// Number of points of a chunk.
    pub chunk: usize,
}

/// A matrix `[rows, row]` whose rows are those of the result and whose columns are the terms.
#[cube]
pub(super) fn by_row(rows: usize, row: usize) -> Place {
    Place { offset: 0usize, along: row, extent: rows, across: 1usize, terms: row }
}

/// A matrix `[terms, row]` whose columns are those of the result.
#[cube]
pub(super) fn by_column(terms: usize, row: usize) -> Place {
    Place { offset: 0usize, along: 1usize, extent: row, across: row, terms }
}

/// x W₁ on one tile, without the bias.
#[cube]
#[allow(clippy::too_many_arguments)]
pub(super) fn hidden_sums(
    x: &[f32],
    w1: &[f32],
    points: usize,
    first_point: usize,
    first_hidden: usize,
    counts: &Counts,
    left: &mut Shared<[f32]>,
    right: &mut Shared<[f32]>,
    sums: &mut Array<f32>,
) {
    let x_place = by_row(points, counts.inputs);
    let w_place = by_column(counts.inputs, counts.hidden);
    clear(sums, 4usize);
    product_of_tiles(
        x,
        &x_place,
        first_point,
        w1,
        &w_place,
        first_hidden,
        left,
        right,
        sums,
        2usize,
        2usize,
        true,
        false,
    );
}

/// Adds the products of one tile's hidden `values` `[hidden; point]` with a weight matrix, [`DEPTH`]
/// hidden values at a time.
#[cube]
#[allow(clippy::too_many_arguments)]
pub(super) fn add_products(
    values: &Shared<[f32]>,
    w: &[f32],
    w_place: &Place,
    first: usize,
    first_hidden: usize,
    weights: &mut Shared<[f32]>,
    total: &mut Array<f32>,
    #[comptime] columns: usize,
    #[comptime] terms_near: bool,
) {
    #[unroll]
    for half in 0..2usize {
        let term = first_hidden + comptime!(half * DEPTH);
        load(w, w_place, first, term, weights, comptime!(columns * SIDE), terms_near);
        sync_cube();
        multiply(values, comptime!(half * DEPTH), &*weights, 0usize, total, 2usize, columns);
        sync_cube();
    }
}

#[cube(launch_unchecked, address_type = "dynamic")]
#[allow(clippy::too_many_arguments)]
fn forward_kernel(
    x: &[f32],
    w1: &[f32],
    b1: &[f32],
    w2: &[f32],
    b2: &[f32],
    added: &[f32],
    y: &mut [f32],
    counts: Counts,
    #[comptime] columns: usize,
    #[comptime] adds: bool,
) {
    let width = comptime!(columns * SIDE);
    let groups = counts.outputs.div_ceil(width);
    let first_output = CUBE_POS % groups * width;
    let first_point = CUBE_POS / groups * EDGE;
    if first_point >= counts.points {
        terminate!();
    }
    let mut left = Shared::<[f32]>::new_slice(comptime!(PITCH * DEPTH));
    let mut right = Shared::<[f32]>::new_slice(comptime!(PITCH * DEPTH));
    let mut weights = Shared::<[f32]>::new_slice(comptime!((width + 1) * DEPTH));
    let mut values = Shared::<[f32]>::new_slice(comptime!(PITCH * EDGE));
    let mut sums = Array::<f32>::new(4usize);
    let mut total = Array::<f32>::new(comptime!(2 * columns));
    clear(&mut total, comptime!(2 * columns));
    let w2_place = by_column(counts.hidden, counts.outputs);
    let tiles = counts.hidden.div_ceil(EDGE);
    for tile in 0..tiles {
        let first_hidden = tile * EDGE;
        hidden_sums(
            x,
            w1,
            counts.points,
            first_point,
            first_hidden,
            &counts,
            &mut left,
            &mut right,
            &mut sums,
        );
        #[unroll]
        for j in 0..2usize {
            let at = UNIT_POS_X as usize + comptime!(j * SIDE);
            #[unroll]
            for i in 0..2usize {
                let point = UNIT_POS_Y as usize + comptime!(i * SIDE);
                let mut value = 0.0f32;
                if first_hidden + at < counts.hidden {
                    value = gelu(sums[comptime!(2 * i + j)] + b1[first_hidden + at]);
                }
                values[at * PITCH + point] = value;
            }
        }
        add_products(
            &values,
            w2,
            &w2_place,
            first_output,
            first_hidden,
            &mut weights,
            &mut total,
            columns,
            false,
        );
    }
    #[unroll]
    for j in 0..columns {
        let output = first_output + UNIT_POS_X as usize + comptime!(j * SIDE);
        #[unroll]
        for i in 0..2usize {
            let point = first_point + UNIT_POS_Y as usize + comptime!(i * SIDE);
            if point < counts.points && output < counts.outputs {
                let at = point * counts.outputs + output;
                let mut value = total[comptime!(i * columns + j)] + b2[output];
                if comptime!(adds) {
                    value += added[at];
                }
                y[at] = value;
            }
        }
    }
}

pub(super) fn counts(
    x: &CubeTensor,
    w1: &CubeTensor,
    w2: &CubeTensor,
    chunk: usize,
) -> CountsLaunch {
    let ([batch, points, inputs], [hidden, outputs]) = (dims(x), dims(w2));
    debug_assert_eq!(dims(w1), [inputs, hidden]);
    CountsLaunch::new(batch * points, inputs, hidden, outputs, chunk)
}

pub(super) fn cube() -> CubeDim {
    CubeDim::new_2d(SIDE as u32, SIDE as u32)
}

/// The perceptron of x, plus `added` `[batch, points, out]` if given.
pub(super) fn forward(
    x: &CubeTensor,
    [w1, b1, w2, b2]: &[CubeTensor; 4],
    added: Option<&CubeTensor>,
) -> CubeTensor {
    let ([batch, points, _], [outputs]) = (dims(x), dims(b2));
    let y = empty(x, &[batch, points, outputs]);
    let columns = if outputs <= SIDE { 1 } else { 2 };
    let count = (batch * points).div_ceil(EDGE) * outputs.div_ceil(columns * SIDE);
    // SAFETY: points, inputs, hidden values and outputs are guarded by the operands' extents; what
    // is added has those of y, and is not read if absent
    unsafe {
        forward_kernel::launch_unchecked(
            &x.client,
            cubes(count),
            cube(),
            widest([x, w1, w2, &y]),
            arg(x),
            arg(w1),
            arg(b1),
            arg(w2),
            arg(b2),
            arg(added.unwrap_or(x)),
            arg(&y),
            counts(x, w1, w2, 1),
            columns,
            added.is_some(),
        );
    }
    y
}
