//! A law and the noise in the modes of one grid.

use std::ops::Range;

use super::GaussianLaw;
use crate::denoiser::wiener_weight;
use crate::path::Path;
use crate::scalar::narrow;
use crate::{Grid, Prior, Scalar, Transform};

/// N(m, C) and N(0, Q) in the modes of one grid. All tables are `[channel, mode]`.
///
/// Eigenvalues cost a power per mode, and a transform must be planned. Together these cost more than
/// denoising a single field, so that whatever works on one grid for long keeps its frame
/// ([`crate::PerGrid`]).
#[derive(Debug)]
pub struct OnGrid<S = f64> {
    /// Between values and coefficients.
    pub transform: Transform,
    /// m_k.
    pub mean: Vec<S>,
    /// c_k.
    pub variances: Vec<S>,
    /// λ_k, repeated for every channel.
    pub eigenvalues: Vec<S>,
}

impl<S: Scalar> OnGrid<S> {
    /// The law and the noise on a grid of the law's box.
    pub fn new(grid: Grid, law: &GaussianLaw, prior: &dyn Prior) -> Self {
        let mut eigenvalues: Vec<S> = narrow(prior.eigenvalues(&grid));
        if law.channels() > 1 {
            eigenvalues = eigenvalues.repeat(law.channels());
        }
        Self {
            transform: Transform::new(grid),
            mean: narrow(law.mean_modes(&grid)),
            variances: narrow(law.variances(&grid)),
            eigenvalues,
        }
    }

    /// w_k of the best linear denoiser m_k + w_k (x_k − a m_k) at time t, `[channel, mode]`.
    pub fn wiener(&self, path: &dyn Path, t: f64) -> Vec<f64> {
        self.weights(path, t, 0..self.mean.len()).collect()
    }

    /// The same of some of `[channel, mode]`, one after another.
    pub fn weights(
        &self,
        path: &dyn Path,
        t: f64,
        of: Range<usize>,
    ) -> impl Iterator<Item = f64> + '_ {
        let (a, b) = (path.signal(t), path.noise(t));
        let spectra = self.variances[of.clone()].iter().zip(&self.eigenvalues[of]);
        spectra.map(move |(c, lambda)| wiener_weight(a, b, c.double(), lambda.double()))
    }

    /// w_k of the answer m_k + w_k (x_k − a m_k) with which one step of DDIM follows the whole probability flow of
    /// N(m, C) from time t to an earlier time s:
    ///
    /// w_k = (√(S_k(s)/S_k(t)) − b_s/b_t) / (a_s − a_t b_s/b_t), S_k = a² c_k + b² λ_k.
    ///
    /// Without `s` the flow is followed to the clean field: w_k = √(c_k/S_k(t)). The weights are those of some of
    /// `[channel, mode]`, one after another.
    pub fn jump(
        &self,
        path: &dyn Path,
        t: f64,
        s: Option<f64>,
        of: Range<usize>,
    ) -> impl Iterator<Item = f64> + '_ {
        let (a, b) = (path.signal(t), path.noise(t));
        let (to_a, to_b) = s.map_or((1.0, 0.0), |s| (path.signal(s), path.noise(s)));
        let (keep, gain) = s.map_or((0.0, 1.0), |s| path.exponential_step(t, s));
        let spectra = self.variances[of.clone()].iter().zip(&self.eigenvalues[of]);
        spectra.map(move |(c, lambda)| {
            let (c, lambda) = (c.double(), lambda.double());
            let from = a * a * c + b * b * lambda;
            let to = to_a * to_a * c + to_b * to_b * lambda;
            if from > 0.0 && c > 0.0 { ((to / from).sqrt() - keep) / gain } else { 0.0 }
        })
    }
}
