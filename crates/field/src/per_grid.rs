//! A cache of values that depend on a grid: each is computed when its grid is first used. Nothing is ever
//! dropped from it.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use crate::Grid;

/// A cache with one entry a grid. Clones share what they know.
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Grid, PerGrid, Transform};
/// let (known, grid) = (PerGrid::default(), Grid::unit(&[4], Boundary::Neumann)?);
/// let first = known.get(&grid, || Transform::new(grid));
/// assert_eq!(known.get(&grid, || unreachable!("it is known")).grid(), first.grid());
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
#[derive(Debug)]
pub struct PerGrid<T>(Arc<Mutex<HashMap<Grid, Arc<T>>>>);

impl<T> Default for PerGrid<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Clone for PerGrid<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> PerGrid<T> {
    /// What is kept for a grid, made if there is nothing yet. Other threads wait meanwhile.
    pub fn get(&self, grid: &Grid, make: impl FnOnce() -> T) -> Arc<T> {
        let Ok::<_, Infallible>(kept) = self.try_get(grid, || Ok(make()));
        kept
    }

    /// The same of something that may fail; a failure is not kept.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn try_get<E>(
        &self,
        grid: &Grid,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        // a panic in another thread cannot leave half an entry behind
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = known.get(grid) {
            return Ok(Arc::clone(kept));
        }
        let made = Arc::new(make()?);
        known.insert(*grid, Arc::clone(&made));
        Ok(made)
    }
}

/// Tables of whatever type, by grid and type.
type Kept = HashMap<(Grid, TypeId), Arc<dyn Any + Send + Sync>>;

/// A cache of values of several types, with one entry a grid and type. Clones share what they know.
#[derive(Debug, Clone, Default)]
pub struct Tables(Arc<Mutex<Kept>>);

impl Tables {
    /// What is kept of this type for a grid, made if there is nothing yet. Other threads wait meanwhile, so `make`
    /// must not ask the same cache.
    pub fn get<T: Any + Send + Sync>(&self, grid: &Grid, make: impl FnOnce() -> T) -> Arc<T> {
        let Ok::<_, Infallible>(kept) = self.try_get(grid, || Ok(make()));
        kept
    }

    /// The same of something that may fail; a failure is not kept.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn try_get<T: Any + Send + Sync, E>(
        &self,
        grid: &Grid,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (*grid, TypeId::of::<T>());
        if let Some(Ok(kept)) = known.get(&key).map(|kept| Arc::clone(kept).downcast::<T>()) {
            return Ok(kept);
        }
        let made = Arc::new(make()?);
        known.insert(key, Arc::clone(&made) as Arc<dyn Any + Send + Sync>);
        Ok(made)
    }
}
