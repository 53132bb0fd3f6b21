//! Observations through the data's Gaussian law: the exact posterior of Gaussian data.

use std::sync::{Arc, Mutex, PoisonError};

use ndarray::Array2;

use super::system::{System, dense_rows};
use super::{Guidance, cholesky::Cholesky};
use crate::denoiser::Diagonal;
use crate::observation::{Observations, Stack, dot};
use crate::path::Path;
use crate::{Denoiser, Ensemble, FieldError, GaussianLaw, Grid, Prior};

/// Bytes of factorised systems that are kept for the batches that follow.
const KEPT_BYTES: usize = 256 << 20;

/// D_y = D + V A* (R + A V A*)⁻¹ (y − A D), V the Wiener filter's error variance.
///
/// Cheap to ask from many threads: what a time and grid need is made once. Nonlinear observations are
/// linearised at D with the point-wise spread √Σ v_k, field by field.
///
/// **Cost** a field and time: one transform a channel and direction, A and A* once. A time: m² K
/// multiplications for the matrix of m observations and K modes (or m transforms), m³/3 for its factor.
/// **Memory** m² numbers a time kept.
#[derive(Debug)]
pub struct Conditioning {
    pub(super) path: Arc<dyn Path>,
    pub(super) prior: Arc<dyn Prior>,
    pub(super) law: GaussianLaw,
    observations: Observations,
    /// The grid of the finished fields.
    grid: Grid,
    prepared: Mutex<Vec<Arc<Prepared>>>,
    systems: Mutex<Vec<(Key, Arc<System>)>>,
}

/// Grid, time and the grid before it that a system was made for.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Key {
    grid: Grid,
    time: u64,
    before: Option<Grid>,
}

/// What a grid needs, whatever the time.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) tables: Diagonal,
    pub(super) stack: Stack,
    /// R, and on grids coarser than the last the variance of what they do not hold.
    pub(super) noise: Vec<f64>,
    rows: Option<Array2<f64>>,
}

