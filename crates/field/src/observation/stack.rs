//! Several observations of one function, in the units of the data.

use std::ops::Range;
use std::sync::Arc;

use super::{Linearised, Observation, Operator};
use crate::{FieldError, Grid};

/// Observations of fields that a model represents as (u − offset)/scale, channel by channel.
#[derive(Debug, Clone)]
pub struct Observations {
    parts: Vec<Arc<dyn Observation>>,
    offset: Vec<f64>,
    scale: Vec<f64>,
}

/// How well a field satisfies one observation.
#[derive(Debug, Clone, PartialEq)]
pub struct Residual {
    /// Kind of the observation.
    pub kind: &'static str,
    /// Number of its values.
    pub count: usize,
    /// RMS of (y − A u)/sd over the values with sd > 0; NaN if there are none.
    pub relative: f64,
    /// RMS of y − A u over the values with sd 0, in the data's units; NaN if there are none.
    pub exact: f64,
}

impl Observations {
    /// Observations of fields with one offset and scale a channel.
    ///
    /// # Errors
    /// [`FieldError::TooFew`] without observations.
    pub fn new(
        parts: Vec<Arc<dyn Observation>>,
        offset: Vec<f64>,
        scale: Vec<f64>,
    ) -> Result<Self, FieldError> {
        match parts.is_empty() {
            true => {
                Err(FieldError::TooFew { what: "conditioning (observations)", least: 1, count: 0 })
            }
            false => Ok(Self { parts, offset, scale }),
        }
    }

    /// Observations of fields with offset 0 and scale 1, with this number of channels.
    ///
    /// # Errors
    /// As [`Observations::new`].
    pub fn plain(parts: Vec<Arc<dyn Observation>>, channels: usize) -> Result<Self, FieldError> {
        Self::new(parts, vec![0.0; channels], vec![1.0; channels])
    }

    /// The observations, in the order given.
    pub fn parts(&self) -> &[Arc<dyn Observation>] {
        &self.parts
    }

    /// Total number of observed values.
    pub fn count(&self) -> usize {
        self.parts.iter().map(|p| p.values().len()).sum()
    }

    /// The same observations of another field: A u plus errors √R ξ.
    ///
    /// # Errors
    /// As [`Observations::seen_in`].
    pub fn of(&self, grid: &Grid, modes: &[f64], xi: &[f64]) -> Result<Self, FieldError> {
        let (seen, mut rest) = (self.seen_in(grid, modes)?, xi);
        let part = |(part, mut seen): (&Arc<dyn Observation>, Vec<f64>)| {
            let (own, others) = rest.split_at(seen.len());
            rest = others;
            for ((y, r), xi) in seen.iter_mut().zip(part.variances()).zip(own) {
                *y += r.sqrt() * xi;
            }
            part.with_values(seen)
        };
        let parts = self.parts.iter().zip(seen).map(part).collect();
        Ok(Self { parts, offset: self.offset.clone(), scale: self.scale.clone() })
    }

    /// A u of every observation, one list for each, for coefficients `[channel, mode]` of a
    /// normalised field.
    ///
    /// # Errors
    /// Those of [`Observation::on`].
    pub fn seen_in(&self, grid: &Grid, modes: &[f64]) -> Result<Vec<Vec<f64>>, FieldError> {
        let raw = self.raw(grid, modes);
        self.parts.iter().map(|p| Ok(p.on(grid, self.scale.len())?.apply(&raw))).collect()
    }

    /// The operators of all observations on one grid.
    ///
    /// # Errors
    /// Those of [`Observation::on`].
    pub fn on(&self, grid: &Grid) -> Result<Stack, FieldError> {
        let channels = self.scale.len();
        let zero = vec![0.0; channels * grid.mode_count()];
        let offset = self.raw(grid, &zero);
        let (mut linear, mut nonlinear) = (Vec::new(), Vec::new());
        let (mut targets, mut variances) = (Vec::new(), Vec::new());
        for part in self.parts.iter().filter(|p| p.is_linear()) {
            let operator = part.on(grid, channels)?;
            let at = targets.len();
            let known = operator.apply(&offset);
            targets.extend(part.values().iter().zip(known).map(|(y, known)| y - known));
            variances.extend(part.variances());
            linear.push((at..targets.len(), operator));
        }
        let linear_rows = targets.len();
        for part in self.parts.iter().filter(|p| !p.is_linear()) {
            nonlinear.push(part.on(grid, channels)?);
            targets.extend(part.values());
            variances.extend(part.variances());
        }
        let modes = grid.mode_count();
        let scale = self.scale.clone();
        Ok(Stack { linear, nonlinear, targets, variances, linear_rows, offset, scale, modes })
    }

