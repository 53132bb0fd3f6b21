//! Batched products in tiles, with a layer's ending: y = act( (A B + A′ B′ + β) ⊙ (1 + scale) +
//! shift ).
//!
//! The transforms between points and modes are such products with small dense tables. So are the
//! linear map and its gradients and, with a second pair of operands, the last step of a layer.
//! Operands are given by strides, so a transpose costs nothing. A sum over very many terms is cut
//! into batches, whose results are added afterwards in their order.

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::activation::gelu;
use super::tile::{DEPTH, Place, SIDE, clear, product_of_tiles};
use super::{arg, cubes, empty, widest};

/// One matrix operand, for every member of the batch.
#[derive(Clone)]
pub(super) struct Operand<'a> {
    pub values: &'a CubeTensor,
    /// Distance from one member of the batch to the next; 0 for an operand that all share.
    pub batch: usize,
    /// Distance from one row (of the left operand) or column (of the right operand) to the next.
    pub along: usize,
    /// Distance from one term to the next.
    pub across: usize,
}

/// The ending after the sums.
#[derive(Clone, Copy, Default)]
pub(super) struct Ending<'a> {
    /// β, one a column.
    pub bias: Option<&'a CubeTensor>,
    /// `[sample; scale, shift; column]`, and the number of members of the batch that form one
    /// sample.
    pub film: Option<(&'a CubeTensor, usize)>,
    pub gelu: bool,
    /// Whether to keep the values before conditioning and activation.
    pub keep: bool,
}

/// Two operands and the number of terms of their product.
#[derive(Clone)]
pub(super) struct Pair<'a> {
    pub left: Operand<'a>,
    pub right: Operand<'a>,
    pub terms: usize,
}

/// The extents of the result `[batch, rows, columns]`.
#[derive(Clone, Copy)]
pub(super) struct Extents {
    pub batch: usize,
    pub rows: usize,
    pub columns: usize,
}

/// Constants at the compilation of a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Form {
    /// Rows and columns of the result for each unit.
    rows: usize,
    columns: usize,
    /// Whether terms are adjacent in memory, for the operands of the first and the second pair.
    near: [bool; 4],
    second: bool,
    bias: bool,
    film: bool,
    gelu: bool,
    keep: bool,
}

#[derive(CubeType, CubeLaunch, Clone, Copy)]
struct Strides {
    batch: usize,
    along: usize,
    across: usize,
}

#[derive(CubeType, CubeLaunch, Clone, Copy)]
struct Counts {
    batch: usize,
    rows: usize,
    columns: usize,
    /// Number of terms of the first pair in one member of the batch, and in total.
    terms: usize,
    all_terms: usize,
    second_terms: usize,
    /// Number of members of the batch that form one sample.
    members: usize,
}

/// Adds the product of one pair of operands for one member of the batch.
#[cube]
#[allow(clippy::too_many_arguments)]
fn add_pair(
    a: &[f32],
    a_at: &Strides,
    b: &[f32],
    b_at: &Strides,
    counts: &Counts,
    member: usize,
    terms: usize,
    first_row: usize,
    first_column: usize,
    left: &mut Shared<[f32]>,
    right: &mut Shared<[f32]>,
    sums: &mut Array<f32>,
    #[comptime] form: Form,
    #[comptime] a_near: bool,
    #[comptime] b_near: bool,
) {
    let a_place = Place {
        offset: member * a_at.batch,
        along: a_at.along,
        extent: counts.rows,
        across: a_at.across,
        terms,
    };
    let b_place = Place {
        offset: member * b_at.batch,
        along: b_at.along,
        extent: counts.columns,
        across: b_at.across,
        terms,
    };
    product_of_tiles(
        a,
        &a_place,
        first_row,
        b,
        &b_place,
        first_column,
        left,
        right,
        sums,
        form.rows,
        form.columns,
        a_near,
        b_near,
    );
}

