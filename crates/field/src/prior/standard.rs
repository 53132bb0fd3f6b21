//! White noise per cell: the finite-dimensional baseline.
//!
//! Diffusion models for pixels use it. It has no limit function, because every refinement draws
//! independent numbers. It is included for comparison, and [`Prior::is_nested`] is false for it.

use serde::{Deserialize, Serialize};

use crate::{Grid, Mode, Prior};

/// Independent standard normals in the *cells* of the grid, λ_k = N^{−d} = 1/cells.
///
/// **Normalisation** The variance is exactly 1 in every cell, so the trace is 1 on every grid. This
/// includes the part that the modes leave out (the Nyquist of even periodic axes).
///
/// **Choosing** Only as a baseline: the restriction of its field on 2N cells is not its field on N
/// cells, neither path-wise nor in law.
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
