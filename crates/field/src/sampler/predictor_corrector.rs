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
//! and grid, so that one seed remains one function. Finer grids hold modes stiffer than any of that
//! law's, where the prior is rougher than the data; each takes the step that it bears.
//!
//! **Source** Song, Sohl-Dickstein, Kingma, Kumar, Ermon, Poole, arXiv 2011.13456, algorithm 1 and
//! appendix G.

use super::{ExponentialEuler, Reverse, Sampler};
use crate::denoiser::{Diagonal, Prediction};
use crate::noise::stream;
use crate::{Ensemble, FieldError};

/// [`ExponentialEuler`] from t to s, then one Langevin step at s, in mode k of length
/// ε_k = min(2 ratio² / mean_j(λ_j/S_j), 0.1 S_k/λ_k), S_k = a² c_k + b² λ_k: E‖Q∇log p‖²_Q is
/// Σ λ_j/S_j, j over the modes of the law's grid. A Langevin step of finite length leaves mode k with
/// ½ ε_k λ_k/S_k too much variance, and the second bound keeps that below 5 %. What no mode holds has
/// noise alone, S = b² λ there; modes without noise (λ_k = 0) stay as they are.
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

/// Largest ε_k λ_k/S_k of a corrector step.
const STIFFEST: f64 = 0.1;

impl PredictorCorrector {
    /// ε at time s before stiff modes shorten it; 0 without noise in any mode of the law's grid.
    fn step_size(&self, reverse: &Reverse<'_>, s: f64) -> Result<f64, FieldError> {
        let (a2, b2) = (reverse.path.signal(s).powi(2), reverse.path.noise(s).powi(2));
        let tables = reverse.tables_of_law()?;
        let noisy = tables.variances.iter().zip(&tables.eigenvalues).filter(|(_, l)| **l > 0.0);
        let (sum, count) = noisy.fold((0.0, 0.0), |(sum, count), (c, lambda)| {
            (sum + lambda / (a2 * c + b2 * lambda), count + 1.0)
        });
        Ok(if count == 0.0 { 0.0 } else { 2.0 * self.ratio.powi(2) * count / sum })
    }
}

/// x ← x + ε_k Q∇log p + √(2ε_k) η: everywhere by the step of what no mode holds, then mode by mode by
/// what their steps differ from it.
fn langevin(
    tables: &Diagonal,
    (a2, b2): (f64, f64),
    longest: f64,
    x: &mut Ensemble,
    (score, eta): (&[f64], &[f64]),
) {
    let outside = longest.min(STIFFEST * b2);
    let lengths: Vec<f64> = tables
        .variances
        .iter()
        .zip(&tables.eigenvalues)
        .map(|(c, &lambda)| match lambda > 0.0 {
            true => longest.min(STIFFEST * (a2 * c / lambda + b2)),
            false => 0.0,
        })
        .collect();
    let root = |epsilon: f64| (2.0 * epsilon).sqrt();
    let size = x.field_len();
    let parts = score.chunks_exact(size).zip(eta.chunks_exact(size));
    for (x, (score, eta)) in x.fields_mut().zip(parts) {
        let mut modes = tables.transform.analyse_channels(score);
        let noise = tables.transform.analyse_channels(eta);
        for ((pull, eta), epsilon) in modes.iter_mut().zip(noise).zip(&lengths) {
            *pull = (epsilon - outside) * *pull + (root(*epsilon) - root(outside)) * eta;
        }
        let inside = tables.transform.synthesise_channels(&modes);
        for (((x, score), eta), inside) in x.iter_mut().zip(score).zip(eta).zip(inside) {
            *x += outside * score + root(outside) * eta + inside;
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
        let (a2, b2) = (reverse.path.signal(s).powi(2), reverse.path.noise(s).powi(2));
        let longest = self.step_size(reverse, s)?;
        let tables = reverse.tables(x)?;
        langevin(&tables, (a2, b2), longest, x, (&score, &noise.values));
        Ok(())
    }
}
