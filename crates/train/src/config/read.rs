//! Reads a run's configuration from a file, settings or a table.
//!
//! Unknown keys are errors that name the nearest known one.

use std::path::Path;

use crate::TrainError;
use crate::config::rules;
use crate::config::run::RunConfig;
use crate::config::settings::{apply, explain, parse};

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
        rules::check(&config, place, untold)?;
        Ok(config)
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

#[cfg(test)]
mod tests {
    use karhunen_net::{FnoConfig, NetworkConfig, UNetConfig};

    use crate::config::Length;
    use crate::config::sources::Sources;

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
        assert_eq!(config.training.length, Length::of_steps(7));
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
    fn a_rule_of_several_keys_names_the_one_at_fault() {
        let settings = ["training.seconds=60", "training.switching=automatic"].map(String::from);
        let error = RunConfig::load(None, &settings).unwrap_err().to_string();
        assert!(error.starts_with("settings: training.switching = \"automatic\": "), "{error}");
    }

    #[test]
    fn levels_must_climb() {
        let text = "levels = [{grid = \"32x32\", share = 1}, {grid = \"16x16\", share = 1}]";
        let error = RunConfig::from_table(text.parse().unwrap(), "text").unwrap_err();
        assert!(error.to_string().contains("coarse first"), "{error}");
    }
}
