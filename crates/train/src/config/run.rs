//! A run as its user writes it down: one TOML file, every key with a default.
//!
//! Unknown keys are errors that name the nearest known one. The resolved configuration (every
//! default filled in) is stored inside each checkpoint, so a model directory explains itself.
//!
//! This file is long: every key stands beside its default and its check.

use std::path::Path;

use karhunen_field::{Boundaries, Boundary, Grid};
use karhunen_net::NetworkConfig;
use serde::{Deserialize, Serialize};

use crate::TrainError;
use crate::config::hold_out::{self, HoldOut};
use crate::config::path::PathConfig;
use crate::config::phases;
use crate::config::prior::PriorConfig;
use crate::config::settings::{apply, explain, parse};
use crate::config::sources::Sources;
use crate::data::augment::{self, Augment, Augmentation};
use crate::data::conditions::{self, ConditionConfig};
use crate::data::labels;
use crate::data::missing::MissingValues;
use crate::run::averages;

use crate::config::phases::PhasesConfig;
use crate::config::sampling::SamplingConfig;
use crate::config::training::{Rate, Switching, TimeDensity, TrainingConfig};

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
        }
    }
}

/// `[data]`: where the functions come from and how they reach the finest level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// A file, a folder of images, or `builtin:` and `spinodal`, `grains`, `fitzhugh-nagumo`, `shapes`, `poisson`,
    /// `helmholtz`, `darcy` or `navier-stokes` (periodic);
    /// a list of files becomes one data set, their fields side by side as channels.
    pub source: Sources,
    /// A file of class labels, one a field of `source` in its order, or a table (CSV) of names and labels: the model learns the law of each
    /// class. `builtin:shapes` brings its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<String>,
    /// Numbers that fields may be asked for: a table (CSV) with a line of names and a line a field of `source`, or
    /// `"volume-fraction"`, measured of the phases of every field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<String>,
    /// Fields that are given when a field is sampled: a list of files whose fields stand beside those of
    /// `source`, or of channels of `source`. The model learns the law of the other channels given these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<ConditionConfig>,
    /// Held-out fields from files of their own; otherwise a part of `source` is held out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_source: Option<Sources>,
    /// The labels of `validation_source`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_labels: Option<String>,
    /// Boundary condition: `"neumann"`, `"periodic"`, `"dirichlet"`, or a list of one an axis.
    pub boundary: Boundaries,
    /// Motions of training fields that their law allows: a list of `"shift"` (along periodic axes), `"mirror"` and `"rotate"` (by
    /// right angles), each for all axes or, as `"shift:0,1"`, for some; `"auto"`, or left out: shifts along the
    /// periodic axes along which mean and variance of the data do not vary.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "augment::asked")]
    pub augment: Option<Vec<Augment>>,
    /// Cells of random patches cut from large images or volumes, as `128x128`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch: Option<String>,
    /// Fields to make (built-in data), patches to cut, or at most this many fields of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<usize>,
    /// Fraction held out for validation.
    pub validation: f64,
    /// Slices left out on both sides of a validation block of a stack or of one volume; fewer where
    /// there are few.
    pub gap: usize,
    /// Which part is held out: `"shuffled"`, `{ blocks = 4 }`, `{ axis = 0, blocks = 4 }`,
    /// `{ axis = 0, at = [0.2, 0.7] }`; chosen from the data if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_out: Option<HoldOut>,
    /// Distance of the source's cells along each axis, in any unit; the file's own if left out, one
    /// for all axes where it tells none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spacing: Option<Vec<f64>>,
    /// Lengths of the box relative to its first axis: cells times spacing of the source if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lengths: Option<Vec<f64>>,
    /// How fields reach the finest level's grid from a finer one.
    pub resample: Resample,
    /// Channels of an array whose shape leaves it open; of `builtin:fitzhugh-nagumo`, 1 (u) or 2 (u and
    /// v, the default).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<usize>,
    /// Whether the channels of an array are its last axis, as in `(N, X, Y, C)`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub channels_last: bool,
    /// Dimension of an array whose shape leaves it open; unless told otherwise that of `patch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dim: Option<usize>,
    /// Fields of labels: the number of phases, the labels, or their names, as `{ pore = 0, grain = 255 }`.
    /// The model learns the signed distance to the interface, and sampling gives labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phases: Option<PhasesConfig>,
    /// Width w of φ = tanh(d / w), in cells of the finest level; 1.5 unless told otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface_width: Option<f64>,
    /// What becomes of missing values: `"mask"`, `"drop"` or `"fill:VALUE"`; they are refused otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<MissingValues>,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            source: "builtin:spinodal".into(),
            labels: None,
            attributes: None,
            condition: None,
            validation_source: None,
            validation_labels: None,
            boundary: Boundary::Neumann.into(),
            augment: None,
            patch: None,
            count: None,
            validation: 0.1,
            gap: 8,
            hold_out: None,
            spacing: None,
            lengths: None,
            resample: Resample::Spectral,
            channels: None,
            channels_last: false,
            dim: None,
            phases: None,
            interface_width: None,
            missing: None,
        }
    }
}