impl Conditioning {
    /// Observations of fields that are finished on `grid`, for data of this law.
    ///
    /// # Errors
    /// Those of [`crate::Observation::on`]; [`FieldError::Observation`] for an observation on a finer grid
    /// than `grid`, or one that others determine although its sd is 0.
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
                return Err(FieldError::Observation { row: None, other: None, message });
            }
        }
        let (prepared, systems) = (Mutex::default(), Mutex::default());
        let new = Self { path, prior, law, observations, grid, prepared, systems };
        new.prepared(&grid)?;
        Ok(new)
    }

    /// The observations.
    pub fn observations(&self) -> &Observations {
        &self.observations
    }

    /// The grid of the finished fields.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Linear observations without error that those before them determine: rows of A that are sums of
    /// others, counted over all linear observations from 0.
    ///
    /// **Cost** that of one system. Not asked where there are more than can be factorised.
    ///
    /// # Errors
    /// Those of [`crate::Observation::on`].
    pub fn redundant(&self) -> Result<Vec<usize>, FieldError> {
        let on = self.prepared(&self.grid)?;
        let exact = &on.stack.variances()[..on.stack.linear_rows()];
        if exact.len() > super::system::FACTORISED || exact.iter().all(|r| *r > 0.0) {
            return Ok(Vec::new());
        }
        let all = vec![1.0; on.tables.variances.len()];
        if let Some(diagonal) = on.stack.diagonal(&all) {
            return Ok((0..diagonal.len()).filter(|&i| diagonal[i] + exact[i] == 0.0).collect());
        }
        let mut s = Array2::zeros((exact.len(), exact.len()));
        let mut unit = vec![0.0; exact.len()];
        for j in 0..exact.len() {
            unit[j] = 1.0;
            let column = on.stack.apply(&on.stack.adjoint(&unit));
            unit[j] = 0.0;
            s.row_mut(j).iter_mut().zip(column).for_each(|(s, v)| *s = v);
        }
        // an error of a thousandth makes any number independent of the others
        for (j, r) in exact.iter().enumerate().filter(|(_, r)| **r > 0.0) {
            s[[j, j]] += r.max(1e-6 * s[[j, j]]);
        }
        let rows: Vec<usize> = Cholesky::new(s).left_out().collect();
        Ok(rows.into_iter().filter(|i| exact[*i] == 0.0).collect())
    }

    /// What a grid needs, made once.
    pub(super) fn prepared(&self, grid: &Grid) -> Result<Arc<Prepared>, FieldError> {
        let mut all = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.iter().find(|p| p.tables.transform.grid() == grid) {
            return Ok(Arc::clone(known));
        }
        let tables = Diagonal::new(*grid, std::slice::from_ref(&self.law), self.prior.as_ref());
        let stack = self.observations.on(grid)?;
        let rows = dense_rows(&stack, tables.variances.len());
        let mut noise = stack.variances().to_vec();
        if *grid != self.grid {
            self.add_tail(&stack, &tables.variances, &mut noise)?;
        }
        let made = Arc::new(Prepared { tables, stack, noise, rows });
        all.push(Arc::clone(&made));
        Ok(made)
    }

    /// Adds to R the variance of what the last grid sees of the data and this one does not.
    fn add_tail(
        &self,
        stack: &Stack,
        variances: &[f64],
        noise: &mut [f64],
    ) -> Result<(), FieldError> {
        let whole = self.observations.on(&self.grid)?;
        let all = self.law.variances(&self.grid);
        let seen = |stack: &Stack, c: &[f64], unit: &[f64]| -> f64 {
            stack.adjoint(unit).iter().zip(c).map(|(a, c)| a * a * c).sum()
        };
        let mut unit = vec![0.0; stack.linear_rows()];
        for j in 0..unit.len() {
            unit[j] = 1.0;
            let tail = seen(&whole, &all, &unit) - seen(stack, variances, &unit);
            noise[j] += tail.max(0.0);
            unit[j] = 0.0;
        }
        Ok(())
    }

    /// S of V at a time, kept for those who ask next.
    pub(super) fn system(&self, on: &Prepared, t: f64) -> Arc<System> {
        let key = Key { grid: *on.tables.transform.grid(), time: t.to_bits(), before: None };
        self.kept(on, key, || on.posterior(self.path.as_ref(), t))
    }

    /// S of the data's own variances.
    pub(super) fn prior_system(&self, on: &Prepared) -> Arc<System> {
        let key = Key { grid: *on.tables.transform.grid(), time: u64::MAX, before: None };
        self.kept(on, key, || on.tables.variances.clone())
    }

    /// S of V at a time in the modes of `before`, of the data's variances in the others.
    pub(super) fn mixed_system(&self, on: &Prepared, t: f64, before: Grid, v: Vec<f64>) -> Arc<System> {
        let grid = *on.tables.transform.grid();
        let key = Key { grid, time: t.to_bits(), before: Some(before) };
        self.kept(on, key, || v)
    }

    fn kept(&self, on: &Prepared, key: Key, variances: impl FnOnce() -> Vec<f64>) -> Arc<System> {
        // held while a system is made: another thread wants the same one
        let mut all = self.systems.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = all.iter().find(|(k, _)| *k == key) {
            return Arc::clone(known);
        }
        let linear = on.stack.linear_rows();
        let made =
            Arc::new(System::new(&on.stack, on.rows.as_ref(), &on.noise[..linear], variances()));
        let bytes = 8 * (linear * linear + on.tables.variances.len());
        while !all.is_empty() && (all.len() + 1) * bytes > KEPT_BYTES {
            all.remove(0);
        }
        all.push((key, Arc::clone(&made)));
        made
    }

    /// A* S⁻¹ (y − A u − √R ξ) for one field with coefficients `u`, linearised at `base`.
    pub(super) fn pull(
        &self,
        on: &Prepared,
        system: &System,
        base: &[f64],
        u: &[f64],
        errors: Option<&[f64]>,
    ) -> Result<Vec<f64>, FieldError> {
        let (stack, linear) = (&on.stack, on.stack.linear_rows());
        let error = |i: usize| errors.map_or(0.0, |xi| on.noise[i].sqrt() * xi[i]);
        let seen = stack.apply(u);
        let residual: Vec<f64> =
            (0..linear).map(|i| stack.targets()[i] - seen[i] - error(i)).collect();
        let mut weights = system.solve(stack, &residual)?;
        let near = stack.linearised(base, &on.spread(&system.variances));
        if near.is_empty() {
            return Ok(stack.adjoint(&weights));
        }
        // the nonlinear rows border the linear system
        let values: Vec<f64> = near.iter().flat_map(|n| n.values.iter().copied()).collect();
        let rows: Vec<&Vec<f64>> = near.iter().flat_map(|n| &n.rows).collect();
        let moved: Vec<f64> = u.iter().zip(base).map(|(u, b)| u - b).collect();
        let mut border = Vec::with_capacity(rows.len());
        let mut spread_rows = Vec::with_capacity(rows.len());
        for row in &rows {
            let spread: Vec<f64> = row.iter().zip(&system.variances).map(|(a, v)| a * v).collect();
            let across = stack.apply(&spread);
            border.push((system.solve(stack, &across)?, across));
            spread_rows.push(spread);
        }
        let count = rows.len();
        let mut schur = Array2::zeros((count, count));
        let mut rest = vec![0.0; count];
        for i in 0..count {
            for j in 0..count {
                schur[[i, j]] = dot(rows[i], &spread_rows[j]) - dot(&border[i].0, &border[j].1);
            }
            let at = linear + i;
            schur[[i, i]] += on.noise[at];
            rest[i] = stack.targets()[at] - values[i] - dot(rows[i], &moved) - error(at)
                - dot(&border[i].0, &residual);
        }
        let own = Cholesky::new(schur).solve(&rest);
        for (weight, (solved, _)) in own.iter().zip(&border) {
            weights.iter_mut().zip(solved).for_each(|(w, s)| *w -= weight * s);
        }
        let mut back = stack.adjoint(&weights);
        for (weight, row) in own.iter().zip(&rows) {
            back.iter_mut().zip(*row).for_each(|(b, a)| *b += weight * a);
        }
        Ok(back)
    }
}

