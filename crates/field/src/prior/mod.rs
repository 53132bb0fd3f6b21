//! Priors: covariance operators Q of Gaussian random fields, diagonal in the basis of
//! [`crate::modes`].
//!
//! A prior is given by its eigenvalues λ_k alone. Trace, Q f, Q^{1/2} f and noise follow from them.
//! Each covariance has a file of its own. Q is *trace class* iff tr Q = Σ λ_k < ∞ over all modes of
//! the continuum. Only then does a random function exist whose restrictions are the fields on
//! grids. The constructors refuse covariances that are not trace class.

mod anisotropic;
mod bessel;
mod bins;
mod combined;
mod draws;
mod energy;
mod fitted;
mod laplacian;
mod matern;
mod measured;
mod published;
mod shells;
mod standard;
mod strength;
mod tabulated;
mod tail;
mod tempered;
mod truncated;

use std::fmt::Debug;

pub use anisotropic::FittedAnisotropic;
pub use bessel::Bessel;
pub use combined::Combined;
pub use draws::Draws;
pub use energy::energy_norm;
pub use fitted::Fitted;
pub use laplacian::Laplacian;
pub use matern::Matern;
pub use measured::Measured;
pub use published::{Complex, PixelMultiplier};
pub use shells::{Shell, shells};
pub use standard::Standard;
pub use strength::r_per_shell;
pub use tabulated::Tabulated;
pub use tempered::Tempered;
pub use truncated::Truncated;

use crate::{Ensemble, FieldError, Grid, Mode, Transform, grid::MAX_DIM};

/// A covariance operator Q, given by its eigenvalues.
pub trait Prior: Debug + Send + Sync {
    /// λ_k of a mode, ≥ 0.
    fn eigenvalue(&self, mode: &Mode) -> f64;

    /// Whether one (seed, index) gives the same function on every grid. False only for white noise
    /// of unit variance per cell, which has no limit function; [`Draws`] then fills cells instead
    /// of modes.
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
    Draws::new(prior, grid).sample(channels, seed, indices, stream)
}

/// Checks a parameter that must be a positive finite number.
fn positive(parameter: &'static str, value: f64) -> Result<f64, FieldError> {
    if value.is_finite() && value > 0.0 {
        return Ok(value);
    }
    let requirement = "it must be a positive finite number";
    Err(FieldError::Parameter { parameter, value, requirement })
}

/// Checks the power p of a multiplier |ω|^{−2p}: the sum Σ |ω_k|^{−4p} over the modes of a
/// d-dimensional box is finite iff 4p > d.
fn trace_class_power(prior: &'static str, power: f64, dim: usize) -> Result<f64, FieldError> {
    if !(1..=MAX_DIM).contains(&dim) {
        return Err(FieldError::Dimension(dim));
    }
    let bound = dim as f64 / 4.0;
    if power > bound {
        return positive("power", power);
    }
    Err(FieldError::NotTraceClass {
        prior,
        parameter: "power",
        value: power,
        bound: format!("d/4 = {bound}"),
        dim,
    })
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
