//! Covariance operators Q of Gaussian random fields, diagonal in the basis of [`crate::modes`].
//!
//! A prior is its eigenvalues λ_k; everything else follows: trace, Q f, Q^{1/2} f, noise. One
//! covariance a file. Q is *trace class* iff tr Q = Σ λ_k < ∞ over all modes of the continuum:
//! only then is there a random function behind the random grids. Constructors refuse the rest.

use std::fmt::Debug;

use crate::{Ensemble, Grid, Mode, ModeNoise, Transform};

/// A covariance operator Q by its eigenvalues.
pub trait Prior: Debug + Send + Sync {
    /// λ_k of a mode, ≥ 0.
    fn eigenvalue(&self, mode: &Mode) -> f64;

    /// Whether one (seed, index) names one function on every grid. False only for white noise
    /// per cell, which is no function at all in the limit.
    fn is_nested(&self) -> bool {
        true
    }

    /// λ_k of every mode the grid holds, in storage order.
    fn eigenvalues(&self, grid: &Grid) -> Vec<f64> {
        grid.modes().map(|mode| self.eigenvalue(&mode)).collect()
    }

    /// tr Q_N = Σ λ_k over the modes the grid holds: the mean point-wise variance of its noise.
    fn trace(&self, grid: &Grid) -> f64 {
        grid.modes().map(|mode| self.eigenvalue(&mode)).sum()
    }

    /// Coefficients √λ_k ξ_k of field `index`, one channel.
    fn noise_modes(
        &self,
        grid: &Grid,
        noise: ModeNoise,
        index: u64,
        stream: u32,
        channel: usize,
    ) -> Vec<f64> {
        let mut modes = noise.normals(grid, index, stream, channel);
        for (xi, mode) in modes.iter_mut().zip(grid.modes()) {
            *xi *= self.eigenvalue(&mode).sqrt();
        }
        modes
    }
}

/// Q f, mode by mode.
pub fn apply(prior: &dyn Prior, fields: &Ensemble) -> Ensemble {
    multiply(fields, &prior.eigenvalues(&fields.grid))
}

/// Q^{1/2} f, mode by mode.
pub fn apply_sqrt(prior: &dyn Prior, fields: &Ensemble) -> Ensemble {
    let root: Vec<f64> = prior.eigenvalues(&fields.grid).iter().map(|l| l.sqrt()).collect();
    multiply(fields, &root)
}

/// Fields `first_index…` of a seed: draws from N(0, Q) on a grid.
pub fn sample(
    prior: &dyn Prior,
    grid: Grid,
    channels: usize,
    seed: u64,
    indices: std::ops::Range<u64>,
    stream: u32,
) -> Ensemble {
    let transform = Transform::new(grid);
    let noise = ModeNoise::new(seed);
    let mut values = Vec::new();
    for index in indices {
        for channel in 0..channels {
            let modes = prior.noise_modes(&grid, noise, index, stream, channel);
            values.extend(transform.synthesise_channels(&modes));
        }
    }
    Ensemble { grid, channels, values }
}

fn multiply(fields: &Ensemble, symbol: &[f64]) -> Ensemble {
    let transform = Transform::new(fields.grid);
    let mut out = fields.clone();
    let mut modes = vec![0.0; symbol.len()];
    for channel in out.values.chunks_exact_mut(fields.grid.len()) {
        transform.analyse(channel, &mut modes);
        modes.iter_mut().zip(symbol).for_each(|(c, s)| *c *= s);
        transform.synthesise(&modes, channel);
    }
    out
}
