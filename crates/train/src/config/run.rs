//! All tables of a run's configuration, their defaults, and the grids of its levels.
//!
//! The resolved configuration (every default filled in) is stored inside each checkpoint, so a model directory explains
//! itself. Not here: how it is read (module `read`), what values are allowed (module `rules`).

use karhunen_field::Grid;
use karhunen_net::{NetworkConfig, Preconditioning};
use serde::{Deserialize, Serialize};

use crate::TrainError;
use crate::config::distilled::DistilledConfig;
use crate::config::path::PathConfig;
use crate::config::prior::PriorConfig;
use crate::config::sampling::{DEFAULT_SAMPLER, DEFAULT_SHARPNESS, SamplingConfig};
use crate::config::training::{OptimizerKind, TrainingConfig};
use crate::config::{DataConfig, parse_points};

/// Everything that determines a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunConfig {
    /// Seed of weights, batches and noise.
    pub seed: u64,
    /// Where the functions come from.
    pub data: DataConfig,
    /// Covariance of the noise.
    pub prior: PriorConfig,
    /// Signal and noise over time.
    pub path: PathConfig,
    /// The network, by `kind`. A table without one is `"nested"`, unless it holds keys of `"fno"` alone.
    pub network: NetworkConfig,
    /// Loss, optimizer, budget.
    pub training: TrainingConfig,
    /// The ladder, coarse first; empty where it is left to the data ([`crate::data::plan`]).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<LevelConfig>,
    /// What `sample` does unless told otherwise.
    pub sampling: SamplingConfig,
    /// Of a model that was distilled from another one: where it is evaluated. No part of a training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distilled: Option<DistilledConfig>,
}

impl Default for RunConfig {
    fn default() -> Self {
        let level = |grid: &str, share| LevelConfig { grid: grid.into(), share };
        Self {
            seed: 0,
            data: DataConfig::default(),
            prior: PriorConfig::Flat,
            path: PathConfig::default(),
            network: NetworkConfig::default(),
            training: TrainingConfig::default(),
            levels: vec![level("16x16", 0.4), level("32x32", 0.3), level("64x64", 0.3)],
            sampling: SamplingConfig::default(),
            distilled: None,
        }
    }
}

/// `[[levels]]`: one rung of the ladder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LevelConfig {
    /// Cells, as `32x32`.
    pub grid: String,
    /// Part of all steps spent here; shares are normalised to their sum.
    pub share: f64,
}

impl RunConfig {
    /// As TOML, every default filled in.
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self)
            .expect("a configuration holds only numbers, strings and tables")
    }

    /// What a new run begins with where nothing is asked for. A run that goes on keeps what it has.
    pub fn begun(&self) -> Self {
        let mut config = self.clone();
        if matches!(config.network, NetworkConfig::Nested(_)) {
            config.training.optimizer.get_or_insert(OptimizerKind::Muon);
        }
        if config.training.preconditioning == Preconditioning::Wiener {
            config.sampling.sharpness.get_or_insert(DEFAULT_SHARPNESS);
        }
        config.sampling.sampler.get_or_insert(DEFAULT_SAMPLER);
        config
    }

    /// Grids of the levels, coarse first, on the box whose first axis has length 1 and whose others
    /// have [`DataConfig::lengths`], or cells that are cubes.
    ///
    /// # Errors
    /// [`TrainError::Config`] for sizes that do not parse, mixed dimensions, boxes of different
    /// shape, or levels out of order.
    pub fn grids(&self) -> Result<Vec<Grid>, TrainError> {
        let fail = |message: String| TrainError::Config { place: "levels".into(), message };
        let last = self.levels.last().ok_or_else(|| fail("there must be at least one".into()))?;
        let sizes = |text: &str| parse_points(text).map_err(&fail);
        let finest = self.data.grid(&sizes(&last.grid)?).map_err(|e| fail(e.to_string()))?;
        let mut grids: Vec<Grid> = Vec::new();
        for level in &self.levels {
            let points = sizes(&level.grid)?;
            if points.iter().any(|&n| n < 2) {
                return Err(fail(format!("{} has an axis of fewer than 2 cells", level.grid)));
            }
            let grid = finest.with_points(&points).map_err(|e| fail(e.to_string()))?;
            if let Some(before) = grids.last()
                && before.axes().iter().zip(grid.axes()).any(|(a, b)| a.points > b.points)
            {
                return Err(fail(format!("{before} comes before {grid}; order them coarse first")));
            }
            grids.push(grid);
        }
        Ok(grids)
    }
}
