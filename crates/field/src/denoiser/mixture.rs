//! The exact denoiser of a mixture of shifted Gaussian fields: known, nonlinear, on every grid.
//!
//! The mixture is the simplest law that is not Gaussian. It distinguishes a network from a linear
//! filter, and a sampler that keeps the modes of the distribution from one that loses them. All
//! components share one covariance. In function space, Gaussian measures with different covariances
//! are typically singular to one another (Feldman–Hájek), so their posterior weights would have no
//! limit.

use std::sync::Arc;

use super::Denoiser;
use crate::law::OnGrid;
use crate::path::Path;
use crate::{Ensemble, Field, FieldError, GaussianLaw, Grid, ModeNoise, PerGrid, Prior};

/// X₀ = m_i + ζ with probability p_i, ζ ~ N(0, C), C diagonal in the modes of Q.
///
/// With S_k = a² c_k + b² λ_k the posterior weights are p_i(x) ∝ p_i exp(Σ_k a (m_ik − m_0k) (x_k −
/// ½ a (m_ik + m_0k)) / S_k). This is the density of component i relative to component 0. Its limit
/// under refinement exists iff the differences of the means lie in the Cameron–Martin space. Then
/// D_k = m̄_k + w_k (x_k − a m̄_k), where m̄ = Σ_i p_i(x) m_i and w_k is the Wiener weight.
///
/// **Cost** two transforms and I products a field and channel, with I components.
#[derive(Debug)]
pub struct Mixture {
    weights: Vec<f64>,
    laws: Vec<GaussianLaw>,
    prior: Arc<dyn Prior>,
    path: Arc<dyn Path>,
    frames: PerGrid<Frame>,
}

/// The components in the modes of one grid.
#[derive(Debug)]
struct Frame {
    /// The first one; the others differ from it in their mean alone.
    first: OnGrid,
    /// m_k of every component, `[channel, mode]`.
    means: Vec<Vec<f64>>,
}

impl Mixture {
    /// The mixture of `components` (weight p_i, mean m_i) with one covariance C for every
    /// component and channel, under noise N(0, Q). Weights are normalised to sum to 1.
    ///
    /// # Errors
    /// [`FieldError::TooFew`] without components; [`FieldError::Parameter`] for a weight that is not
    /// positive and finite; [`FieldError::GridMismatch`] or [`FieldError::Length`] if the means are
    /// not functions on one box with equally many channels.
    pub fn new(
        components: Vec<(f64, Field)>,
        covariance: Arc<dyn Prior>,
        prior: Arc<dyn Prior>,
        path: Arc<dyn Path>,
    ) -> Result<Self, FieldError> {
        let Some((grid, channels)) = components.first().map(|(_, m)| (m.grid, m.channels)) else {
            return Err(FieldError::TooFew { what: "a mixture of means", least: 1, count: 0 });
        };
        let total: f64 = components.iter().map(|(p, _)| p).sum();
        let mut weights = Vec::with_capacity(components.len());
        let mut laws = Vec::with_capacity(components.len());
        for (weight, mean) in components {
            if !(weight > 0.0 && weight.is_finite()) {
                return Err(FieldError::Parameter {
                    parameter: "weight of a mixture component",
                    value: weight,
                    requirement: "must be positive and finite",
                });
            }
            if !mean.grid.same_box(&grid) {
                return Err(FieldError::GridMismatch {
                    what: "means of a mixture",
                    left: grid,
                    right: mean.grid,
                });
            }
            if mean.channels != channels {
                return Err(FieldError::Length {
                    values: mean.values.len(),
                    channels,
                    grid: mean.grid,
                });
            }
            weights.push(weight / total);
            laws.push(GaussianLaw::new(mean, vec![Arc::clone(&covariance); channels])?);
        }
        Ok(Self { weights, laws, prior, path, frames: PerGrid::default() })
    }

    fn frame(&self, x: &Ensemble) -> Result<Arc<Frame>, FieldError> {
        self.laws[0].check(x)?;
        Ok(self.frames.get(&x.grid, || Frame {
            first: OnGrid::new(x.grid, &self.laws[0], &*self.prior),
            means: self.laws.iter().map(|law| law.mean_modes(&x.grid)).collect(),
        }))
    }

    /// p_i, summing to 1.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// p_i(x) = P(component i | X_t = x), `[sample, component]`; each row sums to 1.
    ///
    /// # Errors
    /// As [`Denoiser::denoise`].
    pub fn posterior_weights(&self, x: &Ensemble, t: f64) -> Result<Vec<f64>, FieldError> {
        let tables = self.frame(x)?;
        let evidence = self.evidence(&tables, t)?;
        let posterior = |field| {
            let modes = tables.first.transform.analyse_channels(field);
            evidence.posterior(&self.weights, &modes)
        };
        Ok(x.fields().flat_map(posterior).collect())
    }

