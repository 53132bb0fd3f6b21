//! Heun's method on the probability flow.
//!
//! Order 2, two evaluations a step, no history. It is the deterministic sampler that others are
//! usually compared with. The stages are taken in t. In this variable, data with the spectrum of
//! the noise (c = λ, a² + b² = 1) do not move, so one step is exact for them. With few evaluations
//! the multistep [`super::DpmSolver2M`] is more accurate.
//!
//! **Source** Karras, Aittala, Aila, Laine, arXiv 2206.00364, algorithm 1. Their algorithm takes an
//! Euler step at the end. This one does not: it ends at t_min > 0 and is followed by a denoising.

use super::{Reverse, Sampler};
use crate::denoiser::Prediction;
use crate::{Ensemble, FieldError, Scalar};

/// x ← x + ½ (s − t) (v(x, t) + v(x̂, s)), x̂ = x + (s − t) v(x, t), v the probability flow.
#[derive(Debug, Clone, Copy, Default)]
pub struct Heun;

impl<S: Scalar> Sampler<S> for Heun {
    fn evaluations_per_step(&self) -> usize {
        2
    }

    fn step(
        &mut self,
        reverse: &mut Reverse<'_>,
        x: &mut Ensemble<S>,
        t: f64,
        s: f64,
        _step: usize,
    ) -> Result<(), FieldError> {
        let first = velocity(reverse, x, t)?;
        let mut guess = x.clone();
        for (x, v) in guess.values.iter_mut().zip(&first) {
            *x = S::of(x.double() + (s - t) * v.double());
        }
        let second = velocity(reverse, &guess, s)?;
        for ((x, v), w) in x.values.iter_mut().zip(&first).zip(&second) {
            *x = S::of(x.double() + 0.5 * (s - t) * (v.double() + w.double()));
        }
        Ok(())
    }
}

/// ẋ at x, in the memory of the denoised fields.
fn velocity<S: Scalar>(
    reverse: &mut Reverse<'_>,
    x: &Ensemble<S>,
    t: f64,
) -> Result<Vec<S>, FieldError> {
    let mut denoised = reverse.denoise(x, t)?;
    let (p, q) = Prediction::Velocity.factors(reverse.path, t);
    for (d, x) in denoised.values.iter_mut().zip(&x.values) {
        *d = S::of(p * x.double() + q * d.double());
    }
    Ok(denoised.values)
}
