//! Predictor–corrector: a step of the reverse equation, then Langevin dynamics at the new time.
//!
//! The corrector leaves the law of X_s alone and mends what the predictor got wrong about it:
//! x ← x + ε Q∇log p + √(2ε) η with η ~ N(0, Q) is Langevin dynamics preconditioned by Q, which in
//! function space is the only choice that has a limit. Two evaluations a step.
//!
//! The step size keeps the signal-to-noise ratio of Song et al. in the norm of Q, where noise of N
//! modes has norm² N: √ε ‖Q∇log p‖_Q = ratio · √2 ‖η‖_Q. Both norms grow without bound under
//! refinement, their quotient does not. It is taken in expectation under the data's Gaussian law,
//! over the modes of the grid on which that law was measured: the same number for every field, batch
//! and grid, so that one seed remains one function.
//!
//! **Source** Song, Sohl-Dickstein, Kingma, Kumar, Ermon, Poole, arXiv 2011.13456, algorithm 1 and
//! appendix G.

use super::{ExponentialEuler, Reverse, Sampler};
use crate::denoiser::Prediction;
use crate::noise::stream;
use crate::{Ensemble, FieldError};

/// [`ExponentialEuler`] from t to s, then one Langevin step at s with
/// ε = min(2 ratio² / mean_k(λ_k/S_k), 0.1 / max_k(λ_k/S_k)), S_k = a² c_k + b² λ_k: E‖Q∇log p‖²_Q is
/// Σ λ_k/S_k. A Langevin step of finite length leaves mode k with ½ ε λ_k/S_k too much variance, and
/// the second bound keeps that below 5 % in the stiffest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PredictorCorrector {
    /// Signal-to-noise ratio of the corrector, > 0.
    pub ratio: f64,
}

impl Default for PredictorCorrector {
    /// Ratio 0.16, the source's.
    fn default() -> Self {
        Self { ratio: 0.16 }
    }
}

/// Largest ε λ_k/S_k of a corrector step.
const STIFFEST: f64 = 0.1;

impl PredictorCorrector {
    /// ε at time s.
    fn step_size(&self, reverse: &Reverse<'_>, s: f64) -> f64 {
        let (a2, b2) = (reverse.path.signal(s).powi(2), reverse.path.noise(s).powi(2));
        let grid = reverse.law.mean().grid;
        let noise = reverse.prior.eigenvalues(&grid);
        let (mut sum, mut count, mut largest) = (0.0, 0.0, 0.0_f64);
        for (c, lambda) in reverse.law.variances(&grid).iter().zip(noise.iter().cycle()) {
            if *lambda > 0.0 {
                let stiffness = lambda / (a2 * c + b2 * lambda);
                sum += stiffness;
                count += 1.0;
                largest = largest.max(stiffness);
            }
        }
        // without noise in any mode there is nothing to correct with
        if count == 0.0 {
            0.0
        } else {
            (2.0 * self.ratio.powi(2) * count / sum).min(STIFFEST / largest)
        }
    }
}

impl Sampler for PredictorCorrector {
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
        ExponentialEuler.step(reverse, x, t, s, step)?;
        let denoised = reverse.denoise(x, s)?;
        let score = Prediction::Score.predicted(reverse.path, s, &x.values, &denoised.values);
        let noise = reverse.draw(x, stream::CORRECTOR + step as u32);
        let epsilon = self.step_size(reverse, s);
        for ((x, score), eta) in x.values.iter_mut().zip(&score).zip(&noise.values) {
            *x += epsilon * score + (2.0 * epsilon).sqrt() * eta;
        }
        Ok(())
    }
}
