//! What a network needs to know of a grid, made when the grid is first met.
//!
//! Shared by the copies of a network. Not here: what it is (bases, neighbours, plans).

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use karhunen_field::Grid;

/// One table for each grid met so far, by its points.
pub(crate) type Tables<T> = Arc<Mutex<HashMap<Vec<usize>, T>>>;

/// The table of a grid, made if it is the first time.
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
