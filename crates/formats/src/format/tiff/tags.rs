//! The structure of a TIFF file: its header, its directories, and the values of their tags.
//!
//! Offsets and counts are checked against the file's length before memory is allocated. A circular
//! chain of directories is refused. Source: TIFF 6.0; BigTIFF.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use crate::FormatError;
use crate::container::bytes::Bytes;
use crate::dtype::{Endian, SourceType};

/// Longest text tag that is read.
const TEXT_AT_MOST: u64 = 64 << 20;

/// Tag numbers, with the names of TIFF 6.0.
pub(crate) mod tag {
    pub(crate) const SUBFILE: u16 = 254;
    pub(crate) const OLD_SUBFILE: u16 = 255;
    pub(crate) const WIDTH: u16 = 256;
    pub(crate) const HEIGHT: u16 = 257;
    pub(crate) const BITS: u16 = 258;
    pub(crate) const COMPRESSION: u16 = 259;
    pub(crate) const PHOTOMETRIC: u16 = 262;
    pub(crate) const FILL_ORDER: u16 = 266;
    pub(crate) const DESCRIPTION: u16 = 270;
    pub(crate) const STRIPS: u16 = 273;
    pub(crate) const ORIENTATION: u16 = 274;
    pub(crate) const SAMPLES: u16 = 277;
    pub(crate) const ROWS_PER_STRIP: u16 = 278;
    pub(crate) const STRIP_BYTES: u16 = 279;
    pub(crate) const X_RESOLUTION: u16 = 282;
    pub(crate) const Y_RESOLUTION: u16 = 283;
    pub(crate) const PLANAR: u16 = 284;
    pub(crate) const RESOLUTION_UNIT: u16 = 296;
    pub(crate) const PREDICTOR: u16 = 317;
    pub(crate) const TILE_WIDTH: u16 = 322;
    pub(crate) const TILE_HEIGHT: u16 = 323;
    pub(crate) const TILES: u16 = 324;
    pub(crate) const TILE_BYTES: u16 = 325;
    pub(crate) const EXTRA_SAMPLES: u16 = 338;
    pub(crate) const SAMPLE_FORMAT: u16 = 339;
    pub(crate) const JPEG_TABLES: u16 = 347;
    pub(crate) const IMAGE_DEPTH: u16 = 32997;
    /// Planes of a MetaMorph stack, which share one directory.
    pub(crate) const METAMORPH_STACK: u16 = 33629;
    pub(crate) const MODEL_PIXEL_SCALE: u16 = 33550;
    pub(crate) const GEO_KEYS: u16 = 34735;
    pub(crate) const GDAL_METADATA: u16 = 42112;
    pub(crate) const GDAL_NODATA: u16 = 42113;
}

/// One tag: its type, its number of values, and the bytes of its value field.
#[derive(Debug, Clone, Copy)]
struct Entry {
    kind: u16,
    count: u64,
    field: [u8; 8],
}

/// The tags of one page.
#[derive(Debug, Clone)]
pub(crate) struct Directory {
    /// Its index in the chain, counted from 0.
    pub(crate) page: usize,
    entries: BTreeMap<u16, Entry>,
}

/// An open TIFF file.
#[derive(Debug)]
pub(crate) struct Tags<'a> {
    pub(crate) path: &'a Path,
    bytes: &'a Bytes,
    /// Length of the file in bytes.
    pub(crate) length: u64,
    pub(crate) endian: Endian,
    big: bool,
    first: u64,
}

/// Bytes of one value of a tag's type; none for an unknown type.
fn size(kind: u16) -> Option<u64> {
    Some(match kind {
        1 | 2 | 6 | 7 => 1,
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16 | 17 | 18 => 8,
        _ => return None,
    })
}

impl<'a> Tags<'a> {
    /// Reads the header.
    pub(crate) fn open(path: &'a Path, bytes: &'a Bytes) -> Result<Self, FormatError> {
        let length =
            bytes.length().map_err(|source| FormatError::Read { path: path.into(), source })?;
        let mut tags = Self { path, bytes, length, endian: Endian::Little, big: false, first: 0 };
        let head = tags.bytes(0, 8)?;
        tags.endian = if head[0] == b'M' { Endian::Big } else { Endian::Little };
        tags.big = SourceType::length(&head[2..4], tags.endian) == 43;
        tags.first = match tags.big {
            true => SourceType::length(&tags.bytes(8, 8)?, tags.endian),
            false => SourceType::length(&head[4..8], tags.endian),
        };
        Ok(tags)
    }

    /// Bytes of the file, which must exist.
    pub(crate) fn bytes(&self, at: u64, count: u64) -> Result<Vec<u8>, FormatError> {
        let expected = at.saturating_add(count);
        if expected > self.length {
            return Err(FormatError::Truncated {
                path: self.path.into(),
                expected,
                found: self.length,
            });
        }
        let mut bytes = vec![0; count as usize];
        self.bytes
            .read_at(at, &mut bytes)
            .map_err(|source| FormatError::Read { path: self.path.into(), source })?;
        Ok(bytes)
    }

