//! Euler–Maruyama on the reverse stochastic equation: the sampler of Hagemann et al.
//!
//! Weak order 1, one evaluation a step. It needs hundreds of steps, and most of all where the prior
//! is much rougher than the data. Its advantage is that fresh noise removes errors of the denoiser
//! which a deterministic sampler carries to the end.
//!
//! **Source** arXiv 2303.04772, §5 (dY = [½αY + αQ∇log p] dt + √α dW^Q), for any path.

use super::{Reverse, Sampler};
use crate::denoiser::Prediction;
use crate::{Ensemble, FieldError, Scalar};

/// x ← x − (f x − g² Q∇log p) (t − s) + g √(t − s) η, η ~ N(0, Q).
#[derive(Debug, Clone, Copy, Default)]
pub struct EulerMaruyama;

impl<S: Scalar> Sampler<S> for EulerMaruyama {
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
        let (f, g2, h) = (path.drift(t), path.diffusion(t), t - s);
        let denoised = reverse.denoise(x, t)?;
        let (p, q) = Prediction::Score.factors(path, t);
        let noise = reverse.noise(x, step);
        for ((x, d), eta) in x.values.iter_mut().zip(&denoised.values).zip(&noise.values) {
            let own = x.double();
            let score = p * own + q * d.double();
            *x = S::of(own + ((g2 * score - f * own) * h + (g2 * h).sqrt() * eta.double()));
        }
        Ok(())
    }
}
