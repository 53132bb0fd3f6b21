//! Multilevel training: data, loss, levels, optimizer, checkpoints, the run loop.
//!
//! Data's way: file → values on the finest grid → normalise → level's grid → path noise → network →
//! loss. A run is a [`RunConfig`] and nothing else; its outcome is a directory whose
//! checkpoints are complete models ([`TrainedModel`]).
//!
//! Not here: argument parsing, pictures, progress bars (crate `cli` listens through
//! [`events::Observer`]).

pub mod batch;
pub mod bench;
pub mod config;
pub mod data;
pub mod distil;
mod error;
mod import;
pub mod memory;
pub mod model;
pub mod run;
mod store;

pub use batch::pieces;
pub use config::{augment, missing, settings, sources, spectrum_table};
pub use data::{
    builtin, conditions, holes, identity, known, labels, level_sets, origin, periodic, phases,
    plan, statistics, stock,
};
pub use import::published;
pub use model::{
    asked, classes, classifier, distinguish, larger, likelihood, posterior, request, sampling,
    stop, trained, watch,
};
pub use run::{
    averages, budget, clock, copies, events, extension, ledger, optimizer, overfitting, schedule,
    switching, tensorboard,
};
pub use store::{builtin_models, checkpoint, export, lock, snapshot};

pub use config::RunConfig;
pub use config::sources::Sources;
pub use error::TrainError;
pub use karhunen_kernels::Level;
pub use model::classifier::TrainedClassifier;
pub use model::distinguish::{Separation, distinguish};
pub use model::request::Classes;
pub use model::trained::TrainedModel;
pub use run::{Outcome, Run};
pub use store::export::Exported;
