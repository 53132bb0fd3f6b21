//! Gradients of the perceptron. Hidden values are recomputed, tile by tile.
//!
//! They are computed once for the gradient of x, by tiles of points, and once for those of the
//! weights, by tiles of hidden values and chunks of points. The sums of the chunks are added
//! afterwards in their order.

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::activation::{ending_gradients, slope_and_gelu};
use super::mlp::{Counts, EDGE, PITCH, add_products, by_column, by_row, counts, cube, hidden_sums};
use super::product::per_unit;
use super::sums::added;
use super::tile::{DEPTH, SIDE, clear, load, multiply, product_of_tiles};
use super::{arg, cubes, dims, empty, widest};

/// Approximate number of points of a chunk, over which the weights' gradients are one sum.
const CHUNK: usize = 1024;

/// dy W₂ᵀ on one tile.
#[cube]
#[allow(clippy::too_many_arguments)]
fn gradient_sums(
    dy: &[f32],
    w2: &[f32],
    points: usize,
    first_point: usize,
    first_hidden: usize,
    counts: &Counts,
    left: &mut Shared<[f32]>,
    right: &mut Shared<[f32]>,
    sums: &mut Array<f32>,
) {
    let dy_place = by_row(points, counts.outputs);
    let w_place = by_row(counts.hidden, counts.outputs);
    clear(sums, 4usize);
    product_of_tiles(
        dy,
        &dy_place,
        first_point,
        w2,
        &w_place,
        first_hidden,
        left,
        right,
        sums,
        2usize,
        2usize,
        true,
        true,
    );
}

#[cube(launch_unchecked, address_type = "dynamic")]
#[allow(clippy::too_many_arguments)]
fn input_kernel(
    x: &[f32],
    w1: &[f32],
    b1: &[f32],
    w2: &[f32],
    dy: &[f32],
    dx: &mut [f32],
    counts: Counts,
    #[comptime] columns: usize,
) {
    let width = comptime!(columns * SIDE);
    let groups = counts.inputs.div_ceil(width);
    let first_input = CUBE_POS % groups * width;
    let first_point = CUBE_POS / groups * EDGE;
    if first_point >= counts.points {
        terminate!();
    }
    let mut left = Shared::<[f32]>::new_slice(comptime!(PITCH * DEPTH));
    let mut right = Shared::<[f32]>::new_slice(comptime!(PITCH * DEPTH));
    let mut weights = Shared::<[f32]>::new_slice(comptime!((width + 1) * DEPTH));
    let mut slopes = Shared::<[f32]>::new_slice(comptime!(PITCH * EDGE));
    let mut sums = Array::<f32>::new(4usize);
    let mut found = Array::<f32>::new(4usize);
    let mut total = Array::<f32>::new(comptime!(2 * columns));
    clear(&mut total, comptime!(2 * columns));
    // W₁ᵀ: the terms are the hidden values, adjacent in memory
    let w1_place = by_row(counts.inputs, counts.hidden);
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
        gradient_sums(
            dy,
            w2,
            counts.points,
            first_point,
            first_hidden,
            &counts,
            &mut left,
            &mut right,
            &mut found,
        );
        #[unroll]
        for j in 0..2usize {
            let at = UNIT_POS_X as usize + comptime!(j * SIDE);
            #[unroll]
            for i in 0..2usize {
                let point = UNIT_POS_Y as usize + comptime!(i * SIDE);
                let sum = comptime!(2 * i + j);
                let mut value = 0.0f32;
                if first_hidden + at < counts.hidden {
                    let (slope, _) = slope_and_gelu(sums[sum] + b1[first_hidden + at]);
                    value = found[sum] * slope;
                }
                slopes[at * PITCH + point] = value;
            }
        }
        add_products(
            &slopes,
            w1,
            &w1_place,
            first_input,
            first_hidden,
            &mut weights,
            &mut total,
            columns,
            true,
        );
    }
    #[unroll]
    for j in 0..columns {
        let input = first_input + UNIT_POS_X as usize + comptime!(j * SIDE);
        #[unroll]
        for i in 0..2usize {
            let point = first_point + UNIT_POS_Y as usize + comptime!(i * SIDE);
            if point < counts.points && input < counts.inputs {
                dx[point * counts.inputs + input] = total[comptime!(i * columns + j)];
            }
        }
    }
}

