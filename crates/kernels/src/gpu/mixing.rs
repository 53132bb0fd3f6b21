//! One complex product a mode for the whole batch, and the two products that are its gradients.
//!
//! Spectra are `[sample; re, im; mode; channel]`. Weights are `[mode of the window; in; out]` in
//! two parts, read at the modes that the grid holds. Conjugation is a choice of signs and a
//! transpose a choice of strides, so all three products use one kernel.

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::tables::Tables;
use super::tile::{DEPTH, Place, SIDE, clear, load};
use super::{arg, cubes, empty, widest};

/// Constants at the compilation of a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Form {
    /// Rows and columns of the result for each unit.
    rows: usize,
    columns: usize,
    left_near: bool,
    right_near: bool,
    /// Whether the left operand is conjugated.
    left_conjugate: bool,
    right_conjugate: bool,
    /// Whether the right operand, or the result, is the weights.
    from_weights: bool,
    to_weights: bool,
}

/// Strides of one complex operand: between modes, between rows or columns, between terms, and
/// between the two parts if they are in one buffer.
#[derive(CubeType, CubeLaunch, Clone, Copy)]
struct Strides {
    mode: usize,
    along: usize,
    across: usize,
    part: usize,
}

#[derive(CubeType, CubeLaunch, Clone, Copy)]
struct Counts {
    modes: usize,
    rows: usize,
    columns: usize,
    terms: usize,
}

/// Adds the products of complex tiles to this unit's sums.
#[cube]
#[allow(clippy::too_many_arguments)]
fn multiply(
    left_re: &Shared<[f32]>,
    left_im: &Shared<[f32]>,
    right_re: &Shared<[f32]>,
    right_im: &Shared<[f32]>,
    re: &mut Array<f32>,
    im: &mut Array<f32>,
    #[comptime] form: Form,
) {
    let (row, column) = (UNIT_POS_Y as usize, UNIT_POS_X as usize);
    for k in 0..DEPTH {
        #[unroll]
        for i in 0..form.rows {
            let at = k * comptime!(form.rows * SIDE + 1) + row + comptime!(i * SIDE);
            let x = left_re[at];
            let mut y = left_im[at];
            if comptime!(form.left_conjugate) {
                y = -y;
            }
            #[unroll]
            for j in 0..form.columns {
                let at = k * comptime!(form.columns * SIDE + 1) + column + comptime!(j * SIDE);
                let u = right_re[at];
                let mut v = right_im[at];
                if comptime!(form.right_conjugate) {
                    v = -v;
                }
                let sum = comptime!(i * form.columns + j);
                re[sum] = fma(x, u, re[sum]);
                re[sum] = fma(-y, v, re[sum]);
                im[sum] = fma(x, v, im[sum]);
                im[sum] = fma(y, u, im[sum]);
            }
        }
    }
}

#[cube(launch_unchecked, address_type = "dynamic")]
#[allow(clippy::too_many_arguments)]
fn mixing_kernel(
    left: &[f32],
    right: &[f32],
    right_im: &[f32],
    held: &[u32],
    to: &mut [f32],
    to_im: &mut [f32],
    counts: Counts,
    left_at: Strides,
    right_at: Strides,
    to_at: Strides,
    #[comptime] form: Form,
) {
    let height = comptime!(form.rows * SIDE);
    let width = comptime!(form.columns * SIDE);
    let across = counts.columns.div_ceil(width);
    let down = counts.rows.div_ceil(height);
    let first_column = CUBE_POS % across * width;
    let first_row = CUBE_POS / across % down * height;
    let mode = CUBE_POS / across / down;
    if mode >= counts.modes {
        terminate!();
    }
    let slot = held[mode] as usize;
    let mut a_re = Shared::<[f32]>::new_slice(comptime!((height + 1) * DEPTH));
    let mut a_im = Shared::<[f32]>::new_slice(comptime!((height + 1) * DEPTH));
    let mut b_re = Shared::<[f32]>::new_slice(comptime!((width + 1) * DEPTH));
    let mut b_im = Shared::<[f32]>::new_slice(comptime!((width + 1) * DEPTH));
    let mut re = Array::<f32>::new(comptime!(form.rows * form.columns));
    let mut im = Array::<f32>::new(comptime!(form.rows * form.columns));
    clear(&mut re, comptime!(form.rows * form.columns));
    clear(&mut im, comptime!(form.rows * form.columns));
    let left_place = Place {
        offset: mode * left_at.mode,
        along: left_at.along,
        extent: counts.rows,
        across: left_at.across,
        terms: counts.terms,
    };
    let left_im_place = Place {
        offset: mode * left_at.mode + left_at.part,
        along: left_at.along,
        extent: counts.rows,
        across: left_at.across,
        terms: counts.terms,
    };
    let mut right_offset = mode * right_at.mode;
    if comptime!(form.from_weights) {
        right_offset = slot * right_at.mode;
    }
    let right_place = Place {
        offset: right_offset,
        along: right_at.along,
        extent: counts.columns,
        across: right_at.across,
        terms: counts.terms,
    };
    let right_im_place = Place {
        offset: right_offset + right_at.part,
        along: right_at.along,
        extent: counts.columns,
        across: right_at.across,
        terms: counts.terms,
    };
    let blocks = counts.terms.div_ceil(DEPTH);
    for block in 0..blocks {
        let term = block * DEPTH;
        load(left, &left_place, first_row, term, &mut a_re, height, form.left_near);
        load(left, &left_im_place, first_row, term, &mut a_im, height, form.left_near);
        load(right, &right_place, first_column, term, &mut b_re, width, form.right_near);
        load(right_im, &right_im_place, first_column, term, &mut b_im, width, form.right_near);
        sync_cube();
        multiply(&a_re, &a_im, &b_re, &b_im, &mut re, &mut im, form);
        sync_cube();
    }
    let mut offset = mode * to_at.mode;
    if comptime!(form.to_weights) {
        offset = slot * to_at.mode;
    }
    #[unroll]
    for j in 0..form.columns {
        let column = first_column + UNIT_POS_X as usize + comptime!(j * SIDE);
        #[unroll]
        for i in 0..form.rows {
            let row = first_row + UNIT_POS_Y as usize + comptime!(i * SIDE);
            if row < counts.rows && column < counts.columns {
                let at = offset + row * to_at.along + column;
                let sum = comptime!(i * form.columns + j);
                to[at] = re[sum];
                if comptime!(form.to_weights) {
                    to_im[at] = im[sum];
                } else {
                    to[at + to_at.part] = im[sum];
                }
            }
        }
    }
}

