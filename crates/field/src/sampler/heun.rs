//! Heun's method on the probability flow.
//!
//! Order 2, two evaluations a step, no state: the plain deterministic sampler others are judged by.
//! Stages are taken in t, where data that look like the noise (c = λ, a² + b² = 1) stand still and
//! are exact in one step. For few evaluations the multistep [`super::DpmSolver2M`] is better.
//!
//! **Source** Karras, Aittala, Aila, Laine, arXiv 2206.00364, algorithm 1, without its switch to
//! Euler in the last step: this one ends at t_min > 0 and is followed by a denoising.

use super::{Reverse, Sampler};
use crate::denoiser::Prediction;
use crate::{Ensemble, FieldError};

/// x ← x + ½ (s − t) (v(x, t) + v(x̂, s)), x̂ = x + (s − t) v(x, t), v the probability flow.
#[derive(Debug, Clone, Copy, Default)]
pub struct Heun;

impl Sampler for Heun {
    fn evaluations_per_step(&self) -> usize {
        2
    }

    fn step(
        &mut self,
        reverse: &mut Reverse<'_>,
        x: &mut Ensemble,
        t: f64,
        s: f64,
        _step: usize,
    ) -> Result<(), FieldError> {
        let first = velocity(reverse, x, t)?;
        let mut guess = x.clone();
        for (x, v) in guess.values.iter_mut().zip(&first) {
            *x += (s - t) * v;
        }
        let second = velocity(reverse, &guess, s)?;
        for ((x, v), w) in x.values.iter_mut().zip(&first).zip(&second) {
            *x += 0.5 * (s - t) * (v + w);
        }
        Ok(())
    }
}

fn velocity(reverse: &mut Reverse<'_>, x: &Ensemble, t: f64) -> Result<Vec<f64>, FieldError> {
    let denoised = reverse.denoise(x, t)?;
    Ok(Prediction::Velocity.predicted(reverse.path, t, &x.values, &denoised.values))
}
