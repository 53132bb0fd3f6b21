//! Predictor–corrector: a step of the reverse equation, then Langevin dynamics at the new time.
//!
//! The corrector leaves the law of X_s unchanged and reduces the error of the predictor. It is
//! Langevin dynamics preconditioned by Q: x ← x + ε Q∇log p + √(2ε) η with η ~ N(0, Q). In function
//! space this is the only preconditioner that has a limit. Two evaluations a step.
//!
//! The step size follows Song et al.: it fixes a signal-to-noise ratio, here in the norm of Q.
//! Noise of N modes has squared norm N, and the condition is √ε ‖Q∇log p‖_Q = ratio · √2 ‖η‖_Q.
//! Both norms grow without bound under refinement, but their quotient does not. The quotient is
//! taken in expectation under the data's Gaussian law, over the modes of the grid on which that law
//! was measured. It is therefore the same number for every field, batch and grid, and one seed
//! remains one function.
//!
//! The Gaussian law does not tell how narrowly the data lie around single fields. The score falls
//! there as steeply as −1/b², but no steeper. A second bound, which depends on b² alone, therefore
//! holds for any data.
//!
//! **Source** Song, Sohl-Dickstein, Kingma, Kumar, Ermon, Poole, arXiv 2011.13456, algorithm 1 and
//! appendix G.

use super::{ExponentialEuler, Reverse, Sampler};
use crate::denoiser::Prediction;
use crate::noise::stream;
use crate::{Ensemble, FieldError, Scalar};

/// [`ExponentialEuler`] from t to s, then one Langevin step at s of length ε = min(2 ratio² /
/// mean_j(λ_j/S_j), 0.1 b²) with S_j = a² c_j + b² λ_j.
///
/// E‖Q∇log p‖²_Q is Σ λ_j/S_j, where j runs over the modes of the law's grid that hold noise. A
/// Langevin step leaves a mode of slope −h (h ≤ 1/b²) with a relative excess of variance ½ ε h. The
/// second bound keeps it below 5 %.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PredictorCorrector {
    /// Signal-to-noise ratio of the corrector, > 0.
    pub ratio: f64,
}

impl Default for PredictorCorrector {
    /// Ratio 0.16, the value of the source.
    fn default() -> Self {
        Self { ratio: 0.16 }
    }
}

/// Largest ε/b² of a corrector step.
const STIFFEST: f64 = 0.1;

impl PredictorCorrector {
    /// ε at time s; 0 without noise in any mode of the law's grid.
    fn step_size(&self, reverse: &Reverse<'_>, s: f64) -> Result<f64, FieldError> {
        let (a2, b2) = (reverse.path.signal(s).powi(2), reverse.path.noise(s).powi(2));
        let tables = reverse.tables_of_law();
        let noisy = tables.variances.iter().zip(&tables.eigenvalues).filter(|(_, l)| **l > 0.0);
        let (sum, count) = noisy.fold((0.0, 0.0), |(sum, count), (c, lambda)| {
            (sum + lambda / (a2 * c + b2 * lambda), count + 1.0)
        });
        let longest = if count == 0.0 { 0.0 } else { 2.0 * self.ratio.powi(2) * count / sum };
        Ok(longest.min(STIFFEST * b2))
    }
}

impl<S: Scalar> Sampler<S> for PredictorCorrector {
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
        ExponentialEuler.step(reverse, x, t, s, step)?;
        let denoised = reverse.denoise(x, s)?;
        let (p, q) = Prediction::Score.factors(reverse.path, s);
        let noise = reverse.draw(x, stream::CORRECTOR + step as u32);
        let epsilon = self.step_size(reverse, s)?;
        let root = (2.0 * epsilon).sqrt();
        for ((x, d), eta) in x.values.iter_mut().zip(&denoised.values).zip(&noise.values) {
            let own = x.double();
            let score = p * own + q * d.double();
            *x = S::of(own + (epsilon * score + root * eta.double()));
        }
        Ok(())
    }
}