/// How measured fields are brought to the finest level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resample {
    /// Drop the modes the grid does not hold; commutes with everything else here.
    Spectral,
    /// Average over cells.
    Area,
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
    /// Reads a file and applies `key=value` settings such as `training.steps=200` on top.
    ///
    /// # Errors
    /// [`TrainError::Read`] if the file, or a table it names, cannot be read; [`TrainError::Config`] with the place and,
    /// for an unknown key, the nearest known one.
    pub fn load(path: Option<&Path>, settings: &[String]) -> Result<Self, TrainError> {
        let mut table = toml::Table::new();
        let place = path.map_or("settings".to_string(), |p| p.display().to_string());
        if let Some(path) = path {
            let text = std::fs::read_to_string(path)
                .map_err(|source| TrainError::Read { path: path.into(), source })?;
            table = parse(&text, &place)?;
        }
        for setting in settings {
            apply(&mut table, setting)?;
        }
        let mut config = Self::from_table(table, &place)?;
        config.prior.resolve(path)?;
        Ok(config)
    }

    /// The same configuration with `key=value` settings on top.
    ///
    /// # Errors
    /// As [`RunConfig::from_table`].
    pub fn with(&self, settings: &[String]) -> Result<Self, TrainError> {
        let mut table = parse(&self.to_toml(), "settings")?;
        settings.iter().try_for_each(|setting| apply(&mut table, setting))?;
        Self::from_table(table, "settings")
    }

    /// From an already parsed table; `place` names it in errors.
    ///
    /// # Errors
    /// [`TrainError::Config`].
    pub fn from_table(mut table: toml::Table, place: &str) -> Result<Self, TrainError> {
        if let Some(toml::Value::Table(network)) = table.get_mut("network") {
            let kind = network_kind(network);
            network.entry("kind").or_insert_with(|| kind.into());
        }
        if let Some(decay) =
            table.get("training").and_then(|t| t.get("ema")).filter(|e| e.is_float())
        {
            let message = format!(
                "training.ema = {decay}: it is a list of relative lengths, such as [0.05, 0.1]; a decay d over N steps is about the length 1 / ((1 - d) N)"
            );
            return Err(TrainError::Config { place: place.to_string(), message });
        }
        let untold = !table.contains_key("levels");
        let mut config: Self = table.try_into().map_err(|e: toml::de::Error| {
            TrainError::Config { place: place.to_string(), message: explain(&e.to_string()) }
        })?;
        if untold && config.data.source.builtin().is_none() {
            // the data will tell them
            config.levels.clear();
        }
        config.check(place, untold)?;
        Ok(config)
    }

    /// As TOML, every default filled in.
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self)
            .expect("a configuration holds only numbers, strings and tables")
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

    fn check(&self, place: &str, untold: bool) -> Result<(), TrainError> {
        labels::check(&self.data, place)?;
        conditions::check(&self.data, place)?;
        phases::check(&self.data, place)?;
        let t = &self.training;
        let fail = |key: &str, value: String, needs: &str| {
            let message = format!("{key} = {value}: {needs}");
            Err(TrainError::Config { place: place.to_string(), message })
        };
        if t.batch == 0 || t.batch > 1 << 16 {
            return fail("training.batch", t.batch.to_string(), "between 1 and 65536");
        }
        if let Some(pieces) = t.pieces.filter(|n| !(1..=t.batch).contains(n)) {
            let needs = format!("between 1 and training.batch = {}", t.batch);
            return fail("training.pieces", pieces.to_string(), &needs);
        }
        for (key, value) in
            [("training.steps", t.steps), ("training.validation_fields", t.validation_fields)]
        {
            if value == 0 {
                return fail(key, "0".into(), "at least 1");
            }
        }
        if t.switching == Switching::Automatic && t.seconds.is_some() {
            let value = "\"automatic\"".into();
            return fail(
                "training.switching",
                value,
                "a budget in training.steps, not in seconds: what a step costs is decided on the way",
            );
        }
        let bad = |l: &f64| !(averages::SHORTEST..=averages::LONGEST).contains(l);
        let again = |(i, l): (usize, &f64)| t.ema[..i].contains(l);
        let few = (1..=averages::MOST).contains(&t.ema.len());
        if !few || t.ema.iter().any(bad) || t.ema.iter().enumerate().any(again) {
            let needs = "one to eight relative lengths between 0.005 and 0.28, each once";
            return fail("training.ema", format!("{:?}", t.ema), needs);
        }
        if matches!(self.network, NetworkConfig::Nested(_)) && self.prior == PriorConfig::Standard {
            let needs = "a nested network takes noise that is one function on every grid; \"flat\" is white on the trained band";
            return fail("prior.kind", "\"standard\"".into(), needs);
        }
        if !(1..=MOST_SNAPSHOTS).contains(&t.snapshots) {
            return fail("training.snapshots", t.snapshots.to_string(), "between 1 and 64");
        }
        if let Some((key, value, needs)) = hold_out::complaint(&self.data) {
            return fail(key, value, needs);
        }
        if let Some(count) = self.data.count.filter(|count| *count < 2) {
            return fail("data.count", count.to_string(), "at least 2, or leave it out");
        }
        if let TimeDensity::LogNormal { mean, deviation }
        | TimeDensity::Modes { mean, deviation, .. } = t.time_density
            && !(mean.is_finite() && deviation.is_finite() && deviation > 0.0)
        {
            let value = format!("mean {mean}, deviation {deviation}");
            return fail("training.time_density", value, "finite, the deviation positive");
        }
        if let TimeDensity::Modes { weight, .. } = t.time_density
            && !(0.0..=1.0).contains(&weight)
        {
            return fail("training.time_density.weight", weight.to_string(), "between 0 and 1");
        }
        let positive = [
            ("training.learning_rate", t.learning_rate),
            ("training.clip", t.clip),
            ("training.checkpoint_seconds", t.checkpoint_seconds),
            ("training.seconds", t.seconds.unwrap_or(1.0)),
        ];
        for (key, value) in positive {
            if !(value.is_finite() && value > 0.0) {
                return fail(key, value.to_string(), "a positive number");
            }
        }
        let fractions = [
            ("training.warmup", t.warmup),
            ("training.replay", t.replay),
            ("training.label_dropout", t.label_dropout),
            ("training.weight_decay", t.weight_decay),
            ("data.validation", self.data.validation),
        ];
        for (key, value) in fractions {
            if !(0.0..1.0).contains(&value) {
                return fail(key, value.to_string(), "at least 0 and below 1");
            }
        }
        if let Rate::Trapezoid { cooldown } = t.rate
            && !(0.0..=1.0 - t.warmup).contains(&cooldown)
        {
            let needs = "at least 0, and with the warm-up at most 1";
            return fail("training.rate.cooldown", cooldown.to_string(), needs);
        }
        for level in &self.levels {
            if !(level.share.is_finite() && level.share > 0.0) {
                return fail("levels.share", level.share.to_string(), "a positive number");
            }
        }
        if untold && self.levels.is_empty() {
            return Ok(());
        }
        let grids = self.grids()?;
        match Augmentation::new(self.data.augment.as_deref().unwrap_or_default(), &grids) {
            Ok(_) => Ok(()),
            Err(message) => Err(TrainError::Motion {
                place: place.to_string(),
                message: format!("data.augment: {message}"),
            }),
        }
    }
}

