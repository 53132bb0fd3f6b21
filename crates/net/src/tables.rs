//! Tables of a grid that a network needs, computed when the grid is first used.
//!
//! All copies of a network share them. The tables themselves (bases, neighbours, plans) are defined
//! elsewhere.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use karhunen_field::Grid;

/// One table for each grid used so far, by its numbers of points.
pub(crate) type Tables<T> = Arc<Mutex<HashMap<Vec<usize>, T>>>;

/// The table of a grid, computed on first use.
pub(crate) fn table<T: Clone, E>(
    tables: &Tables<T>,
    grid: &Grid,
    make: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    let mut tables = tables.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(table) = tables.get(&grid.points()) {
        return Ok(table.clone());
    }
    let made = make()?;
    tables.insert(grid.points(), made.clone());
    Ok(made)
}