impl Prepared {
    /// v_k at a time, `[channel, mode]`.
    pub(super) fn posterior(&self, path: &dyn Path, t: f64) -> Vec<f64> {
        let (a2, b2) = (path.signal(t).powi(2), path.noise(t).powi(2));
        let spectra = self.tables.variances.iter().zip(&self.tables.eigenvalues);
        let of = |(c, lambda): (&f64, &f64)| {
            let s = a2 * c + b2 * lambda;
            if s > 0.0 { c * b2 * lambda / s } else { 0.0 }
        };
        spectra.map(of).collect()
    }

    /// √Σ v_k of every channel.
    fn spread(&self, variances: &[f64]) -> Vec<f64> {
        let modes = self.tables.transform.grid().mode_count();
        variances.chunks_exact(modes).map(|v| v.iter().sum::<f64>().sqrt()).collect()
    }

    /// Adds gain ∘ pull to one field's point values.
    pub(super) fn add(&self, field: &mut [f64], pull: &[f64], gain: impl Fn(usize) -> f64) {
        let change: Vec<f64> = pull.iter().enumerate().map(|(k, p)| gain(k) * p).collect();
        let change = self.tables.transform.synthesise_channels(&change);
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
        let on = self.prepared(&x.grid)?;
        let system = self.system(&on, t);
        for field in denoised.fields_mut() {
            let modes = on.tables.transform.analyse_channels(field);
            let pull = self.pull(&on, &system, &modes, &modes, None)?;
            on.add(field, &pull, |k| system.variances[k]);
        }
        Ok(denoised)
    }
}