#[cube(launch_unchecked, address_type = "dynamic")]
#[allow(clippy::too_many_arguments)]
fn product_kernel(
    a: &[f32],
    b: &[f32],
    a2: &[f32],
    b2: &[f32],
    bias: &[f32],
    film: &[f32],
    y: &mut [f32],
    q: &mut [f32],
    counts: Counts,
    a_at: Strides,
    b_at: Strides,
    a2_at: Strides,
    b2_at: Strides,
    #[comptime] form: Form,
) {
    let height = comptime!(form.rows * SIDE);
    let width = comptime!(form.columns * SIDE);
    let across = counts.columns.div_ceil(width);
    let down = counts.rows.div_ceil(height);
    let first_column = CUBE_POS % across * width;
    let first_row = CUBE_POS / across % down * height;
    let member = CUBE_POS / across / down;
    if member >= counts.batch {
        terminate!();
    }
    let mut left = Shared::<[f32]>::new_slice(comptime!((height + 1) * DEPTH));
    let mut right = Shared::<[f32]>::new_slice(comptime!((width + 1) * DEPTH));
    let mut sums = Array::<f32>::new(comptime!(form.rows * form.columns));
    clear(&mut sums, comptime!(form.rows * form.columns));
    let terms = min(counts.terms, counts.all_terms - member * counts.terms);
    add_pair(
        a,
        &a_at,
        b,
        &b_at,
        &counts,
        member,
        terms,
        first_row,
        first_column,
        &mut left,
        &mut right,
        &mut sums,
        form,
        comptime!(form.near[0]),
        comptime!(form.near[1]),
    );
    if comptime!(form.second) {
        add_pair(
            a2,
            &a2_at,
            b2,
            &b2_at,
            &counts,
            member,
            counts.second_terms,
            first_row,
            first_column,
            &mut left,
            &mut right,
            &mut sums,
            form,
            comptime!(form.near[2]),
            comptime!(form.near[3]),
        );
    }
    #[unroll]
    for j in 0..form.columns {
        let column = first_column + UNIT_POS_X as usize + comptime!(j * SIDE);
        if column < counts.columns {
            let mut start = 0.0f32;
            if comptime!(form.bias) {
                start = bias[column];
            }
            let mut scale = 1.0f32;
            let mut shift = 0.0f32;
            if comptime!(form.film) {
                let at = member / counts.members * 2 * counts.columns + column;
                scale += film[at];
                shift = film[at + counts.columns];
            }
            #[unroll]
            for i in 0..form.rows {
                let row = first_row + UNIT_POS_Y as usize + comptime!(i * SIDE);
                if row < counts.rows {
                    let at = (member * counts.rows + row) * counts.columns + column;
                    let mut value = sums[comptime!(i * form.columns + j)] + start;
                    if comptime!(form.keep) {
                        q[at] = value;
                    }
                    if comptime!(form.film) {
                        value = fma(value, scale, shift);
                    }
                    if comptime!(form.gelu) {
                        value = gelu(value);
                    }
                    y[at] = value;
                }
            }
        }
    }
}

/// Number of rows or columns for each unit, for this extent of the result.
pub(super) fn per_unit(extent: usize) -> usize {
    match extent.div_ceil(SIDE) {
        0 | 1 => 1,
        2 => 2,
        _ => 4,
    }
}

/// (y, q). q is y if it is not kept separately.
///
/// With `all_terms`, the terms of the first pair are those of one long sum that the batch shares.
/// The last member may have fewer terms.
pub(super) fn product(
    extents: Extents,
    first: Pair,
    second: Option<Pair>,
    ending: Ending,
    all_terms: Option<usize>,
) -> (CubeTensor, CubeTensor) {
    let Extents { batch, rows, columns } = extents;
    let like = first.left.values;
    let y = empty(like, &[batch, rows, columns]);
    let q = if ending.keep { empty(like, &[batch, rows, columns]) } else { y.clone() };
    let near = |o: &Operand| o.across == 1;
    let other = second.as_ref().unwrap_or(&first);
    let form = Form {
        rows: per_unit(rows),
        columns: per_unit(columns),
        near: [near(&first.left), near(&first.right), near(&other.left), near(&other.right)],
        second: second.is_some(),
        bias: ending.bias.is_some(),
        film: ending.film.is_some(),
        gelu: ending.gelu,
        keep: ending.keep,
    };
    let (film, members) = ending.film.map_or((like, 1), |(film, members)| (film, members));
    let bias = ending.bias.unwrap_or(like);
    let operands = [first.left.values, first.right.values, other.left.values, other.right.values];
    let tiles = rows.div_ceil(form.rows * SIDE) * columns.div_ceil(form.columns * SIDE);
    let strides = |o: &Operand| StridesLaunch::new(o.batch, o.along, o.across);
    let unread = if ending.keep { arg(&q) } else { arg(&empty(like, &[1])) };
    // SAFETY: every access is guarded by the extents, which are those of the operands; cubes beyond
    // the batch end at once; y and q have a number each for every row and column
    unsafe {
        product_kernel::launch_unchecked(
            &like.client,
            cubes(batch * tiles),
            CubeDim::new_2d(SIDE as u32, SIDE as u32),
            widest(operands.into_iter().chain([&y, bias, film])),
            arg(operands[0]),
            arg(operands[1]),
            arg(operands[2]),
            arg(operands[3]),
            arg(bias),
            arg(film),
            arg(&y),
            unread,
            CountsLaunch::new(
                batch,
                rows,
                columns,
                first.terms,
                all_terms.unwrap_or(batch * first.terms),
                other.terms,
                members,
            ),
            strides(&first.left),
            strides(&first.right),
            strides(&other.left),
            strides(&other.right),
            form,
        );
    }
    (y, q)
}
