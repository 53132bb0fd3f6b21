//! A run as its user writes it down: one TOML file, every key with a default, and what values are allowed.

pub mod hold_out;
pub mod path;
pub mod phases;
pub mod prior;
pub mod run;
pub mod sampling;
pub mod settings;
pub mod sources;
pub mod spectrum_table;
pub mod training;

pub use path::PathConfig;
pub use phases::{INTERFACE_WIDTH, PhasesConfig};
pub use prior::PriorConfig;
pub use run::{DataConfig, LevelConfig, Resample, RunConfig, parse_points};
pub use sampling::{CalibrationKind, SamplingConfig};
pub use training::{Rate, Switching, TimeDensity, TrainingConfig};
