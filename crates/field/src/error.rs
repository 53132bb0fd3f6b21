//! The errors of this crate: invalid parameters, mismatched grids and failures of the numerics.

use crate::grid::Grid;
use crate::large_box::BoxFault;
use crate::observation::Fault;

/// Errors of this crate. Each message gives the values and the condition that failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FieldError {
    /// A box has no axis, or more than three.
    #[error("a grid has 1, 2 or 3 axes, not {0}")]
    Dimension(usize),
    /// The number of cell counts differs from the number of axes.
    #[error("{given} cell counts for a box of {axes} axes; give one an axis")]
    CellCounts {
        /// Number of counts given.
        given: usize,
        /// Number of axes of the box.
        axes: usize,
    },
    /// An axis without cells, or with a length that is not a positive number.
    #[error(
        "axis {axis} has {points} cells over length {length}; it needs at least one cell and a positive finite length"
    )]
    Axis {
        /// Which axis, counted from 0.
        axis: usize,
        /// Cells requested.
        points: usize,
        /// Physical length requested.
        length: f64,
    },
    /// A list of boundary conditions that does not fit the axes.
    #[error("{conditions} boundary conditions for {axes} axes; give one for all, or one an axis")]
    Boundaries {
        /// Number of conditions given.
        conditions: usize,
        /// Number of axes of the box.
        axes: usize,
    },
    /// A Dirichlet axis too coarse for its lowest sine.
    #[error(
        "axis {axis} has one cell between ends held at zero, which holds no mode; give it at least two, or another boundary condition"
    )]
    NoModes {
        /// Which axis, counted from 0.
        axis: usize,
    },
    /// A buffer that does not hold a whole number of fields on its grid.
    #[error("{values} values do not fill fields of {channels} channel(s) on the grid {grid}")]
    Length {
        /// Number of values given.
        values: usize,
        /// Channels of a field.
        channels: usize,
        /// The grid.
        grid: Grid,
    },
    /// A table with one number per mode that does not fit its grid.
    #[error("{values} mode-wise values, but the grid {grid} holds {modes} modes", modes = .grid.mode_count())]
    Modes {
        /// Number of values given.
        values: usize,
        /// The grid.
        grid: Grid,
    },
    /// A larger box that windows of the trained box cannot cover.
    #[error("axis {axis}: {fault}")]
    LargeBox {
        /// Which axis, counted from 0.
        axis: usize,
        /// What is wrong.
        fault: BoxFault,
    },
    /// Two objects on different grids (or boxes) that must be on the same one.
    #[error("{what}: {} and {} do not match", described(left, right), described(right, left))]
    GridMismatch {
        /// What was attempted.
        what: &'static str,
        /// First grid.
        left: Grid,
        /// Second grid.
        right: Grid,
    },
    /// Area averages only go from fine to coarse.
    #[error("area averages restrict, they do not refine: {from} to {to}; use spectral resampling")]
    AreaRefines {
        /// Grid of the data.
        from: Grid,
        /// Requested grid.
        to: Grid,
    },
    /// A covariance operator whose eigenvalues have no finite sum.
    #[error(
        "{prior} with {parameter} {value} gives no trace-class covariance in dimension {dim}; it must exceed {bound}"
    )]
    NotTraceClass {
        /// Name of the prior.
        prior: &'static str,
        /// The parameter out of range.
        parameter: &'static str,
        /// Its value.
        value: f64,
        /// The bound it must exceed, with its formula.
        bound: String,
        /// Dimension of the box.
        dim: usize,
    },
    /// A parameter outside the range in which the formula is meaningful.
    #[error("{parameter} = {value}: {requirement}")]
    Parameter {
        /// Name as a user knows it.
        parameter: &'static str,
        /// Value given.
        value: f64,
        /// The requirement that it fails.
        requirement: &'static str,
    },
    /// An unknown name.
    #[error("unknown {what} `{name}`; known are {known}")]
    UnknownName {
        /// The kind of thing named.
        what: &'static str,
        /// The name given.
        name: String,
        /// The known names.
        known: String,
    },
    /// Too few fields for a statistic.
    #[error("{what} needs at least {least} fields, got {count}")]
    TooFew {
        /// The statistic.
        what: &'static str,
        /// Smallest number of fields that it needs.
        least: usize,
        /// Number of fields given.
        count: usize,
    },
    /// White noise per cell where the same functions on several grids are required.
    #[error(
        "refining a grid while sampling needs noise that is one function on every grid, which white noise per cell is not; choose a trace-class prior"
    )]
    NotNested,
    /// A number became NaN or infinite.
    #[error("{what} became non-finite at step {step}, time {time}")]
    NonFinite {
        /// Which quantity.
        what: &'static str,
        /// Sampler step.
        step: usize,
        /// Path time.
        time: f64,
    },
    /// An observation that is invalid or carries no information.
    #[error(
        "{}{message}{}",
        numbered("observation ", row, ": "),
        numbered(" (observation ", other, ")")
    )]
    Observation {
        /// The kind of fault.
        fault: Fault,
        /// Index of the number at fault, counted from 0; `None` if it concerns all of them.
        row: Option<usize>,
        /// Index of another number that conflicts with it.
        other: Option<usize>,
        /// Description of the fault.
        message: String,
    },
    /// A linear system that conjugate gradients did not solve.
    #[error(
        "the system of {rows} observations was not solved: residual {residual:.1e} after {iterations} iterations"
    )]
    NotSolved {
        /// Number of observations.
        rows: usize,
        /// Relative residual that remains.
        residual: f64,
        /// Iterations taken.
        iterations: usize,
    },
    /// A denoiser without a derivative, where one is needed.
    #[error("{what} needs the derivative of the denoiser, and this one has none")]
    NoDerivative {
        /// What was attempted.
        what: &'static str,
    },
    /// The caller stopped the run.
    #[error("stopped")]
    Stopped,
    /// A failure inside a denoiser (for example of a network on a device).
    #[error("the denoiser failed: {0}")]
    Denoiser(String),
}

