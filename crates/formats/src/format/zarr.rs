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

use std::sync::Mutex;

use serde_json::Value;

use crate::cf::{self, Packing, Said};
use crate::fields::opened::Opened;
use crate::fields::stored::StoredFields;
use crate::format::entry::{Format, Found, Place, Seen};
use crate::format::zarr::chunks::Chunks;
use crate::format::zarr::hierarchy::Hierarchy;
use crate::format::zarr::meta::ArrayMeta;
use crate::format::zarr::store::Store;
use crate::layout::Layout;
use crate::{FormatError, ReadOptions};

mod chain;
mod chunks;
mod hierarchy;
mod lists;
mod meta;
pub(crate) mod store;
mod units;

/// Zarr in the table of formats.
pub(crate) const FORMAT: Format = Format { by_part: true, ..Format::new("Zarr", recognise, open) };

/// Folders and archives with Zarr's metadata; on a server, whatever is asked for.
fn recognise(seen: &Seen<'_>) -> bool {
    match seen {
        Seen::Folder(path) => Store::is_folder(path),
        Seen::Archive(archive) => Store::root_in(archive).is_some(),
        #[cfg(feature = "cloud")]
        Seen::Remote(_) => true,
        _ => false,
    }
}

/// Opens one array without reading its chunks.
fn open(found: &Found<'_>, options: &ReadOptions) -> Result<Opened, FormatError> {
    let (name, hierarchy) = (found.name, hierarchy(found)?);
    let (key, meta) = hierarchy.choose(found.path, found.part)?;
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
    let units = units::of(&hierarchy, &key, &meta, dim);
    let mut chunks = Chunks { store: hierarchy.store, key, meta, packing, kept: Mutex::default() };
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
        notes
            .push(format!("{absent} of {total} {kind} are not in the store; their points {meant}"));
    }
    let mut fields =
        StoredFields::chunked(name, layout, count, chunks.meta.dtype, Box::new(chunks));
    fields.units = units;
    fields.notes_mut().extend(notes);
    Ok(Opened::Stored(fields))
}

/// The hierarchy where something was found.
fn hierarchy(found: &Found<'_>) -> Result<Hierarchy, FormatError> {
    match found.place {
        Place::Archive(archive) => Ok(Hierarchy::in_archive(archive)),
        #[cfg(feature = "cloud")]
        Place::Remote => Hierarchy::remote(found.path),
        _ => Ok(Hierarchy::folder(found.path)),
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
