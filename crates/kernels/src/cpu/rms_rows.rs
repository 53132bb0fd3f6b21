//! Passes of a channel norm over rows: values with conditioning, and the backward pass.
//!
//! n = u / √(mean_c u² + ε) at every point separately. No mean is taken over points, so the result
//! at a point does not depend on the size of the grid.

use crate::cpu::activation::{masked_load, masked_store};
use crate::simd::{Lanes, dispatched};

/// ε, far below the mean square of any relevant feature.
pub(crate) const EPSILON: f32 = 1e-6;

/// Runs a body over the channels of a row, register by register.
macro_rules! over_row {
    ($l:ident, $channels:expr, |$at:ident, $mask:ident, $whole:ident| $body:block) => {
        let mut $at = 0;
        while $at < $channels {
            let left = $channels - $at;
            let ($mask, $whole) = ($l::mask(left), left >= $l::COUNT);
            $body
            $at += $l::COUNT;
        }
    };
}

dispatched! {
    /// n = u · r with r = 1/√(mean u² + ε), and z = n ⊙ (1 + scale) + shift, for rows of channels.
    /// `film` is `[scale, shift; channel]`. `n` and `inverse` (one r a row) may be null.
    ///
    /// # Safety
    /// The pointers cover `[points, channels]`, `[2, channels]` and `[points]`; what is written
    /// overlaps nothing.
    pub(crate) fn normalise_rows = normalise_body(
        points: usize, channels: usize, u: *const f32, film: *const f32,
        n: *mut f32, z: *mut f32, inverse: *mut f32,
    )
}

#[inline(always)]
unsafe fn normalise_body<L: Lanes>(
    points: usize,
    channels: usize,
    u: *const f32,
    film: *const f32,
    n: *mut f32,
    z: *mut f32,
    inverse: *mut f32,
) {
    // SAFETY: rows of the same arrays, masked where one ends
    unsafe {
        for point in 0..points {
            let row = point * channels;
            let mut squares = L::splat(0.0);
            over_row!(L, channels, |at, mask, whole| {
                let u = masked_load::<L>(u.add(row + at), mask, whole);
                squares = u.fma(u, squares);
            });
            let r = 1.0 / (squares.sum() / channels as f32 + EPSILON).sqrt();
            if !inverse.is_null() {
                inverse.add(point).write(r);
            }
            let r = L::splat(r);
            over_row!(L, channels, |at, mask, whole| {
                let scale = masked_load::<L>(film.add(at), mask, whole).add(L::splat(1.0));
                let shift = masked_load::<L>(film.add(channels + at), mask, whole);
                let normal = masked_load::<L>(u.add(row + at), mask, whole).mul(r);
                if !n.is_null() {
                    masked_store(normal, n.add(row + at), mask, whole);
                }
                masked_store(normal.fma(scale, shift), z.add(row + at), mask, whole);
            });
        }
    }
}

dispatched! {
    /// Replaces the gradient `d` of z by that of u, and adds Σ dz n and Σ dz over the points to
    /// `sums` `[2, channel]`. With dn = dz ⊙ (1 + scale), du = r (dn − n mean_c(dn n)).
    ///
    /// # Safety
    /// As [`normalise_rows`]; `sums` covers `[2, channel]`.
    pub(crate) fn normalise_slope = slope_body(
        points: usize, channels: usize, n: *const f32, inverse: *const f32, film: *const f32,
        d: *mut f32, sums: *mut f32,
    )
}

#[inline(always)]
unsafe fn slope_body<L: Lanes>(
    points: usize,
    channels: usize,
    n: *const f32,
    inverse: *const f32,
    film: *const f32,
    d: *mut f32,
    sums: *mut f32,
) {
    // SAFETY: rows of the same arrays, masked where one ends
    unsafe {
        over_row!(L, channels, |at, mask, whole| {
            let mut moment = masked_load::<L>(sums.add(at), mask, whole);
            let mut sum = masked_load::<L>(sums.add(channels + at), mask, whole);
            for point in 0..points {
                let place = point * channels + at;
                let dz = masked_load::<L>(d.add(place), mask, whole);
                moment = dz.fma(masked_load::<L>(n.add(place), mask, whole), moment);
                sum = sum.add(dz);
            }
            masked_store(moment, sums.add(at), mask, whole);
            masked_store(sum, sums.add(channels + at), mask, whole);
        });
        for point in 0..points {
            let row = point * channels;
            let mut along = L::splat(0.0);
            over_row!(L, channels, |at, mask, whole| {
                let scale = masked_load::<L>(film.add(at), mask, whole).add(L::splat(1.0));
                let dn = masked_load::<L>(d.add(row + at), mask, whole).mul(scale);
                masked_store(dn, d.add(row + at), mask, whole);
                along = dn.fma(masked_load::<L>(n.add(row + at), mask, whole), along);
            });
            let along = L::splat(along.sum() / channels as f32);
            let r = L::splat(inverse.add(point).read());
            over_row!(L, channels, |at, mask, whole| {
                let dn = masked_load::<L>(d.add(row + at), mask, whole);
                let n = masked_load::<L>(n.add(row + at), mask, whole);
                masked_store(n.fnma(along, dn).mul(r), d.add(row + at), mask, whole);
            });
        }
    }
}
