//! Exact GELU, x Φ(x), and its slope, with the conditioning that precedes it.
//!
//! With a = |x|, x Φ(x) = max(x, 0) − a Φ(−a). For the value alone, Φ(−a) is the eighth power of
//! the reciprocal of a polynomial, without an exponential. For the slope Φ(x) + x φ(x), Φ(−a) is
//! e^{−a²/2} times a polynomial, and both terms share the exponential. The coefficients are minimax
//! fits of the absolute error (5e-8 and 3e-8 of the value), made for this file. The tests hold both
//! to 3e-7, including rounding.

use crate::simd::{Lanes, dispatched};

/// Beyond this |x| both equal their limits up to rounding. It also keeps powers finite.
pub(crate) const FAR: f32 = 10.0;
/// Coefficients of Φ(−a)^(−1/8), in rising powers of a.
pub(crate) const ROOT: [f32; 9] = [
    1.090_508,
    0.108_756_14,
    0.048_854_514,
    0.009_345_69,
    0.001_094_627_1,
    0.000_106_006_94,
    0.000_111_773_86,
    -1.924_296_3e-5,
    3.270_804e-6,
];
/// Coefficients of Φ(−a) e^{a²/2}, in rising powers of a.
pub(crate) const SCALED_TAIL: [f32; 12] = [
    4.9999997e-01,
    -3.9893935e-01,
    2.4995569e-01,
    -1.3271934e-01,
    6.170249e-02,
    -2.5148849e-02,
    8.716941e-03,
    -2.4299851e-03,
    5.074535e-04,
    -7.276595e-05,
    6.2873244e-06,
    -2.4420675e-07,
];
/// Coefficients of 2^f on |f| ≤ ½, in rising powers of f.
pub(crate) const POWER_OF_TWO: [f32; 6] =
    [1.0, std::f32::consts::LN_2, 0.240_221_2, 0.055_507_135, 0.009_675_54, 0.001_327_640_8];
const HALF_LOG2_E: f32 = 0.5 * std::f32::consts::LOG2_E;
/// 1/√(2π).
pub(crate) const DENSITY: f32 = 0.398_942_3;

/// Runs a body over `$len` values, register by register. `at` is the first value; `mask` and
/// `whole` tell how many lanes count.
macro_rules! over_registers {
    ($l:ident, $len:expr, |$at:ident, $mask:ident, $whole:ident| $body:block) => {
        let len = $len;
        let mut first = 0;
        let $mask = $l::mask($l::COUNT);
        while first + $l::COUNT <= len {
            let ($at, $whole) = (first, true);
            $body
            first += $l::COUNT;
        }
        if first < len {
            let ($at, $whole) = (first, false);
            let $mask = $l::mask(len - first);
            $body
        }
    };
}

#[inline(always)]
pub(crate) unsafe fn masked_load<L: Lanes>(at: *const f32, mask: L::Mask, whole: bool) -> L {
    // SAFETY: the caller's promise for the lanes of the mask, or all
    unsafe { if whole { L::load(at) } else { L::load_part(at, mask) } }
}

#[inline(always)]
pub(crate) unsafe fn masked_store<L: Lanes>(value: L, at: *mut f32, mask: L::Mask, whole: bool) {
    // SAFETY: the caller's promise for the lanes of the mask, or all
    unsafe { if whole { value.store(at) } else { value.store_part(at, mask) } }
}

#[inline(always)]
pub(crate) unsafe fn polynomial<L: Lanes, const N: usize>(x: L, coefficients: &[f32; N]) -> L {
    // SAFETY: arithmetic on registers
    unsafe {
        let mut sum = L::splat(coefficients[N - 1]);
        for c in coefficients[..N - 1].iter().rev() {
            sum = sum.fma(x, L::splat(*c));
        }
        sum
    }
}

/// x Φ(x).
#[inline(always)]
unsafe fn gelu<L: Lanes>(x: L) -> L {
    // SAFETY: arithmetic on registers
    unsafe {
        let a = x.abs().min(L::splat(FAR));
        let r = polynomial(a, &ROOT).reciprocal();
        let r2 = r.mul(r);
        let r4 = r2.mul(r2);
        // the second operand if one is not a number, so that such x stay not a number
        a.mul(r4).fnma(r4, L::splat(0.0).max(x))
    }
}

/// (Φ(−a), Φ(−a) − a φ(a)), and a = |x| limited to [`FAR`]. All three are not numbers if x is none.
#[inline(always)]
unsafe fn tails<L: Lanes>(x: L) -> (L, L, L) {
    // SAFETY: arithmetic on registers; the exponent lies in −73 … 0
    unsafe {
        // the second operand if one is not a number, so that such x stay not a number
        let a = L::splat(FAR).min(x.abs());
        let exponent = a.mul(a).mul(L::splat(-HALF_LOG2_E));
        let whole = exponent.round();
        let e = polynomial(exponent.sub(whole), &POWER_OF_TWO).scale(whole);
        let tail = e.mul(polynomial(a, &SCALED_TAIL));
        (tail, a.mul(L::splat(DENSITY)).fnma(e, tail), a)
    }
}

/// Φ(x) + x φ(x).
#[inline(always)]
unsafe fn slope<L: Lanes>(x: L) -> L {
    // SAFETY: arithmetic on registers
    unsafe {
        let (_, below, _) = tails(x);
        x.by_sign(below, L::splat(1.0).sub(below))
    }
}

