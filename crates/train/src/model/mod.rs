//! A trained model: how it is built, what it can be asked for, how it samples and what it reads.

pub mod asked;
mod batches;
pub(crate) mod build;
pub mod classes;
pub mod classifier;
mod distilled;
pub mod distinguish;
pub(crate) mod kept;
pub mod larger;
pub mod likelihood;
mod pilots;
pub mod posterior;
mod prior;
pub mod request;
pub mod sampling;
pub mod stop;
pub mod trained;
pub mod watch;

pub use build::{build_model, check_model, set};
