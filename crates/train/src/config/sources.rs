//! Sources of fields in a configuration: one file, or one file for each quantity.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use karhunen_formats::is_remote;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Prefix of the name of a built-in structure.
const BUILTIN: &str = "builtin:";

/// Prefix of the name of a state dict whose network came without data.
const STATE_DICT: &str = "state-dict:";

/// `data.source`: where a model's fields come from. In a configuration a name, or a list of names whose fields are
/// stacked by channel.
///
/// # Example
/// ```
/// use karhunen_train::RunConfig;
/// let toml = "data.source = [\"x.npy\", \"y.npy\"]";
/// let config = RunConfig::from_table(toml.parse().unwrap(), "example")?;
/// assert_eq!(*config.data.source.names(), ["x.npy", "y.npy"]);
/// assert_eq!(config.data.source.to_string(), "x.npy + y.npy");
/// # Ok::<(), karhunen_train::TrainError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sources {
    /// Files, at least one: `"x.npy"` or `["x.npy", "y.npy"]`.
    Files(Vec<String>),
    /// A structure that is made on the spot: `"builtin:grains"` is the one of name `grains`.
    Builtin(String),
    /// None are known: the network was imported from this state dict, without data.
    StateDict(String),
}

impl Sources {
    /// Sources from a list of names; none if it is empty.
    pub fn new(names: Vec<String>) -> Option<Self> {
        match &names[..] {
            [] => None,
            [only] => Some(only.as_str().into()),
            _ => Some(Self::Files(names)),
        }
    }

    /// The names as a configuration has them, at least one.
    pub fn names(&self) -> Cow<'_, [String]> {
        match self {
            Self::Files(names) => Cow::Borrowed(names),
            Self::Builtin(name) => Cow::Owned(vec![format!("{BUILTIN}{name}")]),
            Self::StateDict(name) => Cow::Owned(vec![format!("{STATE_DICT}{name}")]),
        }
    }

    /// The name of the built-in structure, if the source is one.
    pub fn builtin(&self) -> Option<&str> {
        match self {
            Self::Builtin(name) => Some(name),
            Self::Files(_) | Self::StateDict(_) => None,
        }
    }

    /// Whether there are data. A network that was imported without any has the law of its noise.
    pub fn has_data(&self) -> bool {
        !matches!(self, Self::StateDict(_))
    }

    /// Resolves the names of files relative to the configuration file at `beside`.
    pub fn resolve(&self, beside: Option<&Path>) -> Self {
        self.with_files(|name| resolve(name, beside))
    }

    /// The names to write into a configuration file at `path`: unchanged if it lies in the current
    /// folder, those of files absolute otherwise.
    pub fn seen_from(&self, path: &Path) -> Self {
        if path.parent().is_none_or(|folder| folder.as_os_str().is_empty()) {
            return self.clone();
        }
        self.with_files(|name| {
            std::path::absolute(name)
                .map_or_else(|_| name.clone(), |full| full.display().to_string())
        })
    }

    fn with_files(&self, other: impl Fn(&String) -> String) -> Self {
        match self {
            Self::Files(names) => Self::Files(names.iter().map(other).collect()),
            Self::Builtin(_) | Self::StateDict(_) => self.clone(),
        }
    }
}

impl From<&str> for Sources {
    fn from(name: &str) -> Self {
        if let Some(name) = name.strip_prefix(BUILTIN) {
            return Self::Builtin(name.into());
        }
        match name.strip_prefix(STATE_DICT) {
            Some(name) => Self::StateDict(name.into()),
            None => Self::Files(vec![name.into()]),
        }
    }
}

impl fmt::Display for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(" + "))
    }
}

/// Resolves a path of a configuration: it is absolute, or relative to the configuration file.
pub fn resolve(name: &str, beside: Option<&Path>) -> String {
    if name.starts_with(BUILTIN) || is_remote(name) || Path::new(name).is_absolute() {
        return name.to_string();
    }
    let folder = beside.and_then(Path::parent).map(PathBuf::from).unwrap_or_default();
    let joined = folder.join(name);
    // a part of a file may be named after a colon, as in `run.npz:density`
    match karhunen_formats::Address::of(&joined).exists() {
        true => joined.display().to_string(),
        false => name.to_string(),
    }
}

impl Serialize for Sources {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.names()[..] {
            [only] => serializer.serialize_str(only),
            names => names.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Sources {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Names)
    }
}

struct Names;

impl<'de> Visitor<'de> for Names {
    type Value = Sources;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a file, or a list of files such as [\"x.npy\", \"y.npy\"]")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Sources, E> {
        Ok(name.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Sources, A::Error> {
        let mut names: Vec<String> = Vec::new();
        while let Some(name) = list.next_element()? {
            names.push(name);
        }
        if names.len() > 1 && names.iter().any(|name| name.starts_with(BUILTIN)) {
            return Err(A::Error::custom("built-in data stand alone, not in a list of files"));
        }
        Sources::new(names).ok_or_else(|| A::Error::custom("an empty list names no data"))
    }
}

#[cfg(test)]
mod tests {
    use crate::RunConfig;

    fn config(text: &str) -> Result<RunConfig, String> {
        RunConfig::from_table(text.parse().unwrap(), "text").map_err(|e| e.to_string())
    }

    #[test]
    fn one_name_and_lists_read_back_as_themselves() {
        for text in ["data.source = \"a.npy\"", "data.source = [\"a.npy\", \"b.npz:y\"]"] {
            let read = config(text).unwrap();
            assert_eq!(config(&read.to_toml()).unwrap(), read);
        }
        // a list of one name equals that name
        let one = config("data.source = [\"a.npy\"]").unwrap();
        assert_eq!(one, config("data.source = \"a.npy\"").unwrap());
        assert!(one.to_toml().contains("source = \"a.npy\""));
        let builtin = config("data.source = \"builtin:grains\"").unwrap();
        assert_eq!(builtin.data.source.builtin(), Some("grains"));
        assert!(builtin.data.source.has_data());
        // a network without data, as files have it
        let text = "data.source = \"state-dict:a.pt\"";
        let imported = config(text).unwrap();
        assert!(!imported.data.source.has_data());
        assert!(imported.to_toml().contains("source = \"state-dict:a.pt\""));
    }

    #[test]
    fn what_names_no_data_says_why() {
        for (text, said) in [
            ("data.source = []", "names no data"),
            ("data.source = 3", "a list of files"),
            ("data.source = [\"a.npy\", \"builtin:grains\"]", "stand alone"),
        ] {
            let error = config(text).unwrap_err();
            assert!(error.contains(said) && error.contains("data.source"), "{error}");
        }
    }
}
