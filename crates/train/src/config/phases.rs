//! `data.phases` of a run's configuration: the fields hold labels of phases instead of values.

use std::fmt;

use karhunen_field::level_set::MOST_PHASES;
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Default width w of φ = tanh(d / w), in cells of the finest level.
///
/// Measured on Berea sandstone of 64³ cells: labels were restricted to a coarser grid and back. At
/// 32³, 0.22, 0.18, 0.20, 0.21, 0.23 % of the cells change with w = 0.5, 1, 1.5, 2, 3. At 16³,
/// 2.46, 2.28, 2.28, 2.29, 2.32 % change. With an indicator function 0.37 and 2.85 % change.
pub const INTERFACE_WIDTH: f64 = 1.5;

/// The labels that a file holds, and their names.
///
/// # Example
/// ```
/// use karhunen_train::RunConfig;
/// for text in ["2", "[0, 255]", "{ pore = 0, grain = 255 }"] {
///     let text = format!("data.source = \"berea.tif\"\ndata.phases = {text}");
///     let config = RunConfig::from_table(text.parse().unwrap(), "example")?;
///     assert_eq!(config.data.phases.unwrap().count(), 2);
/// }
/// # Ok::<(), karhunen_train::TrainError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PhasesConfig {
    /// Only their number is given; the labels are found in the file.
    Count(usize),
    /// The listed labels and no others.
    Labels(Vec<u8>),
    /// The listed labels and no others, with names.
    Named(Vec<(String, u8)>),
}

impl PhasesConfig {
    /// Number of phases.
    pub fn count(&self) -> usize {
        match self {
            Self::Count(count) => *count,
            Self::Labels(labels) => labels.len(),
            Self::Named(named) => named.len(),
        }
    }

    /// The labels, rising, if they are given.
    pub fn labels(&self) -> Option<Vec<u8>> {
        let mut labels = match self {
            Self::Count(_) => return None,
            Self::Labels(labels) => labels.clone(),
            Self::Named(named) => named.iter().map(|(_, label)| *label).collect(),
        };
        labels.sort_unstable();
        Some(labels)
    }

    /// The name of a label, or its number.
    pub fn name(&self, label: u8) -> String {
        let named = match self {
            Self::Named(named) => named.iter().find(|(_, own)| *own == label),
            _ => None,
        };
        named.map_or_else(|| label.to_string(), |(name, _)| name.clone())
    }
}

impl Serialize for PhasesConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(count) => serializer.serialize_u64(*count as u64),
            Self::Labels(labels) => labels.serialize(serializer),
            Self::Named(named) => {
                let mut map = serializer.serialize_map(Some(named.len()))?;
                named.iter().try_for_each(|(name, label)| map.serialize_entry(name, label))?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for PhasesConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Given)
    }
}

struct Given;

/// A label as it is written in a configuration.
struct Label(u8);

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct One;
        impl Visitor<'_> for One {
            type Value = Label;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a label, a whole number from 0 to 255")
            }
            fn visit_i64<E: serde::de::Error>(self, label: i64) -> Result<Label, E> {
                let wrong = || E::custom(format!("label {label}: a whole number from 0 to 255"));
                u8::try_from(label).map(Label).map_err(|_| wrong())
            }
        }
        deserializer.deserialize_any(One)
    }
}

impl<'de> Visitor<'de> for Given {
    type Value = PhasesConfig;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of phases, a list of labels such as [0, 255], or names such as { pore = 0, grain = 255 }")
    }

    fn visit_i64<E: serde::de::Error>(self, count: i64) -> Result<PhasesConfig, E> {
        usize::try_from(count)
            .map(PhasesConfig::Count)
            .map_err(|_| E::custom(format!("{count} phases; between 2 and {MOST_PHASES}")))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<PhasesConfig, A::Error> {
        let mut labels = Vec::new();
        while let Some(Label(label)) = list.next_element()? {
            labels.push(label);
        }
        Ok(PhasesConfig::Labels(labels))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PhasesConfig, A::Error> {
        let mut named: Vec<(String, u8)> = Vec::new();
        while let Some((name, Label(label))) = map.next_entry::<String, Label>()? {
            if name.is_empty() || name.parse::<f64>().is_ok() || name.contains(['=', ',']) {
                return Err(A::Error::custom(format!(
                    "`{name}` is no name of a phase; names are no numbers and have no = or ,"
                )));
            }
            named.push((name, label));
        }
        named.sort_by_key(|(_, label)| *label);
        Ok(PhasesConfig::Named(named))
    }
}

#[cfg(test)]
mod tests {
    use crate::RunConfig;

    fn config(text: &str) -> Result<RunConfig, String> {
        RunConfig::from_table(text.parse().unwrap(), "text").map_err(|e| e.to_string())
    }

    #[test]
    fn numbers_lists_and_names_read_back_as_themselves() {
        for text in ["2", "[0, 255]", "[7, 1, 3]", "{ grain = 255, pore = 0 }"] {
            let read = config(&format!("data.phases = {text}")).unwrap();
            assert_eq!(config(&read.to_toml()).unwrap(), read);
        }
        let phases =
            config("data.phases = { grain = 255, pore = 0 }").unwrap().data.phases.unwrap();
        assert_eq!(phases.labels(), Some(vec![0, 255]));
        assert_eq!([phases.name(0), phases.name(255), phases.name(3)], ["pore", "grain", "3"]);
        assert!(!RunConfig::default().to_toml().contains("phases"));
    }

    #[test]
    fn what_no_material_has_is_refused_with_its_key() {
        for (text, said) in [
            ("data.phases = 1", "between 2 and 32"),
            ("data.phases = 33", "between 2 and 32"),
            ("data.phases = -1", "-1 phases"),
            ("data.phases = 2.5", "a number of phases"),
            ("data.phases = [0, 0.5]", "a label, a whole number from 0 to 255"),
            ("data.phases = [0, 256]", "label 256"),
            ("data.phases = [3, 1, 3]", "label 3 is given twice"),
            ("data.phases = { a = 0, b = 0 }", "label 0 is given twice"),
            ("data.phases = { 1 = 0, b = 2 }", "no name of a phase"),
            ("data.phases = 2\ndata.interface_width = 0", "data.interface_width = 0"),
            ("data.interface_width = 2", "goes with data.phases"),
            ("data.phases = 2\ndata.boundary = \"dirichlet\"", "do not vanish at walls"),
        ] {
            let error = config(text).unwrap_err();
            assert!(error.contains(said) && error.contains("data."), "{text}: {error}");
        }
    }
}
