//! Exponential Euler on the reverse stochastic equation: linear part exact, D constant over a step.
//!
//! With D constant over a step the reverse equation is linear in x, and the law of its solution is
//! known. It is the law of X_s given X_t = x and X₀ = D under the forward process ("ancestral
//! sampling"). The step is stable for every length, whereas [`super::EulerMaruyama`] diverges in
//! modes with little data in much noise. Weak order 1, one evaluation a step.
//!
//! **Source** Ho, Jain, Abbeel, arXiv 2006.11239, eq. 6–7, for any path; SDE-DPM-Solver++(1) of Lu et
//! al., arXiv 2211.01095.

use super::{Reverse, Sampler};
use crate::{Ensemble, FieldError, Scalar};

/// x ← (a_t/a_s)(b_s/b_t)² x + a_s (1 − q) D + b_s √(1 − q) η with η ~ N(0, Q) and
/// q = SNR_t/SNR_s = (a_t b_s)²/(a_s b_t)².
#[derive(Debug, Clone, Copy, Default)]
pub struct ExponentialEuler;

impl<S: Scalar> Sampler<S> for ExponentialEuler {
    fn evaluations_per_step(&self) -> usize {
        1
    }

    fn step(
        &mut self,
        reverse: &mut Reverse<'_>,
        x: &mut Ensemble<S>,
        t: f64,
        s: f64,
        step: usize,
    ) -> Result<(), FieldError> {
        let path = reverse.path;
        let denoised = reverse.denoise(x, t)?;
        let noise = reverse.noise(x, step);
        let (from, to) = ((path.signal(t), path.noise(t)), (path.signal(s), path.noise(s)));
        let lost = -(path.log_snr(t) - path.log_snr(s)).exp_m1();
        let keep = from.0 / to.0 * (to.1 / from.1).powi(2);
        let (pull, push) = (to.0 * lost, to.1 * lost.sqrt());
        for ((x, d), eta) in x.values.iter_mut().zip(&denoised.values).zip(&noise.values) {
            *x = S::of(keep * x.double() + pull * d.double() + push * eta.double());
        }
        Ok(())
    }
}
