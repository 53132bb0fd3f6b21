//! Sources of fields in a configuration: one file, or one file for each quantity.

use std::fmt;
use std::path::{Path, PathBuf};

use karhunen_formats::is_remote;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Prefix of the name of a built-in structure.
const BUILTIN: &str = "builtin:";

/// `data.source`: a name, or a list of names whose fields are stacked by channel.
///
/// # Example
/// ```
/// use karhunen_train::RunConfig;
/// let toml = "data.source = [\"x.npy\", \"y.npy\"]";
/// let config = RunConfig::from_table(toml.parse().unwrap(), "example")?;
/// assert_eq!(config.data.source.names(), ["x.npy", "y.npy"]);
/// assert_eq!(config.data.source.to_string(), "x.npy + y.npy");
/// # Ok::<(), karhunen_train::TrainError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources(Vec<String>);

impl Sources {
    /// Sources from a list of names; none if it is empty.
    pub fn new(names: Vec<String>) -> Option<Self> {
        (!names.is_empty()).then_some(Self(names))
    }

    /// The names, at least one.
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// The name of the built-in structure, if the source is one.
    pub fn builtin(&self) -> Option<&str> {
        match &self.0[..] {
            [only] => only.strip_prefix(BUILTIN),
            _ => None,
        }
    }

    /// Resolves the names relative to the configuration file at `beside`.
    pub fn resolve(&self, beside: Option<&Path>) -> Self {
        Self(self.0.iter().map(|name| resolve(name, beside)).collect())
    }
}

impl Sources {
    /// The names to write into a configuration file at `path`: unchanged if it lies in the current
    /// folder, absolute otherwise.
    pub fn seen_from(&self, path: &Path) -> Self {
        let here = path.parent().is_none_or(|folder| folder.as_os_str().is_empty());
        let full = |name: &String| match here || name.starts_with(BUILTIN) {
            true => name.clone(),
            false => std::path::absolute(name)
                .map_or_else(|_| name.clone(), |full| full.display().to_string()),
        };
        Self(self.0.iter().map(full).collect())
    }
}

impl From<&str> for Sources {
    fn from(name: &str) -> Self {
        Self(vec![name.into()])
    }
}

impl fmt::Display for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" + "))
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
        match &self.0[..] {
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
