//! Observations: measurements of a function, y = A u + e with errors e ~ N(0, R).
//!
//! | kind | y |
//! |---|---|
//! | [`Points`] | values at places of the box |
//! | [`Mask`] | the known cells of a field on a grid |
//! | [`Coarse`] | a field on a coarser grid, by its modes or by cell averages |
//! | [`Blur`] | a field seen through a Gaussian point spread |
//! | [`Rays`] | integrals along straight lines |
//! | [`Mean`] | the mean of a channel over the box |
//! | [`Fraction`] | the fraction of the box where a channel exceeds a threshold |
//! | [`Sparse`] | a sparse matrix times the cells of a field |
//!
//! An [`Observation`] is defined for functions, so it means the same on every grid.
//! [`Observation::on`] gives its [`Operator`] on the coefficients of one grid. [`Observations`]
//! combines several. [`crate::guidance`] describes how they condition a sampler.

mod blur;
mod cells;
mod coarse;
mod fraction;
mod functional;
mod mask;
mod mean;
mod modal;
mod points;
mod rays;
mod rows;
mod sparse;
mod stack;

use std::fmt::Debug;
use std::sync::Arc;

pub use blur::Blur;
pub use coarse::Coarse;
pub use fraction::Fraction;
pub use mask::Mask;
pub use mean::Mean;
pub use points::{Points, Sensor};
pub use rays::{Ray, Rays};
pub(crate) use rows::dot;
pub use sparse::Sparse;
pub use stack::{Observations, Residual, Stack};

use crate::grid::MAX_DIM;
use crate::{FieldError, Grid};

/// Measured numbers and the quantities they measure, in the units of the data's files.
pub trait Observation: Debug + Send + Sync {
    /// Name of the kind, as written in tables and files.
    fn kind(&self) -> &'static str;

    /// y, one entry per measured number.
    fn values(&self) -> &[f64];

    /// The same kind of observation of another field, with these values.
    fn with_values(&self, values: Vec<f64>) -> Arc<dyn Observation>;

    /// Diagonal of R: the variance of each number's error; 0 where it is exact.
    fn variances(&self) -> &[f64];

    /// Whether A is linear.
    fn is_linear(&self) -> bool {
        true
    }

    /// The grid that a field must hold to be observed in full; `None` where any grid will do.
    fn needs(&self) -> Option<Grid> {
        None
    }

    /// The observed single places, if any: the place, its channel, the value.
    fn places(&self) -> Vec<([f64; MAX_DIM], usize, f64)> {
        Vec::new()
    }

    /// A as an operator on the coefficients of fields with this number of channels on one grid.
    ///
    /// # Errors
    /// [`FieldError::Observation`] for a channel that does not exist or a place outside the box.
    fn on(&self, grid: &Grid, channels: usize) -> Result<Arc<dyn Operator>, FieldError>;
}

/// A on one grid: from coefficients `[channel, mode]` to m numbers.
pub trait Operator: Debug + Send + Sync {
    /// Number m of rows.
    fn rows(&self) -> usize;

    /// A u.
    fn apply(&self, modes: &[f64]) -> Vec<f64>;

    /// A* v with ⟨A u, v⟩ = ⟨u, A* v⟩. Coefficients are orthonormal, so A* is the transposed
    /// matrix. For a nonlinear operator, use the rows of [`Operator::linearised`] instead.
    fn adjoint(&self, weights: &[f64]) -> Vec<f64>;

    /// diag of A diag(v) A* if that matrix is diagonal, for variances v `[channel, mode]`.
    fn diagonal(&self, _variances: &[f64]) -> Option<Vec<f64>> {
        None
    }

    /// The number g if A A* = g, that is, if the rows are orthogonal and of equal length.
    fn gain(&self) -> Option<f64> {
        None
    }

    /// Whether a product costs as much as a dense matrix. Otherwise it costs a transform.
    fn is_dense(&self) -> bool {
        false
    }

    /// For a nonlinear operator: E[A(u + ζ)] and E[A′(u + ζ)] with Gaussian ζ whose point-wise
    /// standard deviation is `spread`, one a channel. `None` where A is linear.
    fn linearised(&self, _modes: &[f64], _spread: &[f64]) -> Option<Linearised> {
        None
    }
}

/// A nonlinear operator linearised at one field.
#[derive(Debug, Clone)]
pub struct Linearised {
    /// E[A(u + ζ)].
    pub values: Vec<f64>,
    /// Rows of E[A′(u + ζ)], each `[channel, mode]`.
    pub rows: Vec<Vec<f64>>,
}

/// The kinds of fault an observation may have, grouped by remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Two values at one place.
    Twice,
    /// A place outside the box.
    Outside,
    /// A channel that does not exist.
    Channel,
    /// A fraction outside its range.
    Part,
    /// A grid finer than the one that is sampled.
    Finer,
    /// A value that the observations before it determine.
    Redundant,
    /// An exact value (error 0) where an error is needed.
    Exact,
    /// Numbers that are not finite or are meaningless.
    Numbers,
}

/// An error for observation number `row`, counted from 0, or for all of them if `None`.
fn refused(row: Option<usize>, message: impl Into<String>) -> FieldError {
    faulty(Fault::Numbers, row, message)
}

/// The same error with the kind of fault.
fn faulty(fault: Fault, row: Option<usize>, message: impl Into<String>) -> FieldError {
    FieldError::Observation { fault, row, other: None, message: message.into() }
}

/// Squares standard deviations to variances.
fn squares(deviations: &[f64]) -> Result<Vec<f64>, FieldError> {
    let square = |(row, sd): (usize, &f64)| match sd.is_finite() && *sd >= 0.0 {
        true => Ok(sd * sd),
        false => {
            Err(refused(Some(row), format!("sd {sd}: it must be 0 or a positive finite number")))
        }
    };
    deviations.iter().enumerate().map(square).collect()
}

/// Repeats one deviation for all values of an observation.
fn repeated(deviation: f64, count: usize) -> Result<Vec<f64>, FieldError> {
    match deviation.is_finite() && deviation >= 0.0 {
        true => Ok(vec![deviation * deviation; count]),
        false => {
            Err(refused(None, format!("sd {deviation}: it must be 0 or a positive finite number")))
        }
    }
}

/// Refuses values that are not finite.
fn finite(values: &[f64]) -> Result<(), FieldError> {
    match values.iter().position(|v| !v.is_finite()) {
        Some(row) => Err(refused(Some(row), format!("the value {} is no number", values[row]))),
        None => Ok(()),
    }
}

/// Refuses a channel beyond the last.
fn channel_of(row: Option<usize>, channel: usize, channels: usize) -> Result<(), FieldError> {
    match channel < channels {
        true => Ok(()),
        false => Err(faulty(
            Fault::Channel,
            row,
            format!("channel {channel} of fields that have {channels}, counted from 0"),
        )),
    }
}

/// Refuses a field of another box than the one that is sampled.
fn same_box(own: &Grid, grid: &Grid) -> Result<(), FieldError> {
    match own.same_box(grid) {
        true => Ok(()),
        false => Err(FieldError::GridMismatch {
            what: "an observed field and the box of the model",
            left: *own,
            right: *grid,
        }),
    }
}

#[cfg(test)]
mod tests;
