//! Generated fields against real ones: are they as real fields are, and by how much not?
//!
//! An evaluation goes step by step:
//!
//! 1. Real fields are prepared as a model's training data were ([`prepare`]). Only what the model has not seen
//!    is used ([`kin`]).
//! 2. Samples come to the same grid. Baselines stand beside them ([`rows`]).
//! 3. Statistics are measured in units of their floors ([`table`], [`ranking`]).
//! 4. The rest follows as far as it is asked for: copies of training fields ([`memorisation`]), a network that
//!    learns to tell the two apart ([`mod@distinguish`]), what a classifier reads ([`readings`]), phases
//!    ([`phases`]), and diversity, clusters and increments ([`beyond`]).
//!
//! A **floor** is the distance that 95 of 100 pairs of sets of real fields of the same sizes stay below.
//!
//! Not here: the statistics themselves (`karhunen_field::metrics`), pictures, the terminal.

pub mod baselines;
pub mod beyond;
pub mod card;
pub mod compare;
pub mod distinguish;
pub mod error;
pub mod evaluation;
pub mod kin;
pub mod memorisation;
pub mod native;
pub mod options;
pub mod phase_fields;
pub mod phases;
pub mod prepare;
pub mod progress;
pub mod ranking;
pub mod readings;
pub mod real;
pub mod rows;
pub mod slope;
pub mod table;
mod tasks;

pub use beyond::Cut;
pub use compare::{Compared, compare};
pub use distinguish::Effort;
pub use error::EvaluateError;
pub use evaluation::{EvaluateOptions, Evaluation, Given, Ready, evaluate, ready, ready_beside};
pub use native::Native;
pub use options::{Memorisation, Part, ReferenceOptions};
pub use phase_fields::Segmentation;
pub use prepare::{Found, Like, read_samples, reference_for, same_boundary};
pub use progress::{Progress, Task};
pub use rows::Rows;
