//! Gaussian laws N(m, C) on functions, diagonal in the basis of [`crate::modes`].
//!
//! A Gaussian law is the best description of a data set by mean and spectrum alone. It gives the
//! start of the reverse process, the Wiener part of a preconditioned network, and the closed-form
//! oracle of every sampler. It is also the Gaussian surrogate, the baseline that each table of
//! results must beat.

mod on_grid;

use std::sync::Arc;

use crate::resample::copied_modes;
use crate::{Ensemble, Field, FieldError, Grid, ModeNoise, Prior, Scalar, Transform};

pub use on_grid::OnGrid;

/// N(m, C) with a mean field and one diagonal covariance per channel.
#[derive(Debug, Clone)]
pub struct GaussianLaw {
    mean: Field,
    mean_modes: Vec<f64>,
    covariances: Vec<Arc<dyn Prior>>,
}

impl GaussianLaw {
    /// The law with this mean (on the grid where it is known) and these covariances, one for each
    /// channel.
    ///
    /// # Errors
    /// [`FieldError::Length`] unless there is one covariance for every channel of the mean.
    pub fn new(mean: Field, covariances: Vec<Arc<dyn Prior>>) -> Result<Self, FieldError> {
        if covariances.len() != mean.channels {
            return Err(FieldError::Length {
                values: covariances.len(),
                channels: mean.channels,
                grid: mean.grid,
            });
        }
        let mean_modes = Transform::new(mean.grid).analyse_channels(&mean.values);
        Ok(Self { mean, mean_modes, covariances })
    }

    /// N(0, Q) for functions with `channels` independent channels.
    pub fn centred(grid: Grid, prior: Arc<dyn Prior>, channels: usize) -> Self {
        let mean = Field::zeros(grid, channels);
        let mean_modes = vec![0.0; channels * grid.mode_count()];
        Self { mean, mean_modes, covariances: vec![prior; channels] }
    }

    /// Channels C.
    pub fn channels(&self) -> usize {
        self.mean.channels
    }

    /// The mean field, on the grid where it was measured.
    pub fn mean(&self) -> &Field {
        &self.mean
    }

    /// Covariance operators, one for each channel.
    pub fn covariances(&self) -> &[Arc<dyn Prior>] {
        &self.covariances
    }

    /// Whether fields are functions on the law's box with its channels.
    ///
    /// # Errors
    /// [`FieldError::GridMismatch`] or [`FieldError::Length`] if not.
    pub(crate) fn check<S: Scalar>(&self, x: &Ensemble<S>) -> Result<(), FieldError> {
        if !x.grid.same_box(&self.mean.grid) {
            return Err(FieldError::GridMismatch {
                what: "fields and a law on another box",
                left: x.grid,
                right: self.mean.grid,
            });
        }
        if x.channels != self.mean.channels {
            return Err(FieldError::Length {
                values: x.field_len(),
                channels: self.mean.channels,
                grid: x.grid,
            });
        }
        Ok(())
    }

    /// m_k on a grid of the same box, `[channel, mode]`. Modes beyond the measured ones are 0.
    pub fn mean_modes(&self, grid: &Grid) -> Vec<f64> {
        copied_modes(&self.mean.grid, &self.mean_modes, grid)
    }

    /// c_k on a grid of the same box, `[channel, mode]`.
    pub fn variances(&self, grid: &Grid) -> Vec<f64> {
        let mut all = self.covariances.iter().map(|c| c.eigenvalues(grid));
        let mut variances = all.next().unwrap_or_default();
        all.for_each(|more| variances.extend(more));
        variances
    }

    /// Fields `indices` of a seed; the same functions on every grid.
    pub fn sample(
        &self,
        grid: Grid,
        seed: u64,
        indices: std::ops::Range<u64>,
        stream: u32,
    ) -> Ensemble {
        let (transform, noise) = (Transform::new(grid), ModeNoise::new(seed));
        let mean = self.mean_modes(&grid);
        let deviations: Vec<f64> = self.variances(&grid).iter().map(|c| c.sqrt()).collect();
        let count = grid.mode_count();
        let mut values = Vec::new();
        for index in indices {
            for channel in 0..self.channels() {
                let mut modes = noise.normals(&grid, index, stream, channel);
                let at = channel * count..(channel + 1) * count;
                for ((x, m), d) in modes.iter_mut().zip(&mean[at.clone()]).zip(&deviations[at]) {
                    *x = m + d * *x;
                }
                values.extend(transform.synthesise_channels(&modes));
            }
        }
        Ensemble { grid, channels: self.channels(), values }
    }
}