    /// The tags of all pages in the order of the file.
    pub(crate) fn directories(&self) -> Result<Vec<Directory>, FormatError> {
        let (mut found, mut seen) = (Vec::new(), HashSet::new());
        let (count_size, entry_size, word) = if self.big { (8, 20, 8) } else { (2, 12, 4) };
        // directories may overlap, but together they may not exceed the length of the file
        let (mut next, mut room) = (self.first, self.length);
        while next != 0 {
            let page = found.len();
            let refused =
                |what: &str| FormatError::Tiff { path: self.path.into(), page, what: what.into() };
            if !seen.insert(next) {
                return Err(refused("the chain of pages comes back to an earlier one"));
            }
            let count = SourceType::length(&self.bytes(next, count_size)?, self.endian);
            let taken = count.saturating_mul(entry_size).saturating_add(count_size);
            room = room
                .checked_sub(taken)
                .ok_or_else(|| refused("its tags take more bytes than the file has"))?;
            let start = next + count_size;
            let block = self.bytes(start, count * entry_size + word)?;
            let (entries, link) = block.split_at((count * entry_size) as usize);
            let entries = entries.chunks_exact(entry_size as usize).map(|e| self.entry(e));
            found.push(Directory { page, entries: entries.collect() });
            next = SourceType::length(link, self.endian);
        }
        match found.is_empty() {
            true => Err(FormatError::Empty {
                path: self.path.into(),
                what: "a TIFF without pages".into(),
            }),
            false => Ok(found),
        }
    }

    fn entry(&self, bytes: &[u8]) -> (u16, Entry) {
        let short = |b: &[u8]| SourceType::length(b, self.endian) as u16;
        let (count, value) = if self.big { (&bytes[4..12], 12) } else { (&bytes[4..8], 8) };
        let count = SourceType::length(count, self.endian);
        let mut field = [0; 8];
        field[..bytes.len() - value].copy_from_slice(&bytes[value..]);
        (short(&bytes[..2]), Entry { kind: short(&bytes[2..4]), count, field })
    }

    /// The type and the bytes of a tag's value; none if the page has no such tag.
    fn value(&self, page: &Directory, tag: u16) -> Result<Option<(u16, Vec<u8>)>, FormatError> {
        let Some(Entry { kind, count, field }) = page.entries.get(&tag) else { return Ok(None) };
        let Some(size) = size(*kind) else { return Ok(None) };
        let total = count.saturating_mul(size);
        let inline = if self.big { 8 } else { 4 };
        if total <= inline {
            return Ok(Some((*kind, field[..total as usize].to_vec())));
        }
        let at = SourceType::length(&field[..inline as usize], self.endian);
        Ok(Some((*kind, self.bytes(at, total)?)))
    }

    /// The integers of a tag; none if the tag is missing or holds other values.
    pub(crate) fn numbers(
        &self,
        page: &Directory,
        tag: u16,
    ) -> Result<Option<Vec<u64>>, FormatError> {
        let Some((kind, bytes)) = self.value(page, tag)? else { return Ok(None) };
        let whole = matches!(kind, 1 | 3 | 4 | 7 | 13 | 16 | 18);
        let width = size(kind).unwrap_or(1) as usize;
        let read = |b: &[u8]| SourceType::length(b, self.endian);
        Ok(whole.then(|| bytes.chunks_exact(width).map(read).collect()))
    }

    /// The first integer of a tag.
    pub(crate) fn number(&self, page: &Directory, tag: u16) -> Result<Option<u64>, FormatError> {
        Ok(self.numbers(page, tag)?.and_then(|numbers| numbers.first().copied()))
    }

    /// Number of values of a tag; 0 if it is missing.
    pub(crate) fn count(&self, page: &Directory, tag: u16) -> u64 {
        page.entries.get(&tag).map_or(0, |entry| entry.count)
    }

    /// The numbers of a tag, which may be fractions; none if it is missing or unreadable.
    pub(crate) fn reals(&self, page: &Directory, tag: u16) -> Option<Vec<f64>> {
        let (kind, bytes) = self.value(page, tag).ok()??;
        let unsigned = |b: &[u8]| SourceType::length(b, self.endian) as f64;
        Some(match kind {
            5 => bytes.chunks_exact(8).map(|b| unsigned(&b[..4]) / unsigned(&b[4..])).collect(),
            11 => SourceType::F32.decode_wide(&bytes, self.endian),
            12 => SourceType::F64.decode_wide(&bytes, self.endian),
            _ => self.numbers(page, tag).ok()??.into_iter().map(|n| n as f64).collect(),
        })
    }

    /// The text of a tag up to its first zero byte; empty if it is missing.
    pub(crate) fn text(&self, page: &Directory, tag: u16) -> Result<String, FormatError> {
        if self.count(page, tag) > TEXT_AT_MOST {
            return Ok(String::new());
        }
        let bytes = match self.value(page, tag)? {
            Some((1 | 2 | 7, bytes)) => bytes,
            _ => return Ok(String::new()),
        };
        let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
        Ok(String::from_utf8_lossy(&bytes[..end]).into_owned())
    }

    /// The bytes of a tag of any type.
    pub(crate) fn raw(&self, page: &Directory, tag: u16) -> Result<Option<Vec<u8>>, FormatError> {
        Ok(self.value(page, tag)?.map(|(_, bytes)| bytes))
    }
}
