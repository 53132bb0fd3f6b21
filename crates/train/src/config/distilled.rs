//! `[distilled]` of a model's configuration: where it is evaluated, and what it learned from. `karhunen distil` writes
//! it ([`crate::distil`]); a training does not take it.

use serde::{Deserialize, Serialize};

/// A model that was distilled from another one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DistilledConfig {
    /// Hash of the other model, the teacher ([`crate::TrainedModel::fingerprint`]), in sixteen digits.
    pub teacher: String,
    /// The falling path times at which the model is evaluated. It knows no others.
    pub times: Vec<f64>,
    /// Evaluations of the teacher along a trajectory.
    pub along: usize,
    /// Trajectories of the teacher.
    pub trajectories: usize,
    /// Trajectories in memory at a time.
    pub at_a_time: usize,
}

impl DistilledConfig {
    /// What a table that means nothing lacks: key, value, what it needs.
    pub(super) fn fault(&self) -> Option<(&'static str, String, &'static str)> {
        let falling = self.times.windows(2).all(|pair| pair[1] < pair[0]);
        if self.times.is_empty() || !falling || self.times.iter().any(|t| !(*t > 0.0 && *t <= 1.0))
        {
            let needs = "falling times between 0 and 1";
            return Some(("distilled.times", format!("{:?}", self.times), needs));
        }
        if self.along < self.times.len() {
            let needs = "at least as many as there are times";
            return Some(("distilled.along", self.along.to_string(), needs));
        }
        let counts = [
            ("distilled.trajectories", self.trajectories),
            ("distilled.at_a_time", self.at_a_time),
        ];
        let none = counts.into_iter().find(|(_, count)| *count == 0);
        none.map(|(key, _)| (key, "0".into(), "at least 1"))
    }
}
