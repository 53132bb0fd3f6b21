//! Conditioning on observations by the data's Gaussian law: the exact posterior of Gaussian data.

use std::sync::{Arc, Mutex, PoisonError};

use ndarray::Array2;

use super::system::{System, dense_rows};
use super::weights::Weights;
use super::{Guidance, cholesky::Cholesky};
use crate::law::OnGrid;
use crate::observation::{Fault, Observations, Stack, dot};
use crate::path::Path;
use crate::resample::{copied_modes, overlay_modes};
use crate::{Denoiser, Ensemble, FieldError, GaussianLaw, Grid, PerGrid, Prior};

/// Bytes of factorised systems that are kept for later batches.
const KEPT_BYTES: usize = 256 << 20;

/// D_y = D + V A* (R + A V A*)⁻¹ (y − A D), where V is the error variance of the Wiener filter.
///
/// A field on a coarse grid lacks some modes of the finished field. These modes are treated as
/// unknown with the data's own variance, so that a run that refines has the same law. Nonlinear
/// observations are linearised at D with the point-wise spread √Σ v_k, field by field. Many threads
/// may share one `Conditioning`: the tables of a time and grid are computed once.
///
/// **Cost** For each field and time: one transform a channel and direction, and one product each
/// with A and A*. For each time: m² K multiplications for the matrix of m observations and K modes
/// (or m transforms), and m³/3 for its factor. **Memory** m² numbers for each time kept.
#[derive(Debug)]
pub struct Conditioning {
    pub(super) path: Arc<dyn Path>,
    pub(super) prior: Arc<dyn Prior>,
    pub(super) law: GaussianLaw,
    observations: Observations,
    /// The grid of the finished fields, and the observations on it.
    grid: Grid,
    pub(super) stack: Stack,
    rows: Option<Arc<Array2<f64>>>,
    frames: PerGrid<OnGrid>,
    systems: Arc<Mutex<Systems>>,
}

/// The kept systems, oldest first.
type Systems = Vec<(Key, Arc<System>)>;

/// Grid and time of a system.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Key {
    grid: Grid,
    time: u64,
}

impl Conditioning {
    /// For observations of fields that are finished on `grid`, with data of this law.
    ///
    /// # Errors
    /// Those of [`crate::Observation::on`]; [`FieldError::Observation`] for an observation on a finer grid
    /// than `grid`.
    pub fn new(
        path: Arc<dyn Path>,
        prior: Arc<dyn Prior>,
        law: GaussianLaw,
        observations: Observations,
        grid: Grid,
    ) -> Result<Self, FieldError> {
        for part in observations.parts() {
            let Some(own) = part.needs() else { continue };
            let holds = own.mode_shape().iter().zip(grid.mode_shape()).all(|(own, n)| *own <= n);
            if own.same_box(&grid) && !holds {
                let kind = part.kind();
                let message = format!("{kind} on the grid {own}, finer than the sampled {grid}");
                let fault = Fault::Finer;
                return Err(FieldError::Observation { fault, row: None, other: None, message });
            }
        }
        let stack = observations.on(&grid)?;
        let rows = dense_rows(&stack, law.channels() * grid.mode_count()).map(Arc::new);
        let (frames, systems) = (PerGrid::default(), Arc::default());
        Ok(Self { path, prior, law, observations, grid, stack, rows, frames, systems })
    }

    /// The same observations of another field. All tables that do not depend on their values are
    /// shared.
    ///
    /// # Errors
    /// As [`Conditioning::new`]. The new observations may differ from these in their values only
    /// ([`Observations::of`]).
    pub fn with(&self, observations: Observations) -> Result<Self, FieldError> {
        let stack = observations.on(&self.grid)?;
        Ok(Self {
            path: Arc::clone(&self.path),
            prior: Arc::clone(&self.prior),
            law: self.law.clone(),
            observations,
            grid: self.grid,
            stack,
            rows: self.rows.clone(),
            frames: self.frames.clone(),
            systems: Arc::clone(&self.systems),
        })
    }

