//! `data.hold_out`: which part of the data is never trained on.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How the held-out part is chosen. Without a rule it is chosen from the data; the run then stores
/// that choice.
///
/// | in TOML | what is held out |
/// |---|---|
/// | `"shuffled"` | whole fields at random: for independent fields |
/// | `{ blocks = 4 }` | blocks of neighbouring fields, spread over their series |
/// | `{ axis = 0, blocks = 4 }` | blocks of slices of every field, spread over that axis |
/// | `{ axis = 0, at = [0.2, 0.7] }` | such blocks around these places, as parts of the axis |
/// | `"two-blocks"` | the rule of earlier versions |
#[derive(Debug, Clone, PartialEq)]
pub enum HoldOut {
    /// Whole fields at random.
    Shuffled,
    /// Two blocks of a stack or of one volume; otherwise whole fields at random.
    TwoBlocks,
    /// Blocks of neighbours.
    Blocks(Blocks),
}

/// Blocks of neighbouring fields, or of slices of every field.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blocks {
    /// The axis of the fields; none means the series of fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub axis: Option<usize>,
    /// Number of blocks, evenly spread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocks: Option<usize>,
    /// Centres of the blocks, as parts of the axis or of the series.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Vec<f64>>,
}

impl HoldOut {
    pub(super) fn complaint(&self) -> Option<(&'static str, String, &'static str)> {
        let HoldOut::Blocks(Blocks { axis, blocks, at }) = self else { return None };
        if let Some(axis) = axis.filter(|a| *a > 2) {
            let needs = "0, 1 or 2: an axis of the fields";
            return Some(("data.hold_out.axis", axis.to_string(), needs));
        }
        match (blocks, at) {
            (Some(_), Some(_)) | (None, None) => {
                Some(("data.hold_out", self.text(), "either blocks or at, one of the two"))
            }
            (Some(0), None) => Some(("data.hold_out.blocks", "0".into(), "at least 1")),
            (None, Some(at)) if at.is_empty() || at.iter().any(|p| !(0.0..=1.0).contains(p)) => {
                Some(("data.hold_out.at", format!("{at:?}"), "numbers from 0 to 1"))
            }
            _ => None,
        }
    }

    /// The rule in TOML.
    pub fn text(&self) -> String {
        toml::Value::try_from(self).map(|value| value.to_string()).unwrap_or_default()
    }
}

impl Serialize for HoldOut {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            HoldOut::Shuffled => serializer.serialize_str("shuffled"),
            HoldOut::TwoBlocks => serializer.serialize_str("two-blocks"),
            HoldOut::Blocks(blocks) => blocks.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for HoldOut {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = toml::Value::deserialize(deserializer)?;
        match value.as_str() {
            Some("shuffled") => Ok(HoldOut::Shuffled),
            Some("two-blocks") => Ok(HoldOut::TwoBlocks),
            Some(other) => Err(D::Error::unknown_variant(other, &["shuffled", "two-blocks"])),
            None => value.try_into().map(HoldOut::Blocks).map_err(D::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::RunConfig;

    #[test]
    fn every_way_reads_back_as_itself_and_what_means_nothing_is_refused() {
        let read = |text: &str| {
            RunConfig::from_table(format!("data.hold_out = {text}").parse().unwrap(), "text")
        };
        for text in [
            "\"shuffled\"",
            "\"two-blocks\"",
            "{ blocks = 4 }",
            "{ axis = 1, blocks = 3 }",
            "{ axis = 0, at = [0.2, 0.7] }",
        ] {
            let config = read(text).unwrap();
            let again = RunConfig::from_table(config.to_toml().parse().unwrap(), "text").unwrap();
            assert_eq!(again, config, "{text}");
            assert!(config.data.hold_out.is_some());
        }
        for (text, said) in [
            ("\"shufled\"", "did you mean `shuffled`"),
            ("{ axis = 3, blocks = 1 }", "data.hold_out.axis = 3"),
            ("{ blocks = 0 }", "at least 1"),
            ("{ axis = 0 }", "one of the two"),
            ("{ at = [1.5] }", "from 0 to 1"),
            ("{ block = 4 }", "block"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
