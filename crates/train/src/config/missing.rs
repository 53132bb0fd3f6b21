//! `data.missing` of a run's configuration: the treatment of missing values.

use std::fmt;
use std::str::FromStr;

use karhunen_formats::Missing;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// `data.missing`: the treatment of missing values. Without it they are refused.
///
/// # Example
/// ```
/// use karhunen_train::missing::MissingValues;
/// assert_eq!("fill:-1.5".parse(), Ok(MissingValues::Fill(-1.5)));
/// assert_eq!(MissingValues::Mask.to_string(), "mask");
/// assert!("fill:none".parse::<MissingValues>().unwrap_err().contains("fill:0"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MissingValues {
    /// `"mask"`: the loss and the statistics leave them out.
    Mask,
    /// `"drop"`: fields or patches with missing values are left out.
    Drop,
    /// `"fill:VALUE"`: this value replaces them, in the file's units.
    Fill(f32),
}

impl MissingValues {
    /// What a reader does with missing values.
    pub fn reading(how: Option<Self>) -> Missing {
        match how {
            None => Missing::Refused,
            Some(Self::Mask | Self::Drop) => Missing::Kept,
            Some(Self::Fill(value)) => Missing::Filled(value),
        }
    }
}

impl FromStr for MissingValues {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let value = |text: &str| text.parse().ok().filter(|v: &f32| v.is_finite());
        match text {
            "mask" => Some(Self::Mask),
            "drop" => Some(Self::Drop),
            _ => text.strip_prefix("fill:").and_then(value).map(Self::Fill),
        }
        .ok_or_else(|| format!("`{text}` is not mask, drop or a value such as fill:0"))
    }
}

impl fmt::Display for MissingValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mask => f.write_str("mask"),
            Self::Drop => f.write_str("drop"),
            Self::Fill(value) => write!(f, "fill:{value}"),
        }
    }
}

impl Serialize for MissingValues {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MissingValues {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