    /// The observations.
    pub fn observations(&self) -> &Observations {
        &self.observations
    }

    /// The grid of the finished fields.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Exact linear observations that the observations before them determine: rows of A that are
    /// linear combinations of others. They are numbered over all linear observations from 0.
    ///
    /// **Cost** that of one system. Skipped where there are more observations than can be
    /// factorised.
    pub fn redundant(&self) -> Vec<usize> {
        let stack = &self.stack;
        let noise = &stack.variances()[..stack.linear_rows()];
        if noise.len() > super::system::FACTORISED || noise.iter().all(|r| *r > 0.0) {
            return Vec::new();
        }
        let all = vec![1.0; self.law.channels() * self.grid.mode_count()];
        if let Some(diagonal) = stack.diagonal(&all) {
            return (0..diagonal.len()).filter(|&i| diagonal[i] + noise[i] == 0.0).collect();
        }
        let mut s = Array2::zeros((noise.len(), noise.len()));
        let mut unit = vec![0.0; noise.len()];
        for j in 0..noise.len() {
            unit[j] = 1.0;
            let column = stack.apply(&stack.adjoint(&unit));
            unit[j] = 0.0;
            s.row_mut(j).iter_mut().zip(column).for_each(|(s, v)| *s = v);
        }
        // a relative error of a thousandth makes any observation independent of the others
        for (j, r) in noise.iter().enumerate().filter(|(_, r)| **r > 0.0) {
            s[[j, j]] += r.max(1e-6 * s[[j, j]]);
        }
        let rows: Vec<usize> = Cholesky::new(s).left_out().collect();
        rows.into_iter().filter(|i| noise[*i] == 0.0).collect()
    }

    /// Law and prior on a grid, computed once.
    pub(super) fn on(&self, grid: &Grid) -> Arc<OnGrid> {
        self.frames.get(grid, || OnGrid::new(*grid, &self.law, self.prior.as_ref()))
    }

    /// Extends coefficients on a coarser grid by `others` to all modes of the finished fields.
    pub(super) fn continued(&self, grid: &Grid, modes: &[f64], others: &[f64]) -> Vec<f64> {
        if *grid == self.grid {
            return modes.to_vec();
        }
        let mut all = others.to_vec();
        let (own, whole) = (grid.mode_count(), self.grid.mode_count());
        for (modes, all) in modes.chunks_exact(own).zip(all.chunks_exact_mut(whole)) {
            overlay_modes(grid, modes, &self.grid, all);
        }
        all
    }

    /// Extends D by the data's mean.
    pub(super) fn with_mean(&self, grid: &Grid, modes: &[f64]) -> Vec<f64> {
        self.continued(grid, modes, &self.on(&self.grid).mean)
    }

    /// Variance of the unknown part at a time, for fields on a grid: v_k of its modes, c_k of all
    /// others.
    pub(super) fn unknown(&self, grid: &Grid, t: f64) -> Vec<f64> {
        let own = self.unknown_on(grid, t);
        self.continued(grid, &own, &self.on(&self.grid).variances)
    }

    /// v_k at a time, for the modes of a grid.
    pub(super) fn unknown_on(&self, grid: &Grid, t: f64) -> Vec<f64> {
        let on = self.on(grid);
        let (a2, b2) = (self.path.signal(t).powi(2), self.path.noise(t).powi(2));
        let of = |(c, lambda): (&f64, &f64)| {
            let s = a2 * c + b2 * lambda;
            if s > 0.0 { c * b2 * lambda / s } else { 0.0 }
        };
        on.variances.iter().zip(&on.eigenvalues).map(of).collect()
    }

    /// S for fields on a grid at a time; kept for later calls.
    pub(super) fn system(&self, grid: &Grid, t: f64) -> Arc<System> {
        self.kept(Key { grid: *grid, time: t.to_bits() }, || self.unknown(grid, t))
    }