/// Value x Φ(x) and slope Φ(x) + x φ(x).
#[inline(always)]
unsafe fn gelu_and_slope<L: Lanes>(x: L) -> (L, L) {
    // SAFETY: arithmetic on registers
    unsafe {
        let (tail, below, a) = tails(x);
        let value = a.fnma(tail, L::splat(0.0).max(x));
        (value, x.by_sign(below, L::splat(1.0).sub(below)))
    }
}

dispatched! {
    /// y = act(q ⊙ (1 + scale) + shift) for `points` rows of `channels`. `film` is `[scale, shift;
    /// channel]` or null, and y may be q.
    ///
    /// # Safety
    /// The pointers cover these arrays; y is q or overlaps none.
    pub(crate) fn activate = activate_body(
        points: usize, channels: usize, q: *const f32, film: *const f32, curved: bool,
        y: *mut f32,
    )
}

#[inline(always)]
unsafe fn activate_body<L: Lanes>(
    points: usize,
    channels: usize,
    q: *const f32,
    film: *const f32,
    curved: bool,
    y: *mut f32,
) {
    // SAFETY: rows of the same arrays, masked where one ends
    unsafe {
        if film.is_null() {
            // without conditioning all values are treated alike, whatever their row
            over_registers!(L, points * channels, |at, mask, whole| {
                let p = masked_load::<L>(q.add(at), mask, whole);
                let v = if curved { gelu(p) } else { p };
                masked_store(v, y.add(at), mask, whole);
            });
            return;
        }
        over_registers!(L, channels, |at, mask, whole| {
            let scale = masked_load::<L>(film.add(at), mask, whole).add(L::splat(1.0));
            let shift = masked_load::<L>(film.add(channels + at), mask, whole);
            for point in 0..points {
                let at = point * channels + at;
                let p = masked_load::<L>(q.add(at), mask, whole).fma(scale, shift);
                let v = if curved { gelu(p) } else { p };
                masked_store(v, y.add(at), mask, whole);
            }
        });
    }
}

dispatched! {
    /// Replaces the gradient `d` of the layer's result by that of q. Adds Σ dp and Σ dp q over the
    /// points to `sums` `[2, channel]`, where p = q ⊙ (1 + scale) + shift.
    ///
    /// `q` may be null if it has no effect: without conditioning and activation.
    ///
    /// # Safety
    /// The pointers cover these arrays, which do not overlap.
    pub(crate) fn activation_slope = slope_body(
        points: usize, channels: usize, q: *const f32, film: *const f32, curved: bool,
        d: *mut f32, sums: *mut f32,
    )
}

#[inline(always)]
unsafe fn slope_body<L: Lanes>(
    points: usize,
    channels: usize,
    q: *const f32,
    film: *const f32,
    curved: bool,
    d: *mut f32,
    sums: *mut f32,
) {
    // SAFETY: rows of the same arrays, masked where one ends
    unsafe {
        over_registers!(L, channels, |at, mask, whole| {
            let (mut scale, mut shift) = (L::splat(1.0), L::splat(0.0));
            if !film.is_null() {
                scale = masked_load::<L>(film.add(at), mask, whole).add(scale);
                shift = masked_load::<L>(film.add(channels + at), mask, whole);
            }
            let mut sum = masked_load::<L>(sums.add(at), mask, whole);
            let mut moment = masked_load::<L>(sums.add(channels + at), mask, whole);
            for point in 0..points {
                let at = point * channels + at;
                let mut dp = masked_load::<L>(d.add(at), mask, whole);
                if !q.is_null() {
                    let q = masked_load::<L>(q.add(at), mask, whole);
                    if curved {
                        dp = dp.mul(slope(q.fma(scale, shift)));
                    }
                    moment = dp.fma(q, moment);
                }
                sum = sum.add(dp);
                if !q.is_null() {
                    masked_store(dp.mul(scale), d.add(at), mask, whole);
                }
            }
            masked_store(sum, sums.add(at), mask, whole);
            masked_store(moment, sums.add(channels + at), mask, whole);
        });
    }
}

dispatched! {
    /// On `points` rows of hidden values: h ← gelu(h), d ← d ⊙ gelu'(h), `sum` += Σ d.
    ///
    /// # Safety
    /// The pointers cover `[point, channel]` and `[channel]`, which do not overlap.
    pub(crate) fn hidden_slope = hidden_body(
        points: usize, channels: usize, h: *mut f32, d: *mut f32, sum: *mut f32,
    )
}

#[inline(always)]
unsafe fn hidden_body<L: Lanes>(
    points: usize,
    channels: usize,
    h: *mut f32,
    d: *mut f32,
    sum: *mut f32,
) {
    // SAFETY: rows of the same arrays, masked where one ends
    unsafe {
        over_registers!(L, channels, |at, mask, whole| {
            let mut total = masked_load::<L>(sum.add(at), mask, whole);
            for point in 0..points {
                let at = point * channels + at;
                let (value, slope) = gelu_and_slope(masked_load::<L>(h.add(at), mask, whole));
                let d_hidden = masked_load::<L>(d.add(at), mask, whole).mul(slope);
                total = total.add(d_hidden);
                masked_store(value, h.add(at), mask, whole);
                masked_store(d_hidden, d.add(at), mask, whole);
            }
            masked_store(total, sum.add(at), mask, whole);
        });
    }
}
