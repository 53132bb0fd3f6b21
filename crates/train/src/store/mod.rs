//! What lies on the disk: checkpoints, stored averages of the weights, models to give away, locks.

pub(crate) mod arrays;
pub(crate) mod atomic;
pub mod builtin_models;
pub mod checkpoint;
pub mod export;
pub mod lock;
mod open;
pub mod snapshot;