    /// How well normalised fields, each `[channel, mode]`, satisfy each observation: root mean
    /// squares over all fields.
    ///
    /// # Errors
    /// Those of [`Observation::on`].
    pub fn residuals(
        &self,
        grid: &Grid,
        fields: impl IntoIterator<Item = Vec<f64>>,
    ) -> Result<Vec<Residual>, FieldError> {
        let channels = self.scale.len();
        let operators: Vec<Arc<dyn Operator>> =
            self.parts.iter().map(|p| p.on(grid, channels)).collect::<Result<_, _>>()?;
        let mut squares = vec![[(0.0, 0.0); 2]; self.parts.len()];
        for modes in fields {
            let raw = self.raw(grid, &modes);
            for ((part, operator), sums) in self.parts.iter().zip(&operators).zip(&mut squares) {
                let seen = operator.apply(&raw);
                for ((y, seen), r) in part.values().iter().zip(seen).zip(part.variances()) {
                    let (sum, square) = match *r > 0.0 {
                        true => (&mut sums[0], (y - seen).powi(2) / r),
                        false => (&mut sums[1], (y - seen).powi(2)),
                    };
                    sum.0 += square;
                    sum.1 += 1.0;
                }
            }
        }
        let of = |(part, sums): (&Arc<dyn Observation>, &[(f64, f64); 2])| {
            let [relative, exact] = sums.map(|(sum, count)| (sum / count).sqrt());
            Residual { kind: part.kind(), count: part.values().len(), relative, exact }
        };
        Ok(self.parts.iter().zip(&squares).map(of).collect())
    }

    /// scale · u + offset, in coefficients.
    fn raw(&self, grid: &Grid, modes: &[f64]) -> Vec<f64> {
        let count = grid.mode_count();
        let mut raw = modes.to_vec();
        for (channel, own) in raw.chunks_exact_mut(count).enumerate() {
            own.iter_mut().for_each(|u| *u *= self.scale[channel]);
            // on boxes that have a constant mode it is the first one; other boxes have no offset
            if grid.holds_constants() {
                own[0] += self.offset[channel];
            }
        }
        raw
    }
}

/// Observations on one grid, in the model's own values. Linear observations come first.
#[derive(Debug)]
pub struct Stack {
    linear: Vec<(Range<usize>, Arc<dyn Operator>)>,
    nonlinear: Vec<Arc<dyn Operator>>,
    targets: Vec<f64>,
    variances: Vec<f64>,
    linear_rows: usize,
    /// The offset's coefficients, `[channel, mode]`.
    offset: Vec<f64>,
    scale: Vec<f64>,
    modes: usize,
}

impl Stack {
    /// Number of rows of the linear observations.
    pub fn linear_rows(&self) -> usize {
        self.linear_rows
    }

    /// y, less the contribution of the offset to linear observations.
    pub fn targets(&self) -> &[f64] {
        &self.targets
    }

    /// diag R.
    pub fn variances(&self) -> &[f64] {
        &self.variances
    }

    /// A u of the linear observations.
    pub fn apply(&self, modes: &[f64]) -> Vec<f64> {
        let raw = self.scaled(modes);
        self.linear.iter().flat_map(|(_, operator)| operator.apply(&raw)).collect()
    }

    /// A* v of the linear observations.
    pub fn adjoint(&self, weights: &[f64]) -> Vec<f64> {
        let mut sum = vec![0.0; self.scale.len() * self.modes];
        for (at, operator) in &self.linear {
            if weights[at.clone()].iter().all(|w| *w == 0.0) {
                continue;
            }
            let own = operator.adjoint(&weights[at.clone()]);
            sum.iter_mut().zip(own).for_each(|(s, v)| *s += v);
        }
        self.scaled(&sum)
    }

    /// diag(A diag(v) A*) if that matrix is diagonal.
    pub fn diagonal(&self, variances: &[f64]) -> Option<Vec<f64>> {
        match &self.linear[..] {
            [(_, only)] => only.diagonal(&self.scaled(&self.scaled(variances))),
            _ => None,
        }
    }

    /// g of every channel, if A A* is one number for each channel.
    pub fn gains(&self) -> Option<Vec<f64>> {
        match &self.linear[..] {
            [(_, only)] => {
                let gain = only.gain()?;
                Some(self.scale.iter().map(|s| s * s * gain).collect())
            }
            _ => None,
        }
    }

    /// Whether every product of the linear observations costs as much as dense rows.
    pub fn is_dense(&self) -> bool {
        self.linear.iter().all(|(_, operator)| operator.is_dense())
    }

    /// The nonlinear observations, linearised at a field known up to this point-wise deviation a
    /// channel.
    pub fn linearised(&self, modes: &[f64], spread: &[f64]) -> Vec<Linearised> {
        if self.nonlinear.is_empty() {
            return Vec::new();
        }
        let mut raw = self.scaled(modes);
        raw.iter_mut().zip(&self.offset).for_each(|(u, o)| *u += o);
        let spread: Vec<f64> = spread.iter().zip(&self.scale).map(|(s, scale)| s * scale).collect();
        let of = |operator: &Arc<dyn Operator>| {
            let mut near = operator.linearised(&raw, &spread)?;
            near.rows.iter_mut().for_each(|row| *row = self.scaled(row));
            Some(near)
        };
        self.nonlinear.iter().filter_map(of).collect()
    }

    fn scaled(&self, modes: &[f64]) -> Vec<f64> {
        let mut out = modes.to_vec();
        for (own, scale) in out.chunks_exact_mut(self.modes).zip(&self.scale) {
            own.iter_mut().for_each(|u| *u *= scale);
        }
        out
    }
}
