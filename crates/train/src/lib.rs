//! Multilevel training: data, loss, levels, optimizer, checkpoints, the run loop.
//!
//! Data's way: file → values on the finest grid → normalise → level's grid → path noise → network →
//! loss. A run is a [`config::RunConfig`] and nothing else; its outcome is a directory whose
//! checkpoints are complete models ([`trained::TrainedModel`]).
//!
//! Not here: argument parsing, pictures, progress bars (crate `cli` listens through
//! [`events::Observer`]).

mod arrays;
pub mod asked;
pub mod augment;
pub mod averages;
pub mod batch;
pub mod bench;
mod blocks;
pub mod budget;
pub mod builtin;
pub mod builtin_models;
pub mod checkpoint;
pub mod classes;
pub mod classifier;
pub mod clock;
pub mod conditions;
pub mod config;
pub mod copies;
mod cuts;
pub mod data;
pub mod distinguish;
mod divergence;
mod drift;
mod error;
pub mod events;
pub mod exported;
pub mod extension;
pub mod hold_out;
pub mod holes;
pub mod identity;
mod incomplete;
mod kept;
pub mod known;
pub mod labels;
pub mod larger;
pub mod ledger;
mod level_data;
pub mod level_sets;
pub mod likelihood;
mod loaded;
pub mod lock;
mod loss;
pub mod memory;
pub mod missing;
pub mod model;
mod opened;
pub mod optimizer;
pub mod origin;
pub mod overfitting;
mod parts;
pub mod paths;
pub mod periodic;
pub mod phases;
mod phases_config;
pub mod pieces;
pub mod plan;
pub mod posterior;
pub mod priors;
mod projection;
pub mod published;
mod rate;
pub mod request;
mod resume;
pub mod run;
pub mod sampling;
pub mod sampling_config;
pub mod schedule;
pub mod settings;
mod sides;
mod sides_before;
pub mod snapshots;
pub mod sources;
pub mod spectrum_table;
pub mod statistics;
pub mod stock;
pub mod stop;
pub mod switching;
pub mod tensorboard;
pub mod time_density;
pub mod trained;
pub mod training_config;
pub mod watch;

pub use classes::Classes;
pub use classifier::TrainedClassifier;
pub use config::RunConfig;
pub use distinguish::{Separation, distinguish};
pub use error::TrainError;
pub use exported::Exported;
pub use karhunen_kernels::Level;
pub use run::{Outcome, Run};
pub use sources::Sources;
pub use trained::TrainedModel;
