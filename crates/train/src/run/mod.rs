//! The run loop, and what it decides by: levels, steps, rate, budget, validation, files, recovery.
//!
//! A run lives in a directory: `config.toml` (as asked for), `checkpoints/`, `snapshots/`,
//! `events.jsonl`, `ledger.json`. Opening a directory that holds a run of the same configuration goes on where its
//! newest checkpoint stands; batches are functions of (seed, step), so 2N steps and N + N steps
//! give the same bits.

pub mod averages;
pub mod budget;
mod budgeted;
pub mod clock;
mod copied;
pub mod copies;
pub(crate) mod divergence;
pub mod events;
mod extended;
pub mod extension;
pub(crate) mod files;
pub mod ledger;
mod levels;
mod open;
pub mod optimizer;
pub mod overfitting;
mod prepare;
mod previews;
mod ranks;
mod rate;
mod recovery;
pub(crate) mod resume;
pub mod schedule;
mod state;
mod steps;
pub mod switching;
pub mod tensorboard;
pub(crate) mod update;
mod validation;

pub use state::{Asked, Outcome, Run};
