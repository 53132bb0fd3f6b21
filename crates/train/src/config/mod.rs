//! A run as its user writes it down: one TOML file, every key with a default, and what values are allowed.

pub mod augment;
pub mod condition;
pub mod data;
mod data_rules;
pub mod distilled;
pub(crate) mod earlier;
pub mod hold_out;
pub mod length;
pub mod missing;
pub mod path;
pub mod phases;
pub mod prior;
mod read;
mod rules;
pub mod run;
pub mod sampling;
pub mod settings;
pub mod sources;
pub mod spectrum_table;
pub mod training;

pub use data::{DataConfig, Resample, parse_points};
pub use data_rules::check_labels;
pub use distilled::DistilledConfig;
pub use length::{Length, Switching};
pub use path::PathConfig;
pub use phases::{INTERFACE_WIDTH, PhasesConfig};
pub use prior::PriorConfig;
pub use run::{LevelConfig, RunConfig};
pub use sampling::{
    CalibrationKind, DEFAULT_SAMPLER, DEFAULT_SHARPNESS, SHARPNESS_RANGE, SamplingConfig,
};
pub use training::{OptimizerKind, Rate, TimeDensity, TrainingConfig};
