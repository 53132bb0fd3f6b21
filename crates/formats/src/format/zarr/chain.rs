//! The codec chain of a Zarr 3 array: transposes, numbers to bytes, bytes to bytes, shards.

use serde_json::Value;

use crate::codec::{Codec, KNOWN};
use crate::dtype::{Endian, SourceType};
use crate::format::zarr::lists::{lengths, list};

/// The layout of shards.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shards {
    /// Number of chunks of a shard along each axis.
    pub(crate) chunks: Vec<u64>,
    /// Whether the table of offsets has a checksum.
    pub(crate) checked: bool,
    /// Whether the table lies after the chunks.
    pub(crate) at_end: bool,
}

/// The codecs of Zarr 3: transposes, then numbers to bytes, then bytes to bytes.
pub(crate) struct Chain {
    /// The array's axes in the order in which a chunk stores them.
    pub(crate) order: Vec<usize>,
    pub(crate) endian: Endian,
    pub(crate) codecs: Vec<Codec>,
    /// Shape of the chunks in a shard, and the layout of the shard.
    pub(crate) shards: Option<(Vec<u64>, Shards)>,
}

impl Chain {
    /// Parses the list of an array. Only the outermost codec may be sharding.
    pub(crate) fn read(
        codecs: &[Value],
        axes: usize,
        dtype: SourceType,
        outermost: bool,
    ) -> Result<Self, String> {
        let mut chain = Self {
            order: (0..axes).collect(),
            endian: Endian::Little,
            codecs: Vec::new(),
            shards: None,
        };
        let mut to_bytes = false;
        for codec in codecs {
            let name = codec.as_str().or(codec.get("name").and_then(Value::as_str));
            let name = name.unwrap_or_default();
            let settings = codec.get("configuration").cloned().unwrap_or_default();
            match name {
                "transpose" if !to_bytes => chain.transpose(&settings)?,
                "bytes" if !to_bytes => {
                    to_bytes = true;
                    chain.endian = match settings.get("endian").and_then(Value::as_str) {
                        Some("little") => Endian::Little,
                        Some("big") => Endian::Big,
                        None if dtype.size() == 1 => Endian::Little,
                        other => return Err(format!("endian is {other:?}, not little or big")),
                    };
                }
                "sharding_indexed" if outermost && codecs.len() == 1 => {
                    let (inner, shards) = Shards::read(&settings)?;
                    let within = settings.get("codecs").and_then(Value::as_array);
                    let within = within.ok_or("its shards have no codecs")?;
                    chain = Self::read(within, axes, dtype, false)?;
                    chain.shards = Some((inner, shards));
                    to_bytes = true;
                }
                "sharding_indexed" => {
                    return Err("its shards stand among other codecs; that is not read".into());
                }
                _ if to_bytes => {
                    let known = Codec::named(name, &settings);
                    chain.codecs.push(known.ok_or_else(|| unknown_codec(name))?);
                }
                _ => return Err(unknown_codec(name)),
            }
        }
        match to_bytes {
            true => Ok(chain),
            false => Err("no codec turns its numbers into bytes".into()),
        }
    }

    fn transpose(&mut self, settings: &Value) -> Result<(), String> {
        let axes = self.order.len();
        let given = settings.get("order").cloned().unwrap_or_default();
        let order: Vec<usize> = match given.as_str() {
            Some("C") => (0..axes).collect(),
            Some("F") => (0..axes).rev().collect(),
            _ => list(&given).unwrap_or_default().iter().map(|n| *n as usize).collect(),
        };
        let mut sorted = order.clone();
        sorted.sort_unstable();
        if !sorted.into_iter().eq(0..axes) {
            return Err(format!("transposed to {given}, which is no order of {axes} axes"));
        }
        self.order = order.iter().map(|&axis| self.order[axis]).collect();
        Ok(())
    }
}

impl Shards {
    /// Parses the shape of a shard's chunks, and the layout of the shard.
    fn read(settings: &Value) -> Result<(Vec<u64>, Self), String> {
        let name = |codec: &Value| Some(codec.get("name")?.as_str()?.to_string());
        let index: Option<Vec<String>> = settings
            .get("index_codecs")
            .and_then(Value::as_array)
            .and_then(|codecs| codecs.iter().map(name).collect());
        let index = index.unwrap_or_default();
        let endian = settings.pointer("/index_codecs/0/configuration/endian");
        let little = endian.is_none_or(|e| e == "little");
        let checked = match index.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["bytes"] if little => false,
            ["bytes", "crc32c"] if little => true,
            _ => {
                return Err(format!(
                    "the tables of its shards are packed by {index:?}; \
                     little-endian bytes, with or without crc32c, are read"
                ));
            }
        };
        let at_end = match settings.get("index_location").and_then(Value::as_str) {
            None | Some("end") => true,
            Some("start") => false,
            Some(other) => return Err(format!("index_location is {other:?}, not start or end")),
        };
        let inner = lengths(settings, "chunk_shape")?;
        Ok((inner, Self { chunks: Vec::new(), checked, at_end }))
    }
}

/// The error for an unsupported codec.
pub(crate) fn unknown_codec(name: &str) -> String {
    format!("codec {name:?} is not read here; known are {KNOWN}: save it with one of them")
}
