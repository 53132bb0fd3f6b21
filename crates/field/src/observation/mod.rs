//! Observations: what is known of a function besides its law, y = A u + e with e ~ N(0, R).
//!
//! | kind | y |
//! |---|---|
//! | [`Points`] | values at places of the box |
//! | [`Mask`] | the known cells of a field on a grid |
//! | [`Coarse`] | a field on a coarser grid, by its modes or by cell averages |
//! | [`Blur`] | a field seen through a Gaussian point spread |
//! | [`Rays`] | integrals along straight lines |
//! | [`Mean`] | the mean of a channel over the box |
//! | [`Fraction`] | the part of the box where a channel exceeds a threshold |
//! | [`Sparse`] | a sparse matrix times the cells of a field |
//!
//! An [`Observation`] speaks of functions, so it means the same on every grid; [`Observation::on`]
//! gives its [`Operator`] on the coefficients of one grid. [`Observations`] are several together.
//! How they steer a sampler is the matter of [`crate::guidance`].

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

/// Measured numbers and what they measure, in the units of the data's files.
pub trait Observation: Debug + Send + Sync {
    /// Name of the kind, as tables and files write it.
    fn kind(&self) -> &'static str;

    /// y, one number an observation.
    fn values(&self) -> &[f64];

    /// The same observation of another field, which gave these values.
    fn with_values(&self, values: Vec<f64>) -> Arc<dyn Observation>;

    /// Diagonal of R: the variance of each number's error; 0 where it is exact.
    fn variances(&self) -> &[f64];

    /// Whether A is linear.
    fn is_linear(&self) -> bool {
        true
    }

    /// The grid that fields must hold to be observed in full; none where any grid does.
    fn needs(&self) -> Option<Grid> {
        None
    }

    /// Where single places are observed: the place, its channel, the value.
    fn places(&self) -> Vec<([f64; MAX_DIM], usize, f64)> {
        Vec::new()
    }

    /// A on the coefficients of fields of so many channels on one grid.
    ///
    /// # Errors
    /// [`FieldError::Observation`] for a channel that is not there or a place outside the box.
    fn on(&self, grid: &Grid, channels: usize) -> Result<Arc<dyn Operator>, FieldError>;
}

/// A on one grid: from coefficients `[channel, mode]` to m numbers.
pub trait Operator: Debug + Send + Sync {
    /// m.
    fn rows(&self) -> usize;

    /// A u.
    fn apply(&self, modes: &[f64]) -> Vec<f64>;

    /// A* v, with ⟨A u, v⟩ = ⟨u, A* v⟩: coefficients are orthonormal, so this is the transposed matrix.
    /// Of a nonlinear operator the adjoint lives in [`Operator::linearised`].
    fn adjoint(&self, weights: &[f64]) -> Vec<f64>;

    /// diag of A diag(v) A* where that matrix is diagonal, for variances v `[channel, mode]`.
    fn diagonal(&self, _variances: &[f64]) -> Option<Vec<f64>> {
        None
    }

    /// g where A A* = g: rows that are orthogonal and of one length.
    fn gain(&self) -> Option<f64> {
        None
    }

    /// Whether a product costs as much as a dense matrix; otherwise it costs a transform.
    fn is_dense(&self) -> bool {
        false
    }

    /// Of a nonlinear operator: E[A(u + ζ)] and E[A′(u + ζ)] for Gaussian ζ of this point-wise standard
    /// deviation, one a channel. `None` where A is linear.
    fn linearised(&self, _modes: &[f64], _spread: &[f64]) -> Option<Linearised> {
        None
    }
}

/// A nonlinear operator near one field.
#[derive(Debug, Clone)]
pub struct Linearised {
    /// E[A(u + ζ)].
    pub values: Vec<f64>,
    /// Rows of E[A′(u + ζ)], each `[channel, mode]`.
    pub rows: Vec<Vec<f64>>,
}

/// What can be wrong with an observation, by what can be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Two values at one place.
    Twice,
    /// A place outside the box.
    Outside,
    /// Channels that are not there.
    Channel,
    /// A part that is none.
    Part,
    /// A finer grid than the one that is sampled.
    Finer,
    /// It is determined by those before it.
    Redundant,
    /// An error is needed, and it has none.
    Exact,
    /// Numbers that are none, or mean nothing.
    Numbers,
}

/// An error of the observation number `row`, counted from 0, or of all of them.
fn refused(row: Option<usize>, message: impl Into<String>) -> FieldError {
    faulty(Fault::Numbers, row, message)
}

/// The same of a kind.
fn faulty(fault: Fault, row: Option<usize>, message: impl Into<String>) -> FieldError {
    FieldError::Observation { fault, row, other: None, message: message.into() }
}

/// Standard deviations as variances.
fn squares(deviations: &[f64]) -> Result<Vec<f64>, FieldError> {
    let square = |(row, sd): (usize, &f64)| match sd.is_finite() && *sd >= 0.0 {
        true => Ok(sd * sd),
        false => {
            Err(refused(Some(row), format!("sd {sd}: it must be 0 or a positive finite number")))
        }
    };
    deviations.iter().enumerate().map(square).collect()
}

/// A number for the whole of an observation, as many times as it has values.
fn repeated(deviation: f64, count: usize) -> Result<Vec<f64>, FieldError> {
    match deviation.is_finite() && deviation >= 0.0 {
        true => Ok(vec![deviation * deviation; count]),
        false => {
            Err(refused(None, format!("sd {deviation}: it must be 0 or a positive finite number")))
        }
    }
}

/// Refuses numbers that are none.
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
