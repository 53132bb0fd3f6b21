//! Tables of one grid for closed-form denoisers and samplers, computed once per grid.
//!
//! Eigenvalues cost a power per mode, and a transform must be planned. Together these cost more
//! than denoising a single field. A sampler stays on one grid for many steps, so the last grid is
//! cached.

use std::sync::{Arc, Mutex, PoisonError};

use super::wiener_weight;
use crate::path::Path;
use crate::{Ensemble, FieldError, GaussianLaw, Grid, Prior, Transform};

/// Laws and prior in the modes of one grid. All tables are `[channel, mode]`.
#[derive(Debug)]
pub(crate) struct Diagonal {
    pub(crate) transform: Transform,
    /// m_k of every law.
    pub(crate) means: Vec<Vec<f64>>,
    /// c_k, the same for every law.
    pub(crate) variances: Vec<f64>,
    /// λ_k, repeated for every channel.
    pub(crate) eigenvalues: Vec<f64>,
}

impl Diagonal {
    pub(crate) fn new(grid: Grid, laws: &[GaussianLaw], prior: &dyn Prior) -> Self {
        Self {
            transform: Transform::new(grid),
            means: laws.iter().map(|law| law.mean_modes(&grid)).collect(),
            variances: laws[0].variances(&grid),
            eigenvalues: prior.eigenvalues(&grid).repeat(laws[0].channels()),
        }
    }

    /// w_k of the best linear denoiser at time t, `[channel, mode]`.
    pub(crate) fn wiener_weights(&self, path: &dyn Path, t: f64) -> Vec<f64> {
        let (a, b) = (path.signal(t), path.noise(t));
        let spectra = self.variances.iter().zip(&self.eigenvalues);
        spectra.map(|(&c, &lambda)| wiener_weight(a, b, c, lambda)).collect()
    }
}

/// A cache of the [`Diagonal`] of the last grid.
#[derive(Debug, Default)]
pub(crate) struct Remembered(Mutex<Option<Arc<Diagonal>>>);

impl Remembered {
    /// The tables for the grid of `x`. The `laws` share box, channels and covariance; at least one
    /// is required.
    pub(crate) fn tables(
        &self,
        x: &Ensemble,
        laws: &[GaussianLaw],
        prior: &dyn Prior,
    ) -> Result<Arc<Diagonal>, FieldError> {
        let known = laws[0].mean();
        if !x.grid.same_box(&known.grid) {
            return Err(FieldError::GridMismatch {
                what: "denoising by a law on another box",
                left: x.grid,
                right: known.grid,
            });
        }
        if x.channels != known.channels {
            return Err(FieldError::Length {
                values: x.field_len(),
                channels: known.channels,
                grid: x.grid,
            });
        }
        // a panic in another thread cannot leave half a table behind
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*slot {
            Some(tables) if *tables.transform.grid() == x.grid => Ok(Arc::clone(tables)),
            _ => {
                let tables = Arc::new(Diagonal::new(x.grid, laws, prior));
                *slot = Some(Arc::clone(&tables));
                Ok(tables)
            }
        }
    }
}
