//! Conditional draws besides the steps: the start of a run and the new modes of a finer grid.
//!
//! All use Matheron's rule. For jointly Gaussian z and y, draw both, then add Cov(z, y) Cov(y)⁻¹ (y
//! observed − y drawn) to z.

use std::ops::Range;

use super::Conditioning;
use crate::noise::stream;
use crate::sampler;
use crate::{Ensemble, FieldError, Grid, ModeNoise};

/// First noise number of draws for new modes, beyond those of steps.
const EXTENDING: usize = 1 << 21;

impl Conditioning {
    /// Fields `indices` of a seed at time T given the observations, under the data's Gaussian law.
    ///
    /// It is [`sampler::start`] shifted by a C A* (R + A C A*)⁻¹ (y − y′), where y′ = A X₀′ + e is
    /// drawn given those fields. Where little of the data is left at T the shift is small. A seed's
    /// fields then resemble its fields without observations.
    ///
    /// # Errors
    /// As [`super::Guidance::guide`].
    pub fn start(
        &self,
        grid: Grid,
        seed: u64,
        indices: Range<u64>,
    ) -> Result<Ensemble, FieldError> {
        let (path, law) = (self.path.as_ref(), &self.law);
        let mut x = sampler::start(law, self.prior.as_ref(), path, grid, seed, indices.clone());
        let on = self.on(&grid);
        let system = self.prior_system();
        let t = path.start();
        let (a, means, filter) = (path.signal(t), &on.mean, on.wiener(path, t));
        let (whole, unknown) = (self.on(self.grid()), self.unknown(&grid, t));
        for (field, index) in x.fields_mut().zip(indices) {
            let mut data = on.transform.analyse_channels(field);
            for (k, x) in data.iter_mut().enumerate() {
                *x = means[k] + filter[k] * (*x - a * means[k]);
            }
            let mut data = self.with_mean(&grid, &data);
            self.add_spread(&mut data, &unknown, seed, index, 0);
            let errors = self.errors(seed, index, 0);
            let mut change = self.pull(&system, &whole.mean, &data, Some(&errors))?;
            change.iter_mut().zip(&whole.variances).for_each(|(p, c)| *p *= a * c);
            self.add(&on, field, &change);
        }
        Ok(x)
    }

    /// Fields `indices` of a seed, drawn from the data's Gaussian law given the observations (the
    /// conditional Gaussian surrogate). This is conditional simulation by simple kriging. It is
    /// exact on Gaussian data and needs no denoiser.
    ///
    /// # Errors
    /// As [`super::Guidance::guide`].
    pub fn surrogate(&self, seed: u64, indices: Range<u64>) -> Result<Ensemble, FieldError> {
        let grid = *self.grid();
        let (on, system) = (self.on(&grid), self.prior_system());
        let mut fields = self.law.sample(grid, seed, indices.clone(), stream::START);
        for (field, index) in fields.fields_mut().zip(indices) {
            let modes = on.transform.analyse_channels(field);
            let errors = self.errors(seed, index, 0);
            let mut change = self.pull(&system, &on.mean, &modes, Some(&errors))?;
            change.iter_mut().zip(&on.variances).for_each(|(p, c)| *p *= c);
            self.add(&on, field, &change);
        }
        Ok(fields)
    }

    /// Draws the modes beyond the grid `before` of fields at time t from their law given the
    /// observations. `denoised` are the same fields, denoised without observations.
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
        let (on, system) = (self.on(&x.grid), self.system(&before, t));
        let (whole, unknown) = (self.on(self.grid()), self.unknown(&x.grid, t));
        let held = before.mode_shape();
        let modes = self.grid().modes();
        let new: Vec<bool> = modes
            .map(|m| m.position.iter().zip(&held).any(|(position, n)| position >= n))
            .collect();
        let a = self.path.signal(t);
        for (i, (field, denoised)) in x.fields_mut().zip(denoised.fields()).enumerate() {
            let index = first + i as u64;
            let base =
                self.with_mean(on.transform.grid(), &on.transform.analyse_channels(denoised));
            let mut data = base.clone();
            self.add_spread(&mut data, &unknown, seed, index, EXTENDING + step);
            let errors = self.errors(seed, index, EXTENDING + step);
            let mut change = self.pull(&system, &base, &data, Some(&errors))?;
            for (k, p) in change.iter_mut().enumerate() {
                *p *= if new[k % new.len()] { a * whole.variances[k] } else { 0.0 };
            }
            self.add(&on, field, &change);
        }
        Ok(())
    }

    /// X₀′ = D + √v ξ given y, for fields at time t with the denoised fields `denoised`: one draw
    /// of the data given the state and the observations.
    ///
    /// # Errors
    /// As [`super::Guidance::guide`].
    pub(crate) fn data(
        &self,
        denoised: &Ensemble,
        t: f64,
        (seed, first, step): (u64, u64, usize),
    ) -> Result<Ensemble, FieldError> {
        let (on, system) = (self.on(&denoised.grid), self.system(&denoised.grid, t));
        let mut data = denoised.clone();
        for (i, field) in data.fields_mut().enumerate() {
            let index = first + i as u64;
            let base = self.with_mean(&denoised.grid, &on.transform.analyse_channels(field));
            let mut drawn = base.clone();
            self.add_spread(&mut drawn, &system.variances, seed, index, step + 1);
            let errors = self.errors(seed, index, step + 1);
            let mut change = self.pull(&system, &base, &drawn, Some(&errors))?;
            for (k, p) in change.iter_mut().enumerate() {
                *p = *p * system.variances[k] + drawn[k] - base[k];
            }
            self.add(&on, field, &change);
        }
        Ok(data)
    }

    /// Adds √v ξ to the coefficients of a finished field.
    fn add_spread(&self, u: &mut [f64], v: &[f64], seed: u64, index: u64, at: usize) {
        let (grid, noise) = (self.grid(), ModeNoise::new(seed));
        let stream = stream::OBSERVATION + 2 * at as u32;
        for (channel, u) in u.chunks_exact_mut(grid.mode_count()).enumerate() {
            let xi = noise.normals(grid, index, stream, channel);
            let v = &v[channel * xi.len()..];
            u.iter_mut().zip(xi).zip(v).for_each(|((u, xi), v)| *u += v.sqrt() * xi);
        }
    }

    /// Random numbers ξ of the observations' errors.
    fn errors(&self, seed: u64, index: u64, at: usize) -> Vec<f64> {
        let stream = stream::OBSERVATION + 2 * at as u32 + 1;
        ModeNoise::new(seed).plain_normals(self.observations().count(), index, stream)
    }
}