/// Sums over one chunk of points, for one tile of hidden values, [`EDGE`] inputs and as many
/// outputs.
#[cube(launch_unchecked, address_type = "dynamic")]
#[allow(clippy::too_many_arguments)]
fn weights_kernel(
    x: &[f32],
    w1: &[f32],
    b1: &[f32],
    w2: &[f32],
    dy: &[f32],
    dw1: &mut [f32],
    db1: &mut [f32],
    dw2: &mut [f32],
    counts: Counts,
) {
    let groups = max(counts.inputs, counts.outputs).div_ceil(EDGE);
    let tiles = counts.hidden.div_ceil(EDGE);
    let first_channel = CUBE_POS % groups * EDGE;
    let first_hidden = CUBE_POS / groups % tiles * EDGE;
    let chunk = CUBE_POS / groups / tiles;
    let begin = chunk * counts.chunk;
    if begin >= counts.points {
        terminate!();
    }
    let end = min(begin + counts.chunk, counts.points);
    let mut left = Shared::<[f32]>::new_slice(comptime!(PITCH * DEPTH));
    let mut right = Shared::<[f32]>::new_slice(comptime!(PITCH * DEPTH));
    let mut values = Shared::<[f32]>::new_slice(comptime!(PITCH * EDGE));
    let mut slopes = Shared::<[f32]>::new_slice(comptime!(PITCH * EDGE));
    let mut sums = Array::<f32>::new(4usize);
    let mut found = Array::<f32>::new(4usize);
    let mut first = Array::<f32>::new(4usize);
    let mut second = Array::<f32>::new(4usize);
    clear(&mut first, 4usize);
    clear(&mut second, 4usize);
    let mut bias = 0.0f32;
    let unit = UNIT_POS as usize;
    let x_place = by_column(end, counts.inputs);
    let dy_place = by_column(end, counts.outputs);
    let steps = (end - begin).div_ceil(EDGE);
    for step in 0..steps {
        let first_point = begin + step * EDGE;
        hidden_sums(
            x,
            w1,
            end,
            first_point,
            first_hidden,
            &counts,
            &mut left,
            &mut right,
            &mut sums,
        );
        gradient_sums(
            dy,
            w2,
            end,
            first_point,
            first_hidden,
            &counts,
            &mut left,
            &mut right,
            &mut found,
        );
        #[unroll]
        for j in 0..2usize {
            let at = UNIT_POS_X as usize + comptime!(j * SIDE);
            #[unroll]
            for i in 0..2usize {
                let point = UNIT_POS_Y as usize + comptime!(i * SIDE);
                let sum = comptime!(2 * i + j);
                let mut value = 0.0f32;
                let mut slope = 0.0f32;
                if first_hidden + at < counts.hidden {
                    let (s, v) = slope_and_gelu(sums[sum] + b1[first_hidden + at]);
                    value = v;
                    slope = found[sum] * s;
                }
                values[point * PITCH + at] = value;
                slopes[point * PITCH + at] = slope;
            }
        }
        #[unroll]
        for half in 0..2usize {
            let from = comptime!(half * DEPTH);
            load(x, &x_place, first_channel, first_point + from, &mut left, EDGE, false);
            load(dy, &dy_place, first_channel, first_point + from, &mut right, EDGE, false);
            sync_cube();
            multiply(&left, 0usize, &slopes, from, &mut first, 2usize, 2usize);
            multiply(&values, from, &right, 0usize, &mut second, 2usize, 2usize);
            sync_cube();
        }
        if unit < EDGE {
            for point in 0..EDGE {
                bias += slopes[point * PITCH + unit];
            }
        }
        sync_cube();
    }
    if first_channel == 0 && unit < EDGE && first_hidden + unit < counts.hidden {
        db1[chunk * counts.hidden + first_hidden + unit] = bias;
    }
    let (row, column) = (UNIT_POS_Y as usize, UNIT_POS_X as usize);
    #[unroll]
    for i in 0..2usize {
        let down = row + comptime!(i * SIDE);
        #[unroll]
        for j in 0..2usize {
            let along = column + comptime!(j * SIDE);
            let sum = comptime!(2 * i + j);
            let (input, hidden) = (first_channel + down, first_hidden + along);
            if input < counts.inputs && hidden < counts.hidden {
                dw1[(chunk * counts.inputs + input) * counts.hidden + hidden] = first[sum];
            }
            let (hidden, output) = (first_hidden + down, first_channel + along);
            if hidden < counts.hidden && output < counts.outputs {
                dw2[(chunk * counts.hidden + hidden) * counts.outputs + output] = second[sum];
            }
        }
    }
}

/// Gradients of x, if requested, and of the parameters.
pub(super) fn backward(
    x: &CubeTensor,
    [w1, b1, w2, _]: &[CubeTensor; 4],
    dy: &CubeTensor,
    wants_x: bool,
) -> (Option<CubeTensor>, [CubeTensor; 4]) {
    let ([batch, points, inputs], [hidden, outputs]) = (dims(x), dims(w2));
    let all = batch * points;
    let chunk = all.div_ceil(all.div_ceil(CHUNK));
    let chunks = all.div_ceil(chunk);
    let dw1 = empty(x, &[chunks, inputs, hidden]);
    let db1 = empty(x, &[chunks, hidden]);
    let dw2 = empty(x, &[chunks, hidden, outputs]);
    let groups = inputs.max(outputs).div_ceil(EDGE);
    // SAFETY: as in the forward pass; every chunk has its own sums
    unsafe {
        weights_kernel::launch_unchecked(
            &x.client,
            cubes(groups * hidden.div_ceil(EDGE) * chunks),
            cube(),
            widest([x, w1, w2, dy, &dw1, &dw2]),
            arg(x),
            arg(w1),
            arg(b1),
            arg(w2),
            arg(dy),
            arg(&dw1),
            arg(&db1),
            arg(&dw2),
            counts(x, w1, w2, chunk),
        );
    }
    let dx = wants_x.then(|| {
        let dx = empty(x, &[batch, points, inputs]);
        let columns = per_unit(inputs);
        let count = all.div_ceil(EDGE) * inputs.div_ceil(columns * SIDE);
        // SAFETY: as in the forward pass
        unsafe {
            input_kernel::launch_unchecked(
                &x.client,
                cubes(count),
                cube(),
                widest([x, w1, w2, dy]),
                arg(x),
                arg(w1),
                arg(b1),
                arg(w2),
                arg(dy),
                arg(&dx),
                counts(x, w1, w2, 1),
                columns,
            );
        }
        dx
    });
    let b2 = ending_gradients(None, None, false, dy).bias;
    let sums = |partials: &CubeTensor, count| added(partials, 1, chunks, count);
    let gradients =
        [sums(&dw1, inputs * hidden), sums(&db1, hidden), sums(&dw2, hidden * outputs), b2];
    (dx, gradients)
}
