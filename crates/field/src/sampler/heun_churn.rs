//! Heun's method with churn: some noise is added back before every deterministic step.
//!
//! Each step first moves *up* in noise by a fraction of the way that it is about to move down, then
//! takes the step of [`super::Heun`] from there. The fresh noise removes errors of the denoiser, as
//! in a stochastic sampler, at the cost of longer steps. Two evaluations a step. The way up is the
//! forward process and keeps the law exactly, so only the way down makes an error: weak order 2.
//!
//! **Source** Karras, Aittala, Aila, Laine, arXiv 2206.00364, algorithm 2. They set the churn per
//! run and cap it. Here it is set per step and in proportion to the step, so that a finer time grid
//! keeps the law.

use super::{Heun, Reverse, Sampler};
use crate::{Ensemble, FieldError, Scalar};

/// t → t̂ with ln(b/a) raised by `churn` times the amount by which the step will lower it, then
/// Heun from t̂ to s.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeunChurn {
    /// Way up divided by way down in ln(b/a). At least 0, which is [`Heun`]; below 1 in practice.
    pub churn: f64,
}

impl Default for HeunChurn {
    /// Churn ½.
    fn default() -> Self {
        Self { churn: 0.5 }
    }
}

impl<S: Scalar> Sampler<S> for HeunChurn {
    fn evaluations_per_step(&self) -> usize {
        2
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
        let down = path.log_snr(s) - path.log_snr(t);
        let noisier = path.time_of_log_snr(path.log_snr(t) - self.churn * down);
        // at T no noisier state exists, and an infinitesimal rise is no rise
        if noisier > t {
            let keep = path.signal(noisier) / path.signal(t);
            let missing = path.noise(noisier).powi(2) - (keep * path.noise(t)).powi(2);
            let noise = reverse.noise(x, step);
            for (x, eta) in x.values.iter_mut().zip(&noise.values) {
                *x = S::of(keep * x.double() + missing.max(0.0).sqrt() * eta.double());
            }
        }
        Heun.step(reverse, x, noisier.max(t), s, step)
    }
}
