//! White noise per cell: the finite-dimensional baseline.
//!
//! It is what diffusion models for pixels use, and no function in the limit: every refinement
//! brings independent numbers. Here to be compared with, flagged by [`Prior::is_nested`].

use serde::{Deserialize, Serialize};

use crate::{Grid, Mode, Prior};

/// Independent standard normals in the *cells* of whatever grid asks, λ_k = N^{−d} = 1/cells.
///
/// **Normalisation** variance exactly 1 in every cell, so trace 1 on every grid, including what
/// the modes leave out (the Nyquist of even periodic axes).
///
/// **Choosing** only as the baseline: restricting its 2N-field does not give its N-field, neither
/// path-wise nor in law.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standard {}

impl Standard {
    /// White noise of unit variance per cell.
    pub fn new() -> Self {
        Self {}
    }
}

impl Prior for Standard {
    fn eigenvalue(&self, mode: &Mode) -> f64 {
        1.0 / mode.cells as f64
    }

    fn is_nested(&self) -> bool {
        false
    }

    fn trace(&self, _grid: &Grid) -> f64 {
        1.0
    }
}
