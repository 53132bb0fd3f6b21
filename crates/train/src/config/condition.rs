//! `data.attributes` and `data.condition` of a run's configuration: what a model can be asked for besides a class.

use serde::{Deserialize, Serialize};

/// `data.attributes` that are measured instead of read.
pub const VOLUME_FRACTION: &str = "volume-fraction";

/// `data.condition`: which fields are given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ConditionConfig {
    /// Channels of the source, counted from 0.
    Channels(Vec<usize>),
    /// Files whose fields stand beside those of the source, one for one.
    Files(Vec<String>),
}
