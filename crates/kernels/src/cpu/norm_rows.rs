//! Passes of a normalisation over rows of channels: sums a channel, SiLU and its slope.
//!
//! σ(z) = 1/(1 + e^{−z}). With e = e^{−|z|} and r = 1/(1 + e) it is r for z ≥ 0 and e·r below, so
//! nothing overflows and small values keep their digits. SiLU is z σ, and its slope is σ (1 + z (1
//! − σ)).

use crate::cpu::activation::{POWER_OF_TWO, masked_load, masked_store, polynomial};
use crate::simd::{Lanes, dispatched};

/// Beyond this |z|, σ equals its limit up to rounding, while the 2^n of its exponent is still a
/// normal number.
const FAR: f32 = 87.0;

/// Factor and shift of a channel of one sample: z = (x − mean) · scale + shift.
#[derive(Clone, Copy)]
pub(crate) struct Affine {
    pub mean: *const f32,
    pub scale: *const f32,
    pub shift: *const f32,
}

/// (σ(z), 1 − σ(z)). Both are not numbers if z is none.
#[inline(always)]
unsafe fn sigmoid<L: Lanes>(z: L) -> (L, L) {
    // SAFETY: arithmetic on registers; the exponent lies in −126 … 0
    unsafe {
        // the second operand if one is not a number, so that such z stay not a number
        let a = L::splat(FAR).min(z.abs());
        let exponent = a.mul(L::splat(-std::f32::consts::LOG2_E));
        let whole = exponent.round();
        let e = polynomial(exponent.sub(whole), &POWER_OF_TWO).scale(whole);
        let above = L::splat(1.0).add(e).reciprocal();
        let below = e.mul(above);
        (z.by_sign(below, above), z.by_sign(above, below))
    }
}

/// Runs a body over the channels of a row, register by register.
macro_rules! over_channels {
    ($l:ident, $channels:expr, |$at:ident, $load:ident, $store:ident| $body:block) => {
        let mut $at = 0;
        while $at < $channels {
            let left = $channels - $at;
            let (mask, whole) = ($l::mask(left), left >= $l::COUNT);
            #[allow(unused_variables)]
            let $load = |from: *const f32| masked_load::<$l>(from, mask, whole);
            #[allow(unused_variables)]
            let $store = |value: $l, to: *mut f32| masked_store(value, to, mask, whole);
            $body
            $at += $l::COUNT;
        }
    };
}

dispatched! {
    /// `sums` `[channel]` = Σ_points x or, with a mean, Σ_points (x − mean)².
    ///
    /// # Safety
    /// The pointers cover `[points, channels]` and `[channels]`; `mean` may be null.
    pub(crate) fn channel_sums = channel_sums_body(
        points: usize, channels: usize, x: *const f32, mean: *const f32, sums: *mut f32,
    )
}

#[inline(always)]
unsafe fn channel_sums_body<L: Lanes>(
    points: usize,
    channels: usize,
    x: *const f32,
    mean: *const f32,
    sums: *mut f32,
) {
    // SAFETY: rows of the same arrays, masked where one ends
    unsafe {
        over_channels!(L, channels, |at, load, store| {
            let mut sum = L::splat(0.0);
            if mean.is_null() {
                for p in 0..points {
                    sum = sum.add(load(x.add(p * channels + at)));
                }
            } else {
                let mean = load(mean.add(at));
                for p in 0..points {
                    let d = load(x.add(p * channels + at)).sub(mean);
                    sum = d.fma(d, sum);
                }
            }
            store(sum, sums.add(at));
        });
    }
}

dispatched! {
    /// y = silu((x − mean) · scale + shift) for rows of channels.
    ///
    /// # Safety
    /// The pointers cover `[points, channels]` and `[channels]`; y overlaps none.
    pub(crate) fn silu_rows = silu_body(
        points: usize, channels: usize, x: *const f32, affine: Affine, y: *mut f32,
    )
}

#[inline(always)]
unsafe fn silu_body<L: Lanes>(
    points: usize,
    channels: usize,
    x: *const f32,
    affine: Affine,
    y: *mut f32,
) {
    // SAFETY: rows of the same arrays, masked where one ends
    unsafe {
        for p in 0..points {
            let (x, y) = (x.add(p * channels), y.add(p * channels));
            over_channels!(L, channels, |at, load, store| {
                let d = load(x.add(at)).sub(load(affine.mean.add(at)));
                let z = d.fma(load(affine.scale.add(at)), load(affine.shift.add(at)));
                store(z.mul(sigmoid(z).0), y.add(at));
            });
        }
    }
}

dispatched! {
    /// `g` = dy · silu′(z) at z = (x − mean) · scale + shift; `sums` `[2, channel]` = Σ_points g and
    /// Σ_points g (x − mean).
    ///
    /// # Safety
    /// The pointers cover `[points, channels]`, `[channels]` and `[2, channels]`; what is written
    /// overlaps nothing.
    pub(crate) fn slope_rows = slope_body(
        points: usize, channels: usize, x: *const f32, affine: Affine, dy: *const f32,
        g: *mut f32, sums: *mut f32,
    )
}

#[inline(always)]
unsafe fn slope_body<L: Lanes>(
    points: usize,
    channels: usize,
    x: *const f32,
    affine: Affine,
    dy: *const f32,
    g: *mut f32,
    sums: *mut f32,
) {
    // SAFETY: rows of the same arrays, masked where one ends
    unsafe {
        over_channels!(L, channels, |at, load, store| {
            let mean = load(affine.mean.add(at));
            let (scale, shift) = (load(affine.scale.add(at)), load(affine.shift.add(at)));
            let (mut plain, mut weighted) = (L::splat(0.0), L::splat(0.0));
            for p in 0..points {
                let place = p * channels + at;
                let d = load(x.add(place)).sub(mean);
                let z = d.fma(scale, shift);
                let (sigmoid, rest) = sigmoid(z);
                let slope = sigmoid.mul(z.fma(rest, L::splat(1.0)));
                let value = load(dy.add(place)).mul(slope);
                store(value, g.add(place));
                plain = plain.add(value);
                weighted = value.fma(d, weighted);
            }
            store(plain, sums.add(at));
            store(weighted, sums.add(channels + at));
        });
    }
}

dispatched! {
    /// `g` = g · scale − constant − (x − mean) · linear, for rows of channels. `affine.shift` holds
    /// the constant.
    ///
    /// # Safety
    /// The pointers cover `[points, channels]` and `[channels]`; g overlaps none.
    pub(crate) fn centre_rows = centre_body(
        points: usize, channels: usize, x: *const f32, affine: Affine, linear: *const f32,
        g: *mut f32,
    )
}

#[inline(always)]
unsafe fn centre_body<L: Lanes>(
    points: usize,
    channels: usize,
    x: *const f32,
    affine: Affine,
    linear: *const f32,
    g: *mut f32,
) {
    // SAFETY: rows of the same arrays, masked where one ends
    unsafe {
        for p in 0..points {
            let (x, g) = (x.add(p * channels), g.add(p * channels));
            over_channels!(L, channels, |at, load, store| {
                let d = load(x.add(at)).sub(load(affine.mean.add(at)));
                let scaled = load(g.add(at)).mul(load(affine.scale.add(at)));
                let centred = scaled.sub(load(affine.shift.add(at)));
                store(d.fnma(load(linear.add(at)), centred), g.add(at));
            });
        }
    }
}