    /// Fields `indices` of a seed, drawn from the mixture; the same functions on every grid.
    pub fn sample(
        &self,
        grid: Grid,
        seed: u64,
        indices: std::ops::Range<u64>,
        stream: u32,
    ) -> Ensemble {
        let mut values = Vec::new();
        for index in indices {
            let mut rest = ModeNoise::new(seed).uniforms(1, index, stream)[0];
            let chosen = self.weights.iter().position(|p| {
                rest -= p;
                rest < 0.0
            });
            // rounding may leave the uniform number above the last partial sum
            let law = &self.laws[chosen.unwrap_or(self.laws.len() - 1)];
            values.extend(law.sample(grid, seed, index..index + 1, stream).values);
        }
        Ensemble { grid, channels: self.laws[0].channels(), values }
    }

    fn evidence(&self, tables: &Frame, t: f64) -> Result<Evidence, FieldError> {
        let (a, b) = (self.path.signal(t), self.path.noise(t));
        let first = &tables.means[0];
        let mut evidence = Evidence { directions: Vec::new(), offsets: Vec::new() };
        for mean in &tables.means {
            let mut direction = Vec::with_capacity(mean.len());
            let mut offset = 0.0;
            let spectra = tables.first.variances.iter().zip(&tables.first.eigenvalues);
            for ((m, m0), (c, lambda)) in mean.iter().zip(first).zip(spectra) {
                let total = a * a * c + b * b * lambda;
                let apart = m - m0;
                if total <= 0.0 && apart != 0.0 {
                    return Err(FieldError::Parameter {
                        parameter: "coefficient in which two means of a mixture differ",
                        value: apart,
                        requirement: "must vanish in modes with neither data nor noise variance",
                    });
                }
                let per_value = if apart == 0.0 { 0.0 } else { a * apart / total };
                direction.push(per_value);
                offset -= per_value * 0.5 * a * (m + m0);
            }
            evidence.directions.push(direction);
            evidence.offsets.push(offset);
        }
        Ok(evidence)
    }
}

/// Log-likelihood ratios against component 0 as affine functions of the modes of x.
struct Evidence {
    directions: Vec<Vec<f64>>,
    offsets: Vec<f64>,
}

impl Evidence {
    fn posterior(&self, weights: &[f64], modes: &[f64]) -> Vec<f64> {
        let mut p: Vec<f64> = weights
            .iter()
            .zip(self.directions.iter().zip(&self.offsets))
            .map(|(p, (direction, offset))| {
                p.ln() + offset + direction.iter().zip(modes).map(|(d, x)| d * x).sum::<f64>()
            })
            .collect();
        // log-sum-exp, because at small t the ratios leave the range of exp
        let largest = p.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        p.iter_mut().for_each(|l| *l = (*l - largest).exp());
        let total: f64 = p.iter().sum();
        p.iter_mut().for_each(|l| *l /= total);
        p
    }
}

impl Denoiser for Mixture {
    fn denoise(&self, x: &Ensemble, t: f64) -> Result<Ensemble, FieldError> {
        let tables = self.frame(x)?;
        let evidence = self.evidence(&tables, t)?;
        let (a, filter) = (self.path.signal(t), tables.first.wiener(&*self.path, t));
        let mut out = x.clone();
        for field in out.fields_mut() {
            let mut modes = tables.first.transform.analyse_channels(field);
            let posterior = evidence.posterior(&self.weights, &modes);
            for (k, (x, w)) in modes.iter_mut().zip(&filter).enumerate() {
                let mean: f64 = posterior.iter().zip(&tables.means).map(|(p, m)| p * m[k]).sum();
                *x = mean + w * (*x - a * mean);
            }
            field.copy_from_slice(&tables.first.transform.synthesise_channels(&modes));
        }
        Ok(out)
    }

    /// Let g_i be the gradient of ln p_i(x) minus its posterior mean. D = m̄ + w (x − a m̄) then
    /// has ∂D* u = w u + Σ_i p_i ⟨(1 − a w) m_i, u⟩ g_i.
    fn pullback(&self, x: &Ensemble, t: f64, w: &Ensemble) -> Result<Option<Ensemble>, FieldError> {
        let tables = self.frame(x)?;
        let evidence = self.evidence(&tables, t)?;
        let (a, filter) = (self.path.signal(t), tables.first.wiener(&*self.path, t));
        let mut out = w.clone();
        for (field, x) in out.fields_mut().zip(x.fields()) {
            let mut modes = tables.first.transform.analyse_channels(field);
            let posterior =
                evidence.posterior(&self.weights, &tables.first.transform.analyse_channels(x));
            let along = |mean: &Vec<f64>| -> f64 {
                let of = |((m, u), w): ((&f64, &f64), &f64)| (1.0 - a * w) * m * u;
                mean.iter().zip(&modes).zip(&filter).map(of).sum()
            };
            let each: Vec<f64> = tables.means.iter().map(along).collect();
            let centre: f64 = posterior.iter().zip(&each).map(|(p, s)| p * s).sum();
            modes.iter_mut().zip(&filter).for_each(|(u, w)| *u *= w);
            for ((p, s), direction) in posterior.iter().zip(&each).zip(&evidence.directions) {
                let weight = p * (s - centre);
                modes.iter_mut().zip(direction).for_each(|(u, d)| *u += weight * d);
            }
            field.copy_from_slice(&tables.first.transform.synthesise_channels(&modes));
        }
        Ok(Some(out))
    }
}