/// The network that a table without `kind` means: `"fno"` if it holds a key of that network alone, as
/// files had before there was a choice, and the default otherwise.
fn network_kind(network: &toml::Table) -> &'static str {
    const FNO: [&str; 8] = [
        "modes",
        "layers",
        "oversampling",
        "projection",
        "padding",
        "local",
        "reach",
        "conditioning",
    ];
    let one_width = network.get("width").is_some_and(toml::Value::is_integer);
    if one_width || FNO.iter().any(|key| network.contains_key(*key)) { "fno" } else { "nested" }
}

/// Snapshots of a run, at most.
const MOST_SNAPSHOTS: usize = 64;

/// Cells of the largest grid that text may name, 2^40.
const MOST_CELLS: f64 = (1u64 << 40) as f64;

/// Cells per axis from text such as `64`, `64x48` or `32x32x32`.
///
/// # Errors
/// A sentence saying what was wrong.
pub fn parse_points(text: &str) -> Result<Vec<usize>, String> {
    let parts: Result<Vec<usize>, _> = text.split('x').map(|p| p.trim().parse()).collect();
    match parts {
        Ok(points) if points.iter().map(|&n| n as f64).product::<f64>() > MOST_CELLS => {
            Err(format!("`{text}` has more than 2^40 cells"))
        }
        Ok(points) if (1..=3).contains(&points.len()) && !points.contains(&0) => Ok(points),
        _ => Err(format!("`{text}` is no grid; write 1 to 3 cell counts such as 64x48")),
    }
}

