//! The probability flow of a Gaussian law, mode by mode, and the effect of a constant remainder on
//! it.

use std::ops::Range;

use crate::Scalar;
use crate::law::OnGrid;
use crate::path::Path;

/// One mode's step from t to s: x_s = a_s m + keep (x_t − a_t m) + gain R for constant R = D − D_lin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Coefficients {
    /// √(S_s/S_t).
    pub keep: f64,
    /// √S_s Δu.
    pub gain: f64,
}

/// The coefficients of `[channel, mode]` from the first of `modes` to the last.
pub(super) fn affine<S: Scalar>(
    path: &dyn Path,
    tables: &OnGrid<S>,
    modes: Range<usize>,
    t: f64,
    s: f64,
) -> impl Iterator<Item = Coefficients> {
    let (from, to) = (At::new(path, t), At::new(path, s));
    let spectra = tables.variances[modes.clone()].iter().zip(&tables.eigenvalues[modes]);
    spectra.map(move |(c, lambda)| coefficients(&from, &to, c.double(), lambda.double()))
}

/// a, b and ln(a/b) at one time.
struct At {
    a: f64,
    b: f64,
    lambda: f64,
}

impl At {
    fn new(path: &dyn Path, t: f64) -> Self {
        Self { a: path.signal(t), b: path.noise(t), lambda: 0.5 * path.log_snr(t) }
    }

    fn spread(&self, c: f64, lambda: f64) -> f64 {
        self.a * self.a * c + self.b * self.b * lambda
    }
}

/// u = asinh(r/σ)/√c = asinhc(r/σ) a/(b√λ) with asinhc(z) = asinh(z)/z. Only the two cases handled
/// below would be 0/0.
fn coefficients(from: &At, to: &At, c: f64, lambda: f64) -> Coefficients {
    if lambda == 0.0 && c > 0.0 {
        // no noise: u = ln(a/b)/√c
        return Coefficients { keep: to.a / from.a, gain: to.a * (to.lambda - from.lambda) };
    }
    // without data the noise's strength cancels, so any positive number may stand for a λ of 0
    let lambda = if lambda > 0.0 { lambda } else { 1.0 };
    let spread = to.spread(c, lambda);
    let u = |at: &At| at.a / at.b * asinhc((c / lambda).sqrt() * at.a / at.b);
    Coefficients {
        keep: (spread / from.spread(c, lambda)).sqrt(),
        gain: (spread / lambda).sqrt() * (u(to) - u(from)),
    }
}

/// asinh(z)/z for z ≥ 0, 1 at 0.
fn asinhc(z: f64) -> f64 {
    // the next term of the series is 3z⁴/40
    if z < 1e-4 { 1.0 - z * z / 6.0 } else { libm::asinh(z) / z }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::VariancePreserving;

    /// gain against ∫ √S_s dσ / (σ √(c + σ²λ)) by Simpson's rule in ln σ, for every kind of mode.
    #[test]
    fn the_gain_is_the_integral_over_sigma() {
        let path = VariancePreserving::default();
        for (t, s) in [(1.0, 0.6), (0.5, 0.45), (0.3, 1e-3), (1.0, 1e-3)] {
            let (from, to) = (At::new(&path, t), At::new(&path, s));
            for (c, lambda) in [
                (1.0, 1.0),
                (0.0, 2.0),
                (1e-13, 3.0),
                (1e4, 1.0),
                (1e-4, 1.0),
                (2.0, 0.0),
                (0.0, 0.0),
            ] {
                let n = 4000;
                let step = (to.lambda - from.lambda) / f64::from(n);
                let lambda_or_one = if c == 0.0 && lambda == 0.0 { 1.0 } else { lambda };
                let density = |i: i32| {
                    let sigma = (-(from.lambda + f64::from(i) * step)).exp();
                    1.0 / (c + sigma * sigma * lambda_or_one).sqrt()
                };
                let sum: f64 = (0..=n)
                    .map(|i| {
                        let weight =
                            if i == 0 || i == n { 1.0 } else { f64::from(2 + 2 * (i % 2)) };
                        weight * density(i)
                    })
                    .sum();
                let expected = to.spread(c, lambda_or_one).sqrt() * sum * step / 3.0;
                let found = coefficients(&from, &to, c, lambda);
                let error = (found.gain / expected - 1.0).abs();
                assert!(error < 1e-9, "{t} {s} c = {c} λ = {lambda}: {} {expected}", found.gain);
            }
        }
    }

    /// Without data: DDIM's factors.
    #[test]
    fn a_law_that_knows_nothing_leaves_the_exponential_step() {
        let path = VariancePreserving::default();
        let (from, to) = (At::new(&path, 0.8), At::new(&path, 0.3));
        let found = coefficients(&from, &to, 0.0, 0.7);
        assert!((found.keep - to.b / from.b).abs() < 1e-15);
        assert!((found.gain - (to.a - from.a * to.b / from.b)).abs() < 1e-15);
    }
}
