//! Heun's method with churn: noise put back before every deterministic step.
//!
//! Each step first goes *up* in noise by a fraction of the way it is about to go down, then takes
//! [`super::Heun`]'s step from there. Fresh noise forgets errors of the denoiser, as a stochastic
//! sampler does, at the cost of longer steps. Two evaluations a step. The way up is the forward
//! process itself and keeps the law exactly, so only the way down errs: weak order 2.
//!
//! **Source** Karras, Aittala, Aila, Laine, arXiv 2206.00364, algorithm 2; there churn is given per
//! run and capped, here per step and in proportion to it, so that refining the grid keeps the law.

use super::{Heun, Reverse, Sampler};
use crate::{Ensemble, FieldError};

/// t → t̂ with ln(b/a) raised by `churn` times what the step will lower it, then Heun from t̂ to s.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeunChurn {
    /// Way up over way down in ln(b/a), at least 0 (which is [`Heun`]); below 1 in practice.
    pub churn: f64,
}

impl Default for HeunChurn {
    /// Churn ½.
    fn default() -> Self {
        Self { churn: 0.5 }
    }
}

impl Sampler for HeunChurn {
    fn evaluations_per_step(&self) -> usize {
        2
    }

    fn step(
        &mut self,
        reverse: &mut Reverse<'_>,
        x: &mut Ensemble,
        t: f64,
        s: f64,
        step: usize,
    ) -> Result<(), FieldError> {
        let path = reverse.path;
        let down = path.log_snr(s) - path.log_snr(t);
        let noisier = path.time_of_log_snr(path.log_snr(t) - self.churn * down);
        // at T there is nothing noisier, and an infinitesimal rise is none
        if noisier > t {
            let keep = path.signal(noisier) / path.signal(t);
            let missing = path.noise(noisier).powi(2) - (keep * path.noise(t)).powi(2);
            let noise = reverse.noise(x, step);
            for (x, eta) in x.values.iter_mut().zip(&noise.values) {
                *x = keep * *x + missing.max(0.0).sqrt() * eta;
            }
        }
        Heun.step(reverse, x, noisier.max(t), s, step)
    }
}
