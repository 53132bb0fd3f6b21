//! The reverse process as a sampler sees it: path, prior, law, denoiser and noise of one run.

use std::sync::Arc;

use crate::denoiser::Denoiser;
use crate::guidance::Guidance;
use crate::law::OnGrid;
use crate::noise::stream;
use crate::path::Path;
use crate::{Ensemble, FieldError, GaussianLaw, Grid, ModeNoise, Prior, Scalar, Tables, prior};

/// The fields at one evaluation of a run, as an observer sees them ([`Reverse::observer`]).
#[derive(Debug, Clone, Copy)]
pub struct Intermediate<'a> {
    /// Number of steps done before it.
    pub step: usize,
    /// Path time t.
    pub time: f64,
    /// The noisy fields x at time t.
    pub x: &'a Ensemble,
    /// D(x, t) under the observations, if any: the expected clean fields given x. For
    /// [`super::WienerAncestral`] under observations, its draw of the clean fields given x and the
    /// observations.
    pub denoised: &'a Ensemble,
}

/// Path, prior, law and denoiser of one run, the identity of its fields, and the count of
/// evaluations.
///
/// Field i of a batch is field `first_index + i` of `seed`. A run of many fields may be cut into
/// batches of any size without changing any field.
pub struct Reverse<'a> {
    /// a(t), b(t).
    pub path: &'a dyn Path,
    /// Q of the noise that steps inject.
    pub prior: &'a dyn Prior,
    /// N(m, C), the Gaussian law of the data, known without a denoiser.
    pub law: &'a GaussianLaw,
    /// D(x, t).
    pub denoiser: &'a dyn Denoiser,
    /// Observations of the fields. Without them, fields follow the law of the data alone.
    pub guidance: Option<&'a dyn Guidance>,
    /// Is shown the fields at every evaluation that a sampler steps by. It cannot change them. None
    /// by default, at no cost.
    pub observer: Option<&'a dyn Fn(&Intermediate<'_>)>,
    /// Seed of the run.
    pub seed: u64,
    /// Index of the first field of the batch.
    pub first_index: u64,
    /// Calls of the denoiser so far, each for the whole batch.
    pub evaluations: usize,
    /// Current step of [`super::integrate`], for error messages.
    pub(super) step: usize,
    frames: Tables,
}

impl<'a> Reverse<'a> {
    /// The reverse process of fields `first_index…` of a seed.
    pub fn new(
        path: &'a dyn Path,
        prior: &'a dyn Prior,
        law: &'a GaussianLaw,
        denoiser: &'a dyn Denoiser,
        seed: u64,
        first_index: u64,
    ) -> Self {
        Self {
            path,
            prior,
            law,
            denoiser,
            guidance: None,
            observer: None,
            seed,
            first_index,
            evaluations: 0,
            step: 0,
            frames: Tables::default(),
        }
    }

    /// The same with tables of law and prior that are kept elsewhere, so that they are computed once for many runs
    /// and shared with whoever else needs them. They must be of this law and this prior.
    pub fn sharing(self, frames: &Tables) -> Self {
        Self { frames: frames.clone(), ..self }
    }

    /// D(x, t) given the observations, if any. Counts one evaluation.
    ///
    /// # Errors
    /// As [`Reverse::denoise_alone`]; those of [`Guidance::guide`].
    pub fn denoise<S: Scalar>(
        &mut self,
        x: &Ensemble<S>,
        t: f64,
    ) -> Result<Ensemble<S>, FieldError> {
        let mut denoised = self.denoise_alone(x, t)?;
        if let Some(guidance) = self.guidance {
            let guided = guidance.guide(self.denoiser, &S::wide(x), t, S::widened(denoised))?;
            denoised = self.finite(S::narrowed(guided), t)?;
        }
        self.show(x, t, &denoised);
        Ok(denoised)
    }

    /// Shows an evaluation to the observer, if there is one.
    pub(super) fn show<S: Scalar>(&self, x: &Ensemble<S>, time: f64, denoised: &Ensemble<S>) {
        if let Some(observer) = self.observer {
            let (x, denoised) = (&*S::wide(x), &*S::wide(denoised));
            observer(&Intermediate { step: self.step, time, x, denoised });
        }
    }

    /// D(x, t) of the denoiser alone. Counts one evaluation.
    ///
    /// # Errors
    /// [`FieldError::NonFinite`] if the answer holds a NaN or an infinity;
    /// [`FieldError::GridMismatch`] or [`FieldError::Length`] if its shape differs from that of
    /// `x`; any error of the denoiser.
    pub fn denoise_alone<S: Scalar>(
        &mut self,
        x: &Ensemble<S>,
        t: f64,
    ) -> Result<Ensemble<S>, FieldError> {
        let denoised = S::denoise(self.denoiser, x, t)?;
        self.evaluations += 1;
        if denoised.grid != x.grid {
            return Err(FieldError::GridMismatch {
                what: "fields and their denoised fields",
                left: x.grid,
                right: denoised.grid,
            });
        }
        if denoised.channels != x.channels || denoised.values.len() != x.values.len() {
            return Err(FieldError::Length {
                values: denoised.values.len(),
                channels: x.channels,
                grid: x.grid,
            });
        }
        self.finite(denoised, t)
    }

    fn finite<S: Scalar>(&self, denoised: Ensemble<S>, t: f64) -> Result<Ensemble<S>, FieldError> {
        if denoised.values.iter().any(|v| !v.double().is_finite()) {
            let what = "the denoised field";
            return Err(FieldError::NonFinite { what, step: self.step, time: t });
        }
        Ok(denoised)
    }

    /// Law and prior in the modes of the fields' grid.
    pub(super) fn tables<S: Scalar>(&self, x: &Ensemble<S>) -> Result<Arc<OnGrid<S>>, FieldError> {
        self.law.check(x)?;
        Ok(self.frame(&x.grid))
    }

    /// Law and prior in the modes of the grid on which the law is known.
    pub(super) fn tables_of_law(&self) -> Arc<OnGrid> {
        self.frame(&self.law.mean().grid)
    }

    fn frame<S: Scalar>(&self, grid: &Grid) -> Arc<OnGrid<S>> {
        self.frames.get(grid, || OnGrid::new(*grid, self.law, self.prior))
    }

    /// One draw of N(0, Q) for every field of `like`: the noise of step `step`.
    ///
    /// Nested priors draw the same functions on every grid.
    pub fn noise<S: Scalar>(&self, like: &Ensemble<S>, step: usize) -> Ensemble<S> {
        self.draw(like, stream::STEPS + step as u32)
    }

    /// One draw of N(0, Q) for every field of `like` from a stream of [`stream`].
    pub fn draw<S: Scalar>(&self, like: &Ensemble<S>, stream: u32) -> Ensemble<S> {
        let indices = self.first_index..self.first_index + like.count() as u64;
        let (grid, channels) = (like.grid, like.channels);
        if !self.prior.is_nested() {
            let noise = prior::sample(self.prior, grid, channels, self.seed, indices, stream);
            return S::narrowed(noise);
        }
        let (tables, noise) = (self.frame::<S>(&grid), ModeNoise::new(self.seed));
        let mut values = Vec::with_capacity(like.values.len());
        for index in indices {
            for channel in 0..channels {
                let mut modes: Vec<S> = noise.normals_in(&grid, index, stream, channel);
                for (xi, lambda) in modes.iter_mut().zip(&tables.eigenvalues) {
                    *xi = S::of(xi.double() * lambda.double().sqrt());
                }
                values.extend(tables.transform.into_values(modes));
            }
        }
        Ensemble { grid, channels, values }
    }
}
