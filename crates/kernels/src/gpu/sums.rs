//! Sums over an inner extent, term by term in their order, with the same bits in every run.

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::{arg, cubes, empty, widest};

const UNITS: usize = 256;

#[derive(CubeType, CubeLaunch, Clone, Copy)]
struct Counts {
    outer: usize,
    terms: usize,
    inner: usize,
    /// Distance from one term to the next, and the offset of the first term.
    stride: usize,
    offset: usize,
}

#[cube(launch_unchecked, address_type = "dynamic")]
fn sum_kernel(from: &[f32], to: &mut [f32], counts: Counts) {
    let at = ABSOLUTE_POS;
    if at >= counts.outer * counts.inner {
        terminate!();
    }
    let first =
        at / counts.inner * counts.terms * counts.stride + at % counts.inner + counts.offset;
    let mut sum = 0.0f32;
    for term in 0..counts.terms {
        sum += from[first + term * counts.stride];
    }
    to[at] = sum;
}

/// `[outer, terms, inner]` → `[outer, inner]`.
pub(super) fn added(from: &CubeTensor, outer: usize, terms: usize, inner: usize) -> CubeTensor {
    if terms == 1 {
        return from.clone();
    }
    sum(from, outer, CountsLaunch::new(outer, terms, inner, inner, 0), inner)
}

/// Σ over the first extent of the last half of `[terms; 2; inner]`.
pub(super) fn last_half(from: &CubeTensor, terms: usize, inner: usize) -> CubeTensor {
    sum(from, 1, CountsLaunch::new(1, terms, inner, 2 * inner, inner), inner)
}

fn sum(from: &CubeTensor, outer: usize, counts: CountsLaunch, inner: usize) -> CubeTensor {
    let to = empty(from, &[outer, inner]);
    // SAFETY: a unit a sum, guarded; the terms lie within `from` by its extents
    unsafe {
        sum_kernel::launch_unchecked(
            &from.client,
            cubes((outer * inner).div_ceil(UNITS)),
            CubeDim::new_1d(UNITS as u32),
            widest([from]),
            arg(from),
            arg(&to),
            counts,
        );
    }
    to
}