#[cfg(test)]
mod tests {
    use karhunen_net::{FnoConfig, UNetConfig};

    use super::*;

    #[test]
    fn a_resolved_configuration_reads_back_as_itself() {
        let config = RunConfig::default();
        let back = RunConfig::from_table(config.to_toml().parse().unwrap(), "text").unwrap();
        assert_eq!(config, back);
    }

    #[test]
    fn files_from_before_a_key_existed_mean_what_they_meant() {
        let config = RunConfig::load(None, &["network.oversampling=2".into()]).unwrap();
        let text = config.to_toml();
        assert_eq!(RunConfig::from_table(text.parse().unwrap(), "text").unwrap(), config);
        let older = text.replace("oversampling = 2\n", "");
        assert!(older.len() < text.len());
        let back = RunConfig::from_table(older.parse().unwrap(), "text").unwrap();
        let fno = NetworkConfig::Fno(FnoConfig::default());
        assert_eq!(back, RunConfig { network: fno, ..RunConfig::default() });
    }

    #[test]
    fn settings_reach_into_tables() {
        let set = |s: &[&str]| {
            let owned: Vec<String> = s.iter().map(|s| s.to_string()).collect();
            RunConfig::load(None, &owned)
        };
        let config =
            set(&["training.steps=7", "data.source=a b.npy", "network.modes=[4]"]).unwrap();
        assert_eq!(config.training.steps, 7);
        assert_eq!(config.data.source, Sources::from("a b.npy"));
        let network = FnoConfig { modes: vec![4], ..FnoConfig::default() };
        assert_eq!(config.network, NetworkConfig::Fno(network));
        let unet = set(&["network.kind=unet", "network.channels=8"]).unwrap().network;
        let expected = UNetConfig { channels: 8, ..UNetConfig::default() };
        assert_eq!(unet, NetworkConfig::Unet(expected));
        let error = set(&["network.kind=unet", "network.widht=8"]).unwrap_err();
        assert!(error.to_string().contains("unknown key `network.widht`"), "{error}");
        assert!(set(&["training"]).is_err());
    }

    #[test]
    fn unknown_keys_name_the_nearest_known_one() {
        let error = RunConfig::load(None, &["training.lerning_rate=1".into()]).unwrap_err();
        assert!(error.to_string().contains("did you mean `learning_rate`"), "{error}");
        let error = RunConfig::load(None, &["sed=1".into()]).unwrap_err();
        assert!(error.to_string().contains("did you mean `seed`"), "{error}");
    }

    #[test]
    fn levels_must_climb() {
        let text = "levels = [{grid = \"32x32\", share = 1}, {grid = \"16x16\", share = 1}]";
        let error = RunConfig::from_table(text.parse().unwrap(), "text").unwrap_err();
        assert!(error.to_string().contains("coarse first"), "{error}");
    }
}
