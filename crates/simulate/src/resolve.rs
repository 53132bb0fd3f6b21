//! The grid a structure is made on: fine enough for its thinnest length, restricted afterwards.
//!
//! A structure belongs to its box. On a grid too coarse to hold it, point values would be aliased
//! and a solver wrong, so it is made on a refined grid and its modes are cut.

use karhunen_field::resample::copy_modes;
use karhunen_field::{Grid, Transform};

use crate::SimulateError;

/// Most cells a structure is made on: half a gigabyte a buffer.
const MOST_CELLS: usize = 1 << 26;

/// `grid` with every axis refined to at least one cell per `spacing`; its box must have functions
/// that do not vanish at the walls.
pub(crate) fn resolved(
    structure: &'static str,
    grid: &Grid,
    spacing: f64,
) -> Result<Grid, SimulateError> {
    if !grid.holds_constants() {
        return Err(SimulateError::Walls { structure, grid: *grid });
    }
    let needed: Vec<f64> = grid
        .axes()
        .iter()
        // the tolerance keeps a spacing of 1/63 of the box at 63 cells
        .map(|a| (a.length / spacing * (1.0 - 1e-12)).ceil().max(a.points as f64))
        .collect();
    let cells: f64 = needed.iter().product();
    if cells > MOST_CELLS as f64 {
        let (grid, limit) = (*grid, MOST_CELLS);
        return Err(SimulateError::TooThin { structure, grid, spacing, cells, limit });
    }
    Ok(grid.with_points(&needed.iter().map(|&n| n as usize).collect::<Vec<_>>())?)
}

/// Point values on `grid` of a function known by its modes on a grid at least as fine.
pub(crate) fn restrict(resolved: &Transform, modes: &[f64], grid: &Grid) -> Vec<f64> {
    let mut values = vec![0.0; grid.len()];
    if resolved.grid() == grid {
        resolved.synthesise(modes, &mut values);
    } else {
        let mut kept = vec![0.0; grid.mode_count()];
        copy_modes(resolved.grid(), modes, grid, &mut kept);
        Transform::new(*grid).synthesise(&kept, &mut values);
    }
    values
}
