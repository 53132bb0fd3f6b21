//! The Gaussian path of a configuration.

use std::sync::Arc;

use karhunen_field::path::{Cosine, Flow, Path, VarianceExploding, VariancePreserving};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

/// `[path]`: signal and noise as functions of time, by `kind`. The default is
/// `variance-preserving`.
///
/// | `kind` | keys |
/// |---|---|
/// | `variance-preserving` | `alpha_min`, `alpha_max`, `end` |
/// | `cosine` | `offset`, `end`, `start` |
/// | `variance-exploding` | `sigma_min`, `sigma_max`, `rho` |
/// | `flow` | `end`, `start` |
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Table", into = "Table")]
pub enum PathConfig {
    /// The path of the paper.
    VariancePreserving(VariancePreserving),
    /// Variance preserving, with a cosine as its signal.
    Cosine(Cosine),
    /// The signal stays constant and noise is added.
    VarianceExploding(VarianceExploding),
    /// Data and noise are interpolated linearly.
    Flow(Flow),
}

/// Names in the order of the variants.
const KINDS: [&str; 4] = ["variance-preserving", "cosine", "variance-exploding", "flow"];

impl Default for PathConfig {
    fn default() -> Self {
        Self::VariancePreserving(VariancePreserving::default())
    }
}

impl PathConfig {
    /// a(t), b(t).
    pub fn build(&self) -> Arc<dyn Path> {
        match *self {
            Self::VariancePreserving(path) => Arc::new(path),
            Self::Cosine(path) => Arc::new(path),
            Self::VarianceExploding(path) => Arc::new(path),
            Self::Flow(path) => Arc::new(path),
        }
    }
}

impl TryFrom<Table> for PathConfig {
    type Error = String;

    fn try_from(mut table: Table) -> Result<Self, String> {
        let kind = match table.remove("kind") {
            None => KINDS[0].to_string(),
            Some(Value::String(kind)) => kind,
            Some(other) => return Err(format!("path.kind = {other}: it must be a name in quotes")),
        };
        let said = |e: toml::de::Error| format!("path of kind {kind}: {}", e.message());
        match kind.as_str() {
            "variance-preserving" => table.try_into().map(Self::VariancePreserving).map_err(said),
            "cosine" => table.try_into().map(Self::Cosine).map_err(said),
            "variance-exploding" => table.try_into().map(Self::VarianceExploding).map_err(said),
            "flow" => table.try_into().map(Self::Flow).map_err(said),
            _ => Err(format!("unknown path kind `{kind}`; known are {}", KINDS.join(", "))),
        }
    }
}

impl From<PathConfig> for Table {
    fn from(path: PathConfig) -> Self {
        let (kind, table) = match path {
            PathConfig::VariancePreserving(path) => (KINDS[0], Table::try_from(path)),
            PathConfig::Cosine(path) => (KINDS[1], Table::try_from(path)),
            PathConfig::VarianceExploding(path) => (KINDS[2], Table::try_from(path)),
            PathConfig::Flow(path) => (KINDS[3], Table::try_from(path)),
        };
        let mut table = table.expect("a path is a table of numbers");
        table.insert("kind".into(), Value::String(kind.into()));
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RunConfig;

    fn config(text: &str) -> Result<RunConfig, String> {
        RunConfig::from_table(text.parse().unwrap(), "text").map_err(|e| e.to_string())
    }

    #[test]
    fn files_without_a_kind_mean_what_they_meant() {
        let path = config("path = {alpha_min = 0.2}").unwrap().path;
        let expected = VariancePreserving::new(0.2, 20.0, 1e-3).unwrap();
        assert_eq!(path, PathConfig::VariancePreserving(expected));
        assert_eq!(config("").unwrap().path, PathConfig::default());
    }

    #[test]
    fn every_kind_is_read_written_and_built() {
        for (kind, signal) in [("variance-preserving", 0.277), ("cosine", 0.702), ("flow", 0.5)] {
            let config = config(&format!("path = {{kind = \"{kind}\"}}")).unwrap();
            let built = config.path.build();
            assert!((built.signal(0.5) - signal).abs() < 1e-2, "{kind}: {}", built.signal(0.5));
            let back: toml::Table = config.to_toml().parse().unwrap();
            assert_eq!(RunConfig::from_table(back, "text").unwrap(), config);
        }
        let exploding = config("path = {kind = \"variance-exploding\", sigma_max = 50.0}").unwrap();
        assert_eq!(exploding.path.build().noise(1.0), 50.0);
        let back: toml::Table = exploding.to_toml().parse().unwrap();
        assert_eq!(RunConfig::from_table(back, "text").unwrap(), exploding);
    }

    #[test]
    fn mistakes_name_what_would_do() {
        let unknown = config("path = {kind = \"linear\"}").unwrap_err();
        assert!(unknown.contains("known are variance-preserving, cosine"), "{unknown}");
        let key = config("path = {kind = \"flow\", sigma_max = 1.0}").unwrap_err();
        assert!(key.contains("unknown key `path.sigma_max`; there are end, start"), "{key}");
        let near = config("path = {kind = \"cosine\", ofset = 1.0}").unwrap_err();
        assert!(near.contains("did you mean `offset`"), "{near}");
        let value = config("path = {kind = \"flow\", end = 1.5}").unwrap_err();
        assert!(value.contains("end = 1.5: must lie strictly between"), "{value}");
        let shape = config("path = {kind = 3}").unwrap_err();
        assert!(shape.contains("path.kind = 3"), "{shape}");
    }
}
