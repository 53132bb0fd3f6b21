//! What can be wrong with a structure a caller asks for.

use karhunen_field::{FieldError, Grid};

/// Errors of this crate; each message carries the values and the inequality that failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SimulateError {
    /// A parameter outside the range where the physics means anything.
    #[error("{structure}: {parameter} = {value}; it must be {requirement}")]
    Parameter {
        /// Name of the structure.
        structure: &'static str,
        /// Name of the parameter as in a configuration.
        parameter: &'static str,
        /// Value given.
        value: f64,
        /// What it must satisfy.
        requirement: &'static str,
    },
    /// The box is so small that the uniform mixture is stable in it.
    #[error(
        "spinodal: nothing separates in the box of {grid}: its longest wave has wave number {lowest}, \
         but only those below √(1 − 3·composition²) / width = {cutoff} grow; decrease width"
    )]
    Stable {
        /// The grid whose box it is.
        grid: Grid,
        /// Smallest non-zero |ω| of the box.
        lowest: f64,
        /// Largest growing |ω|.
        cutoff: f64,
    },
    /// Interfaces so thin that resolving them takes more cells than is sensible.
    #[error(
        "{structure}: interfaces take cells of {spacing} to be resolved, {cells} of them on the box \
         of {grid}, and at most {limit} are simulated; increase width"
    )]
    TooThin {
        /// Name of the structure.
        structure: &'static str,
        /// The grid asked for.
        grid: Grid,
        /// Length of a cell that resolves the interfaces.
        spacing: f64,
        /// Cells that would take.
        cells: f64,
        /// Most there may be.
        limit: usize,
    },
    /// A box whose functions vanish at its walls, which structures do not.
    #[error(
        "{structure}: structures do not vanish at walls, but functions on {grid} with boundaries {boundaries} do; choose periodic or neumann",
        boundaries = .grid.boundaries()
    )]
    Walls {
        /// Name of the structure.
        structure: &'static str,
        /// The grid asked for.
        grid: Grid,
    },
    /// A box that the equation is not posed on.
    #[error("{structure}: the equation {needs}; asked for on {grid} with boundaries {boundaries}", boundaries = .grid.boundaries())]
    Box {
        /// Name of the structure.
        structure: &'static str,
        /// The grid asked for.
        grid: Grid,
        /// What it needs instead.
        needs: &'static str,
    },
    /// Iterations did not arrive at a solution.
    #[error(
        "{structure}: conjugate gradients are at a relative residual of {residual:.1e} after {iterations} iterations; \
         the coefficient's contrast is too large"
    )]
    NotSolved {
        /// Name of the structure.
        structure: &'static str,
        /// Relative residual.
        residual: f64,
        /// Iterations done.
        iterations: usize,
    },
    /// A number became NaN or infinite.
    #[error("{structure}: field {index} of seed {seed} became non-finite at time {time}")]
    NonFinite {
        /// Name of the structure.
        structure: &'static str,
        /// Seed of the run.
        seed: u64,
        /// Number of the field.
        index: u64,
        /// Simulated time.
        time: f64,
    },
    /// The mathematics underneath refused.
    #[error(transparent)]
    Field(#[from] FieldError),
}

/// `Ok` if `holds`, else the parameter error with these values.
pub(crate) fn require(
    holds: bool,
    structure: &'static str,
    parameter: &'static str,
    value: f64,
    requirement: &'static str,
) -> Result<(), SimulateError> {
    if holds {
        Ok(())
    } else {
        Err(SimulateError::Parameter { structure, parameter, value, requirement })
    }
}
