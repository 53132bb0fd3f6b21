//! Gaussian paths: the forward processes that turn data into noise.
//!
//! X_t = a(t) X₀ + b(t) η with η ~ N(0, Q). Time runs from 0 (data) to T (noise). A path is given
//! by the two functions a and b alone. Variance-preserving, variance-exploding and flow-matching
//! schemes are rows of this table:
//!
//! | path | a | b | T | t_min |
//! |---|---|---|---|---|
//! | [`VariancePreserving`] | exp(−½∫α), α linear | √(1 − a²) | 1 | 1e-3 |
//! | [`Cosine`] | cos θ/cos θ₀, θ linear | √(1 − a²) | 0.995 | 1e-3 |
//! | [`VarianceExploding`] | 1 | σ_max t^ρ | 1 | (σ_min/σ_max)^{1/ρ} |
//! | [`Flow`] | 1 − t | t | 0.99 | 0.01 |
//!
//! The ends T and t_min are defaults. With them ln(b/a) runs from about −5 to 5 on each path.
//!
//! Times stay inside [[`Path::end`], [`Path::start`]], where both a and b are positive.

mod cosine;
mod flow;
mod times;
mod variance_exploding;
mod variance_preserving;

use std::fmt::Debug;

pub use cosine::Cosine;
pub use flow::Flow;
pub use times::TimeGrid;
pub use variance_exploding::VarianceExploding;
pub use variance_preserving::VariancePreserving;

use crate::FieldError;

/// A Gaussian path by a(t), b(t) and their derivatives.
///
/// As a stochastic equation it reads dX = f X dt + g dW^Q with f = ȧ/a and g² = d(b²)/dt − 2 f b².
pub trait Path: Debug + Send + Sync {
    /// a(t), what is left of the data.
    fn signal(&self, t: f64) -> f64;

    /// b(t), the amplitude of the noise.
    fn noise(&self, t: f64) -> f64;

    /// ȧ(t).
    fn signal_rate(&self, t: f64) -> f64;

    /// ḃ(t).
    fn noise_rate(&self, t: f64) -> f64;

    /// T, the largest time: the reverse process starts here.
    fn start(&self) -> f64;

    /// t_min > 0, the smallest time. Below it b is too small for a meaningful score, so the reverse
    /// process ends there with one denoising.
    fn end(&self) -> f64;

    /// 2 ln(a/b), the logarithm of the signal-to-noise ratio; decreasing in t.
    fn log_snr(&self, t: f64) -> f64 {
        2.0 * (self.signal(t) / self.noise(t)).ln()
    }

    /// (b_s/b_t, a_s − a_t b_s/b_t), the factors of x and of a constant D in the exact step of the probability flow from
    /// time t to s < t. The second is computed without cancellation.
    fn exponential_step(&self, t: f64, s: f64) -> (f64, f64) {
        let gain = -self.signal(s) * (0.5 * (self.log_snr(t) - self.log_snr(s))).exp_m1();
        (self.noise(s) / self.noise(t), gain)
    }

    /// f = ȧ/a, the linear drift of the forward equation.
    fn drift(&self, t: f64) -> f64 {
        self.signal_rate(t) / self.signal(t)
    }

    /// g² = d(b²)/dt − 2 f b², the squared diffusion coefficient of the forward equation.
    fn diffusion(&self, t: f64) -> f64 {
        let b = self.noise(t);
        2.0 * b * (self.noise_rate(t) - self.drift(t) * b)
    }

    /// The time in [`Path::end`] … [`Path::start`] whose [`Path::log_snr`] is `log_snr`. Values
    /// beyond the ends of the path give those ends.
    ///
    /// Uses Newton's method inside a bracket that every evaluation shrinks. Where Newton would
    /// leave the bracket, or would not at least halve its step, it bisects instead. It therefore
    /// always converges.
    fn time_of_log_snr(&self, log_snr: f64) -> f64 {
        let (mut early, mut late) = (self.end(), self.start());
        if log_snr >= self.log_snr(early) {
            return early;
        }
        if log_snr <= self.log_snr(late) {
            return late;
        }
        let mut t = 0.5 * (early + late);
        let mut stride = late - early;
        while stride > 2.0 * f64::EPSILON * t {
            let excess = self.log_snr(t) - log_snr;
            if excess > 0.0 {
                early = t;
            } else {
                late = t;
            }
            let slope = 2.0 * (self.drift(t) - self.noise_rate(t) / self.noise(t));
            let newton = t - excess / slope;
            let trusted =
                newton >= early && newton <= late && (newton - t).abs() <= 0.5 * stride.abs();
            let next = if trusted { newton } else { 0.5 * (early + late) };
            stride = (next - t).abs();
            t = next;
        }
        t
    }
}

/// Checks the ends of a path whose signal is 0 at time 1.
fn check_ends(end: f64, start: f64) -> Result<(), FieldError> {
    let wrong = |parameter, value, requirement| {
        Err(FieldError::Parameter { parameter, value, requirement })
    };
    if !(start > 0.0 && start < 1.0) {
        return wrong("start", start, "must lie strictly between 0 and 1, where no signal is left");
    }
    if !(end > 0.0 && end < start) {
        return wrong("end", end, "must lie strictly between 0 and the start of the path");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Implements only the required methods, so that the provided ones are tested.
    #[derive(Debug)]
    struct Bare(Flow);

    impl Path for Bare {
        fn signal(&self, t: f64) -> f64 {
            self.0.signal(t)
        }
        fn noise(&self, t: f64) -> f64 {
            self.0.noise(t)
        }
        fn signal_rate(&self, t: f64) -> f64 {
            self.0.signal_rate(t)
        }
        fn noise_rate(&self, t: f64) -> f64 {
            self.0.noise_rate(t)
        }
        fn start(&self) -> f64 {
            self.0.start()
        }
        fn end(&self) -> f64 {
            self.0.end()
        }
    }

    fn bare() -> Bare {
        Bare(Flow::new(1e-4, 0.999).unwrap())
    }

    #[test]
    fn coefficients_of_the_forward_equation() {
        for t in [0.01, 0.3, 0.9] {
            assert!((bare().drift(t) + 1.0 / (1.0 - t)).abs() < 1e-14 / (1.0 - t));
            let g2 = 2.0 * t / (1.0 - t);
            assert!((bare().diffusion(t) - g2).abs() < 1e-14 * (1.0 + g2));
        }
    }

    #[test]
    fn times_of_a_signal_to_noise_ratio_invert_it() {
        for i in 0..=1000 {
            let t = bare().end() + (bare().start() - bare().end()) * f64::from(i) / 1000.0;
            let back = bare().time_of_log_snr(bare().log_snr(t));
            assert!((back - t).abs() < 1e-14, "{t}: {back}");
        }
        assert_eq!(bare().time_of_log_snr(1e9), bare().end());
        assert_eq!(bare().time_of_log_snr(-1e9), bare().start());
    }
}