/// A number, counted from 1, between two texts.
fn numbered(before: &str, number: &Option<usize>, after: &str) -> String {
    number.map(|n| format!("{before}{}{after}", n + 1)).unwrap_or_default()
}

/// A grid with the details its display leaves out, if it would otherwise read like the other grid.
fn described(grid: &Grid, other: &Grid) -> String {
    let mut text = grid.to_string();
    if text != other.to_string() {
        return text;
    }
    let lengths = |g: &Grid| g.axes().iter().map(|a| a.length).collect::<Vec<_>>();
    if lengths(grid) != lengths(other) {
        let all: Vec<String> = lengths(grid).iter().map(f64::to_string).collect();
        text.push_str(&format!(" of lengths {}", all.join("x")));
    }
    if grid.boundaries() != other.boundaries() {
        text.push_str(&format!(" ({})", grid.boundaries()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Boundary;

    fn message(left: Grid, right: Grid) -> String {
        FieldError::GridMismatch { what: "a sum", left, right }.to_string()
    }

    #[test]
    fn grids_that_do_not_match_read_differently() {
        let neumann = Grid::unit(&[4, 4], Boundary::Neumann).unwrap();
        let fine = neumann.with_points(&[8, 8]).unwrap();
        assert_eq!(message(neumann, fine), "a sum: 4x4 and 8x8 do not match");
        let periodic = Grid::unit(&[4, 4], Boundary::Periodic).unwrap();
        let expected = "a sum: 4x4 (neumann) and 4x4 (periodic) do not match";
        assert_eq!(message(neumann, periodic), expected);
        let mut axes = neumann.axes().to_vec();
        axes.iter_mut().for_each(|a| a.length = 2.0);
        let wide = Grid::new(&axes).unwrap();
        let expected = "a sum: 4x4 of lengths 1x1 and 4x4 of lengths 2x2 do not match";
        assert_eq!(message(neumann, wide), expected);
    }
}