/// The extents of a layer's mixing.
#[derive(Clone, Copy)]
pub(super) struct Mixing<'a> {
    pub tables: &'a Tables,
    pub batch: usize,
    pub inputs: usize,
    pub outputs: usize,
}

impl Mixing<'_> {
    /// W_k x̂_k.
    pub fn forward(
        &self,
        spectrum: &CubeTensor,
        real: &CubeTensor,
        imaginary: &CubeTensor,
    ) -> CubeTensor {
        let mixed = self.spectrum_like(spectrum, self.outputs);
        self.launch(
            [self.batch, self.outputs, self.inputs],
            (spectrum, self.spectrum(self.inputs, false)),
            [real, imaginary],
            self.weights(1, self.outputs),
            [&mixed, &empty(spectrum, &[1])],
            self.spectrum(self.outputs, false),
            [false; 2],
            false,
        );
        mixed
    }

    /// Gradient of x̂_k: d_k conj(W_k)ᵀ.
    pub fn spectrum_gradient(
        &self,
        gradient: &CubeTensor,
        real: &CubeTensor,
        imaginary: &CubeTensor,
    ) -> CubeTensor {
        let found = self.spectrum_like(gradient, self.inputs);
        self.launch(
            [self.batch, self.inputs, self.outputs],
            (gradient, self.spectrum(self.outputs, false)),
            [real, imaginary],
            self.weights(self.outputs, 1),
            [&found, &empty(gradient, &[1])],
            self.spectrum(self.inputs, false),
            [false, true],
            false,
        );
        found
    }

    /// Gradients of W_k, conj(x̂_k)ᵀ d_k, into `[real, imaginary]`, at the held modes.
    pub fn weight_gradients(
        &self,
        spectrum: &CubeTensor,
        gradient: &CubeTensor,
        found: [&CubeTensor; 2],
    ) {
        let right = self.spectrum(self.outputs, true);
        self.launch(
            [self.inputs, self.outputs, self.batch],
            (spectrum, self.spectrum(self.inputs, true)),
            [gradient, gradient],
            right,
            found,
            self.weights(self.outputs, 1),
            [true, false],
            true,
        );
    }

    fn spectrum_like(&self, like: &CubeTensor, channels: usize) -> CubeTensor {
        empty(like, &[self.batch, 2, self.tables.kept, channels])
    }

    /// Strides (mode, along, across, part) of a spectrum. Samples are rows, or terms if `turned`.
    fn spectrum(&self, channels: usize, turned: bool) -> [usize; 4] {
        let (part, sample) = (self.tables.kept * channels, 2 * self.tables.kept * channels);
        let (along, across) = if turned { (1, sample) } else { (sample, 1) };
        [channels, along, across, part]
    }

    fn weights(&self, along: usize, across: usize) -> [usize; 4] {
        [self.inputs * self.outputs, along, across, 0]
    }

    #[allow(clippy::too_many_arguments)]
    fn launch(
        &self,
        [rows, columns, terms]: [usize; 3],
        (left, left_at): (&CubeTensor, [usize; 4]),
        right: [&CubeTensor; 2],
        right_at: [usize; 4],
        to: [&CubeTensor; 2],
        to_at: [usize; 4],
        [left_conjugate, right_conjugate]: [bool; 2],
        to_weights: bool,
    ) {
        let per_unit = |extent: usize| if extent <= SIDE { 1 } else { 2 };
        let form = Form {
            rows: per_unit(rows),
            columns: per_unit(columns),
            left_near: left_at[2] == 1,
            right_near: right_at[2] == 1,
            left_conjugate,
            right_conjugate,
            from_weights: !to_weights,
            to_weights,
        };
        let tiles = rows.div_ceil(form.rows * SIDE) * columns.div_ceil(form.columns * SIDE);
        let modes = self.tables.kept;
        let strides = |[m, l, c, p]: [usize; 4]| StridesLaunch::new(m, l, c, p);
        // SAFETY: rows, columns, terms and modes are guarded by the operands' extents; held modes
        // lie in the window; both results have a number each for every row and column of a mode
        unsafe {
            mixing_kernel::launch_unchecked(
                &left.client,
                cubes(modes * tiles),
                CubeDim::new_2d(SIDE as u32, SIDE as u32),
                widest([left, right[0], to[0]]),
                arg(left),
                arg(right[0]),
                arg(right[1]),
                arg(&self.tables.held),
                arg(to[0]),
                arg(to[1]),
                CountsLaunch::new(modes, rows, columns, terms),
                strides(left_at),
                strides(right_at),
                strides(to_at),
                form,
            );
        }
    }
}
