//! Safetensors: a length, a JSON header of names, types, shapes and offsets, then the numbers.
//!
//! Numbers are little-endian, last axis fastest. This is own code, because the library needs the
//! whole file in memory, and only offsets are needed here. Source: the format's description by
//! Hugging Face.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::dtype::{Endian, SourceType};
use crate::fields::opened::Opened;
use crate::format::entry::{Format, Found, Seen};
use crate::format::tensors::{Tensor, dense};
use crate::format::torch::values::Numbers;
use crate::{FormatError, ReadOptions};

/// Longest header that the format allows.
const HEADER_AT_MOST: u64 = 100_000_000;

/// Safetensors in the table of formats.
pub(crate) const FORMAT: Format =
    Format { by_part: true, ..Format::new("safetensors", recognise, open) };

fn recognise(seen: &Seen<'_>) -> bool {
    matches!(seen, Seen::Head(head) if is_header(head))
}

/// Whether a length and the brace of a header come first.
pub(crate) fn is_header(head: &[u8]) -> bool {
    let length = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
    matches!(head.split_first_chunk(), Some((bytes, [b'{', ..])) if length(bytes) <= HEADER_AT_MOST)
}

fn open(found: &Found<'_>, options: &ReadOptions) -> Result<Opened, FormatError> {
    Tensor::open(tensors(found.path)?, found, options).map(Opened::Stored)
}

#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

/// The tensors of a file, by name.
pub(crate) fn tensors(path: &Path) -> Result<Vec<Tensor>, FormatError> {
    let failed = |source| FormatError::Read { path: path.into(), source };
    let bad = |what: String| FormatError::Header { path: path.into(), offset: 8, what };
    let mut file = File::open(path).map_err(failed)?;
    let found = file.metadata().map_err(failed)?.len();
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(failed)?;
    let length = u64::from_le_bytes(length);
    if length > HEADER_AT_MOST {
        return Err(bad(format!("a header of {length} bytes; at most {HEADER_AT_MOST} are read")));
    }
    let start = 8 + length;
    if start > found {
        return Err(FormatError::Truncated { path: path.into(), expected: start, found });
    }
    let mut header = Vec::new();
    file.take(length).read_to_end(&mut header).map_err(failed)?;
    let header: Map<String, Value> =
        serde_json::from_slice(&header).map_err(|e| bad(e.to_string()))?;
    let entries = header.into_iter().filter(|(name, _)| name != "__metadata__");
    let mut tensors = Vec::new();
    for (name, entry) in entries {
        let entry = Entry::deserialize(entry).map_err(|e| bad(format!("{name}: {e}")))?;
        let tensor = entry.tensor(&name, start).map_err(|what| bad(format!("{name}: {what}")))?;
        let expected = tensor.end();
        if expected > u128::from(found) {
            let expected = expected.min(u64::MAX.into()) as u64;
            return Err(FormatError::Truncated { path: path.into(), expected, found });
        }
        tensors.push(tensor);
    }
    Ok(tensors)
}

impl Entry {
    fn tensor(self, name: &str, start: u64) -> Result<Tensor, String> {
        use SourceType::{Bf16, Bool, F16, F32, F64, I8, I16, I32, I64, U8, U16, U32, U64};
        let numbers = match self.dtype.as_str() {
            "C64" => Numbers::Complex(F32),
            other => Numbers::Real(match other {
                "BOOL" => Bool,
                "U8" => U8,
                "I8" => I8,
                "U16" => U16,
                "I16" => I16,
                "U32" => U32,
                "I32" => I32,
                "U64" => U64,
                "I64" => I64,
                "F16" => F16,
                "BF16" => Bf16,
                "F32" => F32,
                "F64" => F64,
                _ => return Err(format!("numbers of type {other} are not read")),
            }),
        };
        let [from, to] = self.data_offsets;
        let size = numbers.size() as u64;
        let needed = self.shape.iter().fold(u128::from(size), |n, s| n.saturating_mul((*s).into()));
        if to.checked_sub(from).map(u128::from) != Some(needed) {
            let shape = &self.shape;
            return Err(format!("shape {shape:?} takes {needed} bytes, not {from} to {to}"));
        }
        let start = start.checked_add(from).ok_or("a place beyond any file")?;
        let (name, strides) = (name.to_string(), dense(&self.shape, numbers.size()));
        Ok(Tensor { name, numbers, endian: Endian::Little, shape: self.shape, strides, start })
    }
}
