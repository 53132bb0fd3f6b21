//! Zarr, versions 2 and 3: one array of a folder or an archive, read chunk by chunk.
//!
//! An array is named by its path (`scan.zarr:images/0`), or is the only one of two axes or more.
//! Only needed chunks are loaded: a block of a volume costs the chunks that it touches. Points of a
//! chunk that was never written have the fill value. The spacing comes from OME-NGFF, from
//! coordinates as xarray writes them, or from the attributes `spacing` or `element_size_um`. Packed
//! values are unpacked as in NetCDF.
//!
//! This is own code: the crate `zarrs` brings 92 more crates with C libraries for Blosc and
//! Zstandard, but a few hundred lines suffice here.

use std::path::Path;
use std::sync::Mutex;

use serde_json::Value;

use crate::archive::Archive;
use crate::cf::{self, Packing, Said};
use crate::layout::Layout;
use crate::stored::StoredFields;
use crate::zarr_chunks::Chunks;
use crate::zarr_meta::{ArrayMeta, json};
use crate::zarr_store::{Store, join};
use crate::zarr_units;
use crate::{FormatError, ReadOptions};

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
        let bucket = crate::cloud::Bucket::open(path)?;
        for mark in crate::zarr_store::MARKS {
            if bucket.has(mark)? {
                return Ok(Self { store: Store::Bucket(bucket), within: String::new() });
            }
        }
        let what = "nothing is there that is Zarr's: no zarr.json, .zarray or .zgroup".into();
        Err(FormatError::Bucket { path: path.into(), what })
    }

    /// The hierarchy in an archive; none if there is none.
    pub(crate) fn in_archive(archive: &Archive<'_>) -> Option<Self> {
        Some(Self { store: Store::in_archive(archive)?, within: String::new() })
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
    fn choose(
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

    /// Opens one array without reading its chunks.
    pub(crate) fn open(
        self,
        name: &Path,
        path: &Path,
        part: Option<&str>,
        options: &ReadOptions,
    ) -> Result<StoredFields, FormatError> {
        let (key, meta) = self.choose(path, part)?;
        let layout = Layout::of(name, &meta.shape, options)?;
        let dim = layout.points.len();
        let count = layout.count(&meta.shape);
        let room = |bytes: u128, limit: u64| match bytes > u128::from(limit) {
            true => Err(FormatError::TooLarge { path: name.into(), bytes, limit }),
            false => Ok(()),
        };
        // limits: the indices of values, and the memory of one chunk as bytes and as f32
        let values = meta.shape.iter().fold(1u128, |n, s| n.saturating_mul(u128::from(*s)));
        room(values.saturating_mul(8), i64::MAX as u64)?;
        let chunk = meta.chunk_bytes();
        room(chunk.saturating_mul(4) / meta.dtype.size() as u128, options.limit_bytes)?;
        room(chunk, isize::MAX as u64)?;
        let mut meta = *meta;
        let unsigned = meta.attributes.get("_Unsigned").and_then(Value::as_str);
        meta.dtype = cf::unsigned(meta.dtype, unsigned);
        meta.fill = cf::as_stored(meta.fill, meta.dtype);
        let packing = Packing::of(&said(&meta), meta.dtype);
        let mut notes = packing.as_ref().map(|p| p.notes(&key)).unwrap_or_default();
        let units = zarr_units::of(&self, &key, &meta, dim);
        let mut chunks = Chunks { store: self.store, key, meta, packing, kept: Mutex::default() };
        // Zarr 2.0 to 2.7 could write chunks into nested folders without recording it
        let plain = chunks.meta.keys;
        if let (Some((absent, total)), Some(nested)) = (chunks.absent(), plain.nested())
            && absent == total
        {
            chunks.meta.keys = nested;
            match chunks.absent() {
                Some((absent, total)) if absent < total => {
                    notes.push("chunks are in folders, though the metadata do not say so".into());
                }
                _ => chunks.meta.keys = plain,
            }
        }
        if let Some((absent @ 1.., total)) = chunks.absent() {
            let kind = if chunks.meta.shards.is_some() { "shards" } else { "chunks" };
            let meant = match chunks.fill() {
                fill if fill.is_nan() => "are missing".into(),
                fill => format!("have the fill value {fill}"),
            };
            notes.push(format!(
                "{absent} of {total} {kind} are not in the store; their points {meant}"
            ));
        }
        let mut fields = StoredFields::chunked(name, layout, count, chunks);
        fields.units = units;
        fields.notes_mut().extend(notes);
        Ok(fields)
    }
}

/// The attributes for packed and missing values, as xarray writes them.
fn said(meta: &ArrayMeta) -> Said {
    let get = |name: &str| meta.attributes.get(name);
    let number = |name: &str| get(name).and_then(Value::as_f64);
    let mut missing = Vec::new();
    for name in ["_FillValue", "missing_value"] {
        missing.extend(get(name).map(marks).unwrap_or_default().into_iter().map(|v| (name, v)));
    }
    if meta.fill_is_missing {
        missing.push(("fill_value", meta.fill));
    }
    let range: Vec<Option<f64>> = match get("valid_range").and_then(Value::as_array) {
        Some(pair) if pair.len() == 2 => pair.iter().map(Value::as_f64).collect(),
        _ => vec![number("valid_min"), number("valid_max")],
    };
    let bounds = ["valid_range", "valid_min", "valid_max"].iter().filter_map(|name| get(name));
    let float = |v: &Value| v.is_f64() || v.as_array().is_some_and(|a| a.iter().any(Value::is_f64));
    Said {
        factor: number("scale_factor"),
        offset: number("add_offset"),
        missing,
        low: range[0],
        high: range[1],
        float_bounds: bounds.into_iter().any(float),
        unwritten: false,
    }
}

/// The numbers marked by an attribute: one number, a list, or the base64 of the eight bytes of a
/// double, as xarray writes it for Zarr 3.
fn marks(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(list) => list.iter().flat_map(marks).collect(),
        Value::String(text) => double(text).into_iter().collect(),
        other => other.as_f64().into_iter().collect(),
    }
}

/// The double whose little-endian bytes are encoded in base64.
fn double(text: &str) -> Option<f64> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.strip_suffix('=').filter(|t| t.len() == 11)?;
    // 11 digits of six bits hold 8 bytes and two zero bits
    let bits = digits.bytes().try_fold(0u128, |bits, letter| {
        let digit = LETTERS.iter().position(|l| *l == letter)?;
        Some(bits << 6 | digit as u128)
    })?;
    Some(f64::from_bits(((bits >> 2) as u64).swap_bytes()))
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
