//! The errors of this crate: operands and geometries that an operator refuses.

use crate::plan::convolution::ConvShape;
use crate::plan::oversampling::MOST_POINTS;
use crate::plan::spectral::{MOST_CELLS, MOST_MODES};
use crate::plan::stencil::StencilAxis;

/// Errors of this crate.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// A tensor or array whose shape does not fit the other operands.
    #[error("{operator}: {operand} has shape {found:?}, the others ask for {expected:?}")]
    Shape {
        /// The operator.
        operator: &'static str,
        /// Which operand.
        operand: &'static str,
        /// Shape that fits.
        expected: Vec<usize>,
        /// Shape found.
        found: Vec<usize>,
    },
    /// A device that the operators do not support, or an unsupported type of numbers.
    #[error(
        "{operator} runs on the flex device in f32, {operand} is of {found}; compose tensor operations"
    )]
    Device {
        /// The operator.
        operator: &'static str,
        /// Which operand.
        operand: &'static str,
        /// What was found.
        found: String,
    },
    /// An instruction set that is unknown or that this CPU lacks.
    #[error(
        "KARHUNEN_SIMD={asked}: this CPU has {available}; name one of these or unset the variable"
    )]
    Level {
        /// The value of the environment variable.
        asked: String,
        /// The valid values.
        available: String,
    },
    /// An invalid window of modes.
    #[error(
        "spectral plan: {points:?} points, {modes:?} modes, periods {periods:?}: one to three axes, as many of each, points at least 1, modes 1 to {MOST_MODES}, periods at least 1, at most 2^{} points and as many modes in the window",
        MOST_CELLS.ilog2()
    )]
    Plan {
        /// Points per axis.
        points: Vec<usize>,
        /// Modes per axis.
        modes: Vec<usize>,
        /// Period over box, per axis.
        periods: Vec<f64>,
    },
    /// An invalid stencil.
    #[error(
        "stencil {axes:?}: one to three axes, each with at least one cell and 1 to 64 offsets of at most 2^20 cells, 2^{} cells in all at most",
        MOST_CELLS.ilog2()
    )]
    Stencil {
        /// The stencil requested.
        axes: Vec<StencilAxis>,
    },
    /// An invalid grid for an oversampled nonlinearity.
    #[error(
        "oversampling of {points:?} points, periodic {periodic:?}: one to three axes of 1 to {MOST_POINTS} points, as many of each, at most 2^{} points in all",
        MOST_CELLS.ilog2()
    )]
    Oversampling {
        /// Points per axis.
        points: Vec<usize>,
        /// Which axes are periodic.
        periodic: Vec<bool>,
    },
    /// An invalid list of matrices, one for each axis.
    #[error(
        "axis maps of shapes [to, from, values] {shapes:?}: one to three, none empty, each with to times from values"
    )]
    AxisMaps {
        /// Rows, columns and number of values of each.
        shapes: Vec<[usize; 3]>,
    },
    /// An invalid convolution.
    #[error(
        "convolution {shape:?}: the kernel's side must be odd and, like the stride, 1 to 63, every side 1 to 2^30 cells and no larger than what it is enlarged to, 2^{} cells in all at most",
        MOST_CELLS.ilog2()
    )]
    Convolution {
        /// The convolution requested.
        shape: ConvShape,
    },
    /// A number of groups that does not divide the channels.
    #[error("{operator}: {channels} channels do not fall into {groups} groups of equal size")]
    Groups {
        /// The operator.
        operator: &'static str,
        /// Channels to normalise.
        channels: usize,
        /// Groups asked for.
        groups: usize,
    },
}
