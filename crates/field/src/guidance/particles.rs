//! Weighted particles: corrects the errors of guidance, exactly in the limit of many particles.
//!
//! The method is twisted sequential Monte Carlo. N particles of one field take the steps of
//! [`crate::sampler::WienerAncestral`] given the observations. The twisting function is ψ_t(x) =
//! N(y; A D(x, t), R + A V_t A*). Up to a constant the proposal is p(x_s | x_t) N(y; A D̂, S_s),
//! where D̂ is the Wiener filter's prediction of D(x_s, s). The incremental weight is therefore
//! ψ_s(x_s)/N(y; A D̂, S_s), which costs one quadratic form each. On Gaussian data it is 1, because
//! nothing needs correction. Particles are resampled where their effective number falls below half.
//!
//! **Source** Wu, Trippe, Naesseth, Blei, Cunningham, arXiv 2306.17775 (twisted diffusion sampler).
//! The proposal and its weight for variances in modes are our own.

use std::ops::Range;

use super::{Conditioning, Guidance};
use crate::noise::stream;
use crate::sampler::Reverse;
use crate::{Ensemble, FieldError, Grid, ModeNoise};

/// Fields selected from weighted particles.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// One field for each index.
    pub fields: Ensemble,
    /// The effective number of particles of each field at the end: 1/Σ w².
    pub effective: Vec<f64>,
    /// The smallest effective number of particles of each field during the run.
    pub smallest: Vec<f64>,
}

/// Fields `indices`, each selected from `particles` of its own. Particle j of field i uses the
/// noise of field i N + j of the seed.
///
/// `reverse` gives path, prior, law, denoiser and seed. Its guidance and first index are set here.
/// `observe(done, n)` is called after every step. **Cost** N times that of a run with one
/// evaluation a step.
///
/// # Errors
/// Those of [`crate::sampler::integrate`]; [`FieldError::Parameter`] without particles.
pub fn choose(
    reverse: &mut Reverse<'_>,
    given: &Conditioning,
    times: &[f64],
    grid: Grid,
    (indices, particles): (Range<u64>, usize),
    observe: &mut dyn FnMut(usize, usize),
) -> Result<Chosen, FieldError> {
    if particles == 0 {
        let requirement = "there must be at least one";
        return Err(FieldError::Parameter { parameter: "particles", value: 0.0, requirement });
    }
    let many = particles as u64;
    let all = indices.start * many..indices.end * many;
    let seed = reverse.seed;
    reverse.first_index = all.start;
    let mut x = given.start(grid, seed, all)?;
    let (steps, on) = (times.len() - 1, given.on(&grid));
    let t = times[0];
    let mut denoised = reverse.denoise_alone(&x, t)?;
    let filter = on.wiener(reverse.path, t);
    let a = reverse.path.signal(t);
    let expected = |field: &[f64]| -> Vec<f64> {
        let modes = on.transform.analyse_channels(field);
        let of = |((x, m), w): ((f64, &f64), &f64)| m + w * (x - a * m);
        modes.into_iter().zip(&on.mean).zip(&filter).map(of).collect()
    };
    let first: Vec<Vec<f64>> = x.fields().map(expected).collect();
    let mut population = Population::new(given, particles, x.count() / particles);
    population.weigh(grid, t, &denoised, &first)?;
    for step in 0..steps {
        if let Some(chosen) = population.resampled(seed, indices.start, step) {
            x = x.select(&chosen);
            denoised = denoised.select(&chosen);
        }
        let (t, s) = (times[step], times[step + 1]);
        let path = reverse.path;
        let data = given.data(&denoised, t, (seed, reverse.first_index, step))?;
        let noise = reverse.noise(&x, step);
        let (from, to) = ((path.signal(t), path.noise(t)), (path.signal(s), path.noise(s)));
        let lost = -(path.log_snr(t) - path.log_snr(s)).exp_m1();
        let keep = from.0 / to.0 * (to.1 / from.1).powi(2);
        let (pull, push) = (to.0 * lost, to.1 * lost.sqrt());
        // the new part of X_s, seen through the filter, shifts the expectation of the data
        let v = given.unknown_on(&grid, t);
        let gain: Vec<f64> = (v.iter().zip(&on.eigenvalues))
            .map(|(v, lambda)| {
                let total = pull * pull * v + push * push * lambda;
                if total > 0.0 { pull * v / total } else { 0.0 }
            })
            .collect();
        let mut expected = Vec::with_capacity(x.count());
        let len = x.field_len();
        for i in 0..x.count() {
            let at = i * len..(i + 1) * len;
            let mut new = vec![0.0; len];
            for (k, new) in new.iter_mut().enumerate() {
                let k = at.start + k;
                *new = pull * (data.values[k] - denoised.values[k]) + push * noise.values[k];
                x.values[k] = keep * x.values[k] + pull * denoised.values[k] + *new;
            }
            let mut modes = on.transform.analyse_channels(&denoised.values[at]);
            let new = on.transform.analyse_channels(&new);
            modes.iter_mut().zip(new).zip(&gain).for_each(|((d, new), g)| *d += g * new);
            expected.push(modes);
        }
        if x.values.iter().any(|v| !v.is_finite()) {
            return Err(FieldError::NonFinite { what: "the sample", step, time: s });
        }
        denoised = reverse.denoise_alone(&x, s)?;
        population.weigh(grid, s, &denoised, &expected)?;
        observe(step + 1, steps);
    }
    let chosen = population.last(seed, indices.start, steps);
    let (x, denoised) = (x.select(&chosen), denoised.select(&chosen));
    let fields = given.guide(reverse.denoiser, &x, times[steps], denoised)?;
    Ok(Chosen { fields, effective: population.effective(), smallest: population.smallest })
}

