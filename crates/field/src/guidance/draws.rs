//! What a run draws besides its steps: where it begins, and the new modes of a finer grid.
//!
//! All by the same rule (Matheron's): of two jointly Gaussian numbers z and y draw both, then add
//! Cov(z, y) Cov(y)⁻¹ (y observed − y drawn) to z.

use std::ops::Range;

use super::Conditioning;
use super::conditioning::Prepared;
use crate::noise::stream;
use crate::sampler;
use crate::{Ensemble, FieldError, Grid, ModeNoise};

/// Draws for new modes have numbers of their own, beyond those of steps.
const EXTENDING: usize = 1 << 21;

impl Conditioning {
    /// Fields `indices` of a seed at time T given the observations, under the data's Gaussian law.
    ///
    /// [`sampler::start`] moved by a C A* (R + A C A*)⁻¹ (y − y′), where y′ = A X₀′ + e is drawn given those fields.
    /// Where little is left of the data at T that is a small move, so that a seed's fields resemble
    /// those without observations.
    ///
    /// # Errors
    /// As [`super::Guidance::guide`].
    pub fn start(&self, grid: Grid, seed: u64, indices: Range<u64>) -> Result<Ensemble, FieldError> {
        let (path, law) = (self.path.as_ref(), &self.law);
        let mut x = sampler::start(law, self.prior.as_ref(), path, grid, seed, indices.clone());
        let on = self.prepared(&grid)?;
        let system = self.prior_system(&on);
        let t = path.start();
        let a = path.signal(t);
        let (means, v) = (&on.tables.means[0], on.posterior(path, t));
        let filter = on.tables.wiener_weights(path, t);
        for (field, index) in x.fields_mut().zip(indices) {
            let mut data = on.tables.transform.analyse_channels(field);
            for (k, x) in data.iter_mut().enumerate() {
                *x = means[k] + filter[k] * (*x - a * means[k]);
            }
            self.add_spread(&on, &mut data, &v, seed, index, 0);
            let errors = self.errors(&on, seed, index, 0);
            let pull = self.pull(&on, &system, means, &data, Some(&errors))?;
            on.add(field, &pull, |k| a * on.tables.variances[k]);
        }
        Ok(x)
    }

    /// Gives the modes that fields at time t have beyond the grid `before` their law given the
    /// observations; `denoised` are the same fields denoised without observations.
    ///
    /// # Errors
    /// As [`super::Guidance::guide`].
    pub(crate) fn extend(
        &self,
        x: &mut Ensemble,
        denoised: &Ensemble,
        t: f64,
        before: Grid,
        (seed, first, step): (u64, u64, usize),
    ) -> Result<(), FieldError> {
        let on = self.prepared(&x.grid)?;
        let (v, held) = (on.posterior(self.path.as_ref(), t), before.mode_shape());
        let modes = x.grid.mode_count();
        let new: Vec<bool> = x
            .grid
            .modes()
            .map(|mode| mode.position.iter().zip(&held).any(|(position, n)| position >= n))
            .collect();
        let mixed = (0..v.len())
            .map(|k| if new[k % modes] { on.tables.variances[k] } else { v[k] })
            .collect();
        let system = self.mixed_system(&on, t, before, mixed);
        let a = self.path.signal(t);
        for (i, (field, denoised)) in x.fields_mut().zip(denoised.fields()).enumerate() {
            let index = first + i as u64;
            let base = on.tables.transform.analyse_channels(denoised);
            let mut data = base.clone();
            self.add_spread(&on, &mut data, &v, seed, index, EXTENDING + step);
            let errors = self.errors(&on, seed, index, EXTENDING + step);
            let pull = self.pull(&on, &system, &base, &data, Some(&errors))?;
            on.add(field, &pull, |k| if new[k % modes] { a * on.tables.variances[k] } else { 0.0 });
        }
        Ok(())
    }

    /// X₀′ = D + √v ξ given y for fields at time t whose denoised fields are `denoised`: one draw of the
    /// data given the state and the observations.
    ///
    /// # Errors
    /// As [`super::Guidance::guide`].
    pub(crate) fn data(
        &self,
        denoised: &Ensemble,
        t: f64,
        (seed, first, step): (u64, u64, usize),
    ) -> Result<Ensemble, FieldError> {
        let on = self.prepared(&denoised.grid)?;
        let system = self.system(&on, t);
        let mut data = denoised.clone();
        for (i, field) in data.fields_mut().enumerate() {
            let index = first + i as u64;
            let base = on.tables.transform.analyse_channels(field);
            let mut drawn = base.clone();
            self.add_spread(&on, &mut drawn, &system.variances, seed, index, step + 1);
            let errors = self.errors(&on, seed, index, step + 1);
            let pull = self.pull(&on, &system, &base, &drawn, Some(&errors))?;
            let change: Vec<f64> = (drawn.iter().zip(&base).zip(&pull).zip(&system.variances))
                .map(|(((u, b), p), v)| u - b + v * p)
                .collect();
            let change = on.tables.transform.synthesise_channels(&change);
            field.iter_mut().zip(change).for_each(|(x, c)| *x += c);
        }
        Ok(data)
    }

    /// Adds √v ξ.
    fn add_spread(&self, on: &Prepared, u: &mut [f64], v: &[f64], seed: u64, index: u64, at: usize) {
        let (grid, noise) = (on.tables.transform.grid(), ModeNoise::new(seed));
        let stream = stream::OBSERVATION + 2 * at as u32;
        for (channel, u) in u.chunks_exact_mut(grid.mode_count()).enumerate() {
            let xi = noise.normals(grid, index, stream, channel);
            let v = &v[channel * xi.len()..];
            u.iter_mut().zip(xi).zip(v).for_each(|((u, xi), v)| *u += v.sqrt() * xi);
        }
    }

    /// ξ of the observations' errors.
    fn errors(&self, on: &Prepared, seed: u64, index: u64, at: usize) -> Vec<f64> {
        let stream = stream::OBSERVATION + 2 * at as u32 + 1;
        ModeNoise::new(seed).plain_normals(on.noise.len(), index, stream)
    }
}