    /// S for the data's own variances.
    pub(super) fn prior_system(&self) -> Arc<System> {
        let key = Key { grid: self.grid, time: u64::MAX };
        self.kept(key, || self.on(&self.grid).variances.clone())
    }

    fn kept(&self, key: Key, variances: impl FnOnce() -> Vec<f64>) -> Arc<System> {
        // the lock is held while a system is computed, because another thread would need the same
        // one
        let mut all = self.systems.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = all.iter().find(|(k, _)| *k == key) {
            return Arc::clone(known);
        }
        let made = Arc::new(System::new(&self.stack, self.rows.as_deref(), variances()));
        let linear = self.stack.linear_rows();
        let bytes = 8 * (linear * linear + made.variances.len());
        while !all.is_empty() && (all.len() + 1) * bytes > KEPT_BYTES {
            all.remove(0);
        }
        all.push((key, Arc::clone(&made)));
        made
    }

    /// A* S⁻¹ (y − A u − √R ξ) for one finished field with coefficients `u`, linearised at `base`.
    pub(super) fn pull(
        &self,
        system: &System,
        base: &[f64],
        u: &[f64],
        errors: Option<&[f64]>,
    ) -> Result<Vec<f64>, FieldError> {
        let mut weights = Weights::new(self, system, base, u, errors)?;
        for (weight, (solved, _)) in weights.own.iter().zip(&weights.border) {
            weights.linear.iter_mut().zip(solved).for_each(|(w, s)| *w -= weight * s);
        }
        let mut back = self.stack.adjoint(&weights.linear);
        for (weight, row) in weights.own.iter().zip(&weights.rows) {
            back.iter_mut().zip(row).for_each(|(b, a)| *b += weight * a);
        }
        Ok(back)
    }

    /// ln N(y; A u, S) up to a constant that does not depend on u.
    ///
    /// # Errors
    /// As [`Guidance::guide`].
    pub(super) fn log_density(&self, system: &System, u: &[f64]) -> Result<f64, FieldError> {
        let weights = Weights::new(self, system, u, u, None)?;
        let squares = dot(&weights.residual, &weights.linear) + dot(&weights.rest, &weights.own);
        Ok(-0.5 * (squares + weights.log_determinant))
    }

    /// ln N(y; A m, R + A C A*) without the constant ln 2π: the log-evidence of the observations
    /// under this law. It compares laws that share a covariance.
    ///
    /// # Errors
    /// As [`Guidance::guide`].
    pub fn log_evidence(&self) -> Result<f64, FieldError> {
        let system = self.prior_system();
        self.log_density(&system, &self.on(&self.grid).mean)
    }

    /// √Σ v_k of every channel.
    pub(super) fn spread(&self, variances: &[f64]) -> Vec<f64> {
        let modes = self.grid.mode_count();
        variances.chunks_exact(modes).map(|v| v.iter().sum::<f64>().sqrt()).collect()
    }

    /// Adds coefficients on the grid of finished fields to the point values of a field on another
    /// grid.
    pub(super) fn add(&self, on: &OnGrid, field: &mut [f64], change: &[f64]) {
        let own = copied_modes(&self.grid, change, on.transform.grid());
        let change = on.transform.synthesise_channels(&own);
        field.iter_mut().zip(change).for_each(|(x, c)| *x += c);
    }
}

impl Guidance for Conditioning {
    fn conditioning(&self) -> &Conditioning {
        self
    }

    fn guide(
        &self,
        _alone: &dyn Denoiser,
        x: &Ensemble,
        t: f64,
        mut denoised: Ensemble,
    ) -> Result<Ensemble, FieldError> {
        let (on, system) = (self.on(&x.grid), self.system(&x.grid, t));
        for field in denoised.fields_mut() {
            let modes = self.with_mean(&x.grid, &on.transform.analyse_channels(field));
            let mut change = self.pull(&system, &modes, &modes, None)?;
            change.iter_mut().zip(&system.variances).for_each(|(p, v)| *p *= v);
            self.add(&on, field, &change);
        }
        Ok(denoised)
    }
}