/// Log-weights of the particles, by field.
struct Population<'a> {
    given: &'a Conditioning,
    particles: usize,
    logs: Vec<f64>,
    smallest: Vec<f64>,
}

impl<'a> Population<'a> {
    fn new(given: &'a Conditioning, particles: usize, fields: usize) -> Self {
        let smallest = vec![particles as f64; fields];
        Self { given, particles, logs: vec![0.0; particles * fields], smallest }
    }

    /// Adds ln ψ_t(x) − ln N(y; A D̂, S_t).
    fn weigh(
        &mut self,
        grid: Grid,
        t: f64,
        denoised: &Ensemble,
        expected: &[Vec<f64>],
    ) -> Result<(), FieldError> {
        let (given, on) = (self.given, self.given.on(&grid));
        let system = given.system(&grid, t);
        for ((log, field), expected) in self.logs.iter_mut().zip(denoised.fields()).zip(expected) {
            let modes = given.with_mean(&grid, &on.transform.analyse_channels(field));
            *log += given.log_density(&system, &modes)?;
            *log -= given.log_density(&system, &given.with_mean(&grid, expected))?;
        }
        for (smallest, now) in self.smallest.iter_mut().zip(effective(&self.logs, self.particles)) {
            *smallest = smallest.min(now);
        }
        Ok(())
    }

    fn effective(&self) -> Vec<f64> {
        effective(&self.logs, self.particles)
    }

    /// Indices of the particles that continue, if some field's effective number is too small; else
    /// `None`.
    fn resampled(&mut self, seed: u64, first: u64, step: usize) -> Option<Vec<usize>> {
        let n = self.particles;
        let few: Vec<bool> = self.effective().iter().map(|e| *e < 0.5 * n as f64).collect();
        if few.iter().all(|few| !few) {
            return None;
        }
        let mut chosen: Vec<usize> = (0..self.logs.len()).collect();
        for (i, _) in few.iter().enumerate().filter(|(_, few)| **few) {
            let at = i * n..(i + 1) * n;
            let shares = shares(&self.logs[at.clone()]);
            let uniform = uniform(seed, first + i as u64, step);
            // systematic resampling: N points at distances of 1/N
            let (mut sum, mut j) = (shares[0], 0);
            for k in 0..n {
                while (k as f64 + uniform) / n as f64 > sum && j + 1 < n {
                    j += 1;
                    sum += shares[j];
                }
                chosen[at.start + k] = at.start + j;
            }
            self.logs[at].fill(0.0);
        }
        Some(chosen)
    }

    /// Selects one particle a field, with its weight as probability.
    fn last(&self, seed: u64, first: u64, step: usize) -> Vec<usize> {
        let fields = self.logs.chunks_exact(self.particles).enumerate();
        let pick = |(i, logs): (usize, &[f64])| {
            let mut rest = uniform(seed, first + i as u64, step);
            let chosen = shares(logs).iter().position(|p| {
                rest -= p;
                rest < 0.0
            });
            i * self.particles + chosen.unwrap_or(self.particles - 1)
        };
        fields.map(pick).collect()
    }
}

fn uniform(seed: u64, index: u64, step: usize) -> f64 {
    ModeNoise::new(seed).uniforms(1, index, stream::PARTICLES + step as u32)[0]
}

/// Normalises weights to sum to 1.
fn shares(logs: &[f64]) -> Vec<f64> {
    let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let all: Vec<f64> = logs.iter().map(|l| (l - most).exp()).collect();
    let sum: f64 = all.iter().sum();
    all.iter().map(|w| w / sum).collect()
}

fn effective(logs: &[f64], particles: usize) -> Vec<f64> {
    let of = |logs: &[f64]| 1.0 / shares(logs).iter().map(|w| w * w).sum::<f64>();
    logs.chunks_exact(particles).map(of).collect()
}
