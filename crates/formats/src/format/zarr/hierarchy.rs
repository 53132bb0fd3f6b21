//! Groups and arrays of a Zarr store: finding and choosing them.

use std::path::Path;

use serde_json::Value;

use crate::FormatError;
use crate::cf;
use crate::container::zip::archive::Archive;
use crate::format::zarr::chunks::Chunks;
use crate::format::zarr::meta::{ArrayMeta, json};
#[cfg(feature = "cloud")]
use crate::format::zarr::store::MARKS;
use crate::format::zarr::store::{Store, join};

/// Longest accepted metadata.
const META_AT_MOST: u64 = 1 << 24;

/// A hierarchy of groups and arrays, which are addressed by keys.
#[derive(Debug)]
pub(crate) struct Hierarchy {
    pub(crate) store: Store,
    /// Prefix of every key: the path of the given array or group below the outermost group.
    within: String,
}

/// A group or an array.
pub(crate) enum Node {
    Array(Box<ArrayMeta>),
    /// A group with its attributes.
    Group(Value),
}

impl Hierarchy {
    /// A folder that is a group or an array. Groups above it may have the spacing of an array.
    pub(crate) fn folder(path: &Path) -> Self {
        let (mut root, mut within) = (path, String::new());
        while let (Some(up), Some(name)) = (root.parent(), root.file_name()) {
            let Some(name) = name.to_str().filter(|_| Store::is_folder(up)) else { break };
            within = if within.is_empty() { name.into() } else { join(name, &within) };
            root = up;
        }
        Self { store: Store::Folder(root.into()), within }
    }

    /// A group or an array in a bucket, which must be there.
    #[cfg(feature = "cloud")]
    pub(crate) fn remote(path: &Path) -> Result<Self, FormatError> {
        let bucket = crate::container::bucket::Bucket::open(path)?;
        for mark in MARKS {
            if bucket.has(mark)? {
                return Ok(Self { store: Store::Bucket(bucket), within: String::new() });
            }
        }
        let what = "nothing is there that is Zarr's: no zarr.json, .zarray or .zgroup".into();
        Err(FormatError::Bucket { path: path.into(), what })
    }

    /// The hierarchy in an archive.
    pub(crate) fn in_archive(archive: &Archive<'_>) -> Self {
        Self { store: Store::in_archive(archive), within: String::new() }
    }

    fn text(&self, place: &str, file: &str) -> Result<Option<Value>, FormatError> {
        let key = join(place, file);
        let Some(bytes) = self.store.get(&key, META_AT_MOST)? else { return Ok(None) };
        json(&bytes).map(Some).map_err(|what| FormatError::Unsupported {
            path: self.store.path().join(&key),
            what: format!("no metadata of Zarr: {what}"),
        })
    }

    /// The node at a key; `None` if nothing of Zarr lies there.
    pub(crate) fn node(&self, place: &str) -> Result<Option<Node>, FormatError> {
        let refused = |what: String| FormatError::Unsupported {
            path: self.store.path().into(),
            what: format!("array {}: {what}", if place.is_empty() { "/" } else { place }),
        };
        if let Some(meta) = self.text(place, "zarr.json")? {
            return match meta.get("node_type").and_then(Value::as_str) {
                Some("array") => {
                    let meta = ArrayMeta::version_3(&meta).map_err(refused)?;
                    Ok(Some(Node::Array(Box::new(meta))))
                }
                Some("group") => {
                    Ok(Some(Node::Group(meta.get("attributes").cloned().unwrap_or_default())))
                }
                other => Err(refused(format!("node_type is {other:?}, not array or group"))),
            };
        }
        let attributes = || Ok::<_, FormatError>(self.text(place, ".zattrs")?.unwrap_or_default());
        if let Some(zarray) = self.text(place, ".zarray")? {
            let meta = ArrayMeta::version_2(&zarray, &attributes()?).map_err(refused)?;
            return Ok(Some(Node::Array(Box::new(meta))));
        }
        match self.store.length(&join(place, ".zgroup"))? {
            Some(_) => Ok(Some(Node::Group(attributes()?))),
            None => Ok(None),
        }
    }

    /// Keys of all arrays at and below `root`, including unsupported ones.
    fn arrays(&self, root: &str) -> Vec<String> {
        let is_array = |place: &str| !matches!(self.node(place), Ok(Some(Node::Group(_))));
        let mut places = self.store.places(root, &is_array);
        places.retain(|place| is_array(place));
        places
    }

    /// A key as users write it.
    fn shown(&self, key: &str) -> String {
        let rest = key.strip_prefix(&self.within).unwrap_or(key);
        rest.strip_prefix('/').unwrap_or(rest).into()
    }

    /// The named array, or the only one that can be fields.
    pub(crate) fn choose(
        &self,
        path: &Path,
        part: Option<&str>,
    ) -> Result<(String, Box<ArrayMeta>), FormatError> {
        let asked = part.map_or("", |part| part.trim_matches('/'));
        // a part must not lead out of the hierarchy
        let stray = asked.split('/').any(|word| matches!(word, "." | ".."));
        let root = match asked {
            "" => self.within.clone(),
            asked => join(&self.within, asked),
        };
        let node = if stray { None } else { self.node(&root)? };
        let group = match node {
            Some(Node::Array(meta)) => return Ok((root, meta)),
            Some(Node::Group(_)) => true,
            None => false,
        };
        let all = self.arrays(if group { &root } else { &self.within });
        if !group {
            return Err(FormatError::Part {
                path: path.into(),
                part: asked.into(),
                known: all.iter().map(|key| self.shown(key)).collect(),
            });
        }
        let mut readable = Vec::new();
        let mut refusal = None;
        for key in all {
            match self.node(&key) {
                Ok(Some(Node::Array(meta))) if meta.shape.len() >= 2 => readable.push((key, meta)),
                Ok(_) => {}
                Err(e) => refusal = Some(e),
            }
        }
        match (readable.len(), refusal) {
            (0, Some(refusal)) => Err(refusal),
            (0, None) => Err(FormatError::Empty {
                path: path.into(),
                what: "the group holds no array of numbers with two axes or more".into(),
            }),
            (1, _) => Ok(readable.remove(0)),
            _ => Err(FormatError::Several {
                path: path.into(),
                parts: readable.iter().map(|(key, _)| self.shown(key)).collect(),
            }),
        }
    }
}

/// The numbers and the unit of a short array of one axis, such as a coordinate.
pub(crate) fn line(hierarchy: &Hierarchy, key: &str) -> Option<(Vec<f64>, Option<String>)> {
    let Ok(Some(Node::Array(meta))) = hierarchy.node(key) else { return None };
    let [length @ 2..=cf::COORDINATES_AT_MOST] = meta.shape[..] else { return None };
    if meta.chunk_bytes() > u128::from(8 * cf::COORDINATES_AT_MOST) {
        return None;
    }
    let values = Chunks::line(&hierarchy.store, key, &meta, length).ok()?;
    let unit = meta.attributes.get("units").and_then(Value::as_str).map(String::from);
    Some((values, unit))
}
