//! Bytes-to-bytes codecs of Zarr, decoded within a memory bound. All are in safe Rust, without C.
//!
//! The unpacked size of a chunk is known: its points times the bytes of a number. Nothing is
//! unpacked beyond that size, whatever the packed chunk claims.

use flate2::read::{MultiGzDecoder, ZlibDecoder};
use serde_json::Value;

use crate::checksum::crc32c;
use crate::codec::bounded::{unpack, unpack_zstd};

pub(crate) mod blosc;
pub(crate) mod bounded;

/// Names of all codecs, for messages.
pub(crate) const KNOWN: &str = "blosc, bytes, crc32c, gzip, lz4, sharding_indexed, shuffle, \
                                transpose, zlib, zstd";

/// One codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    Gzip,
    Zlib,
    Zstd,
    /// A block after its unpacked length, as numcodecs writes it.
    Lz4,
    Blosc,
    /// A checksum after the bytes.
    Crc32c,
    /// Bytes of numbers sorted by significance.
    Shuffle {
        size: usize,
    },
}

impl Codec {
    /// The codec of a name and its settings, in Zarr 2 or 3.
    pub(crate) fn named(name: &str, settings: &Value) -> Option<Self> {
        Some(match name.strip_prefix("numcodecs.").unwrap_or(name) {
            "gzip" => Codec::Gzip,
            "zlib" => Codec::Zlib,
            "zstd" => Codec::Zstd,
            "lz4" => Codec::Lz4,
            "blosc" => Codec::Blosc,
            "crc32c" => Codec::Crc32c,
            "shuffle" => {
                let size = settings.get("elementsize").map_or(Some(4), Value::as_u64)?;
                Codec::Shuffle { size: usize::try_from(size).ok().filter(|n| *n > 0)? }
            }
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Codec::Gzip => "gzip",
            Codec::Zlib => "zlib",
            Codec::Zstd => "zstd",
            Codec::Lz4 => "lz4",
            Codec::Blosc => "blosc",
            Codec::Crc32c => "crc32c",
            Codec::Shuffle { .. } => "shuffle",
        }
    }

    /// Decodes bytes to at most `at_most` bytes.
    pub(crate) fn undo(self, bytes: Vec<u8>, at_most: usize) -> Result<Vec<u8>, String> {
        let undone = match self {
            Codec::Gzip => unpack(MultiGzDecoder::new(&bytes[..]), at_most),
            Codec::Zlib => unpack(ZlibDecoder::new(&bytes[..]), at_most),
            Codec::Zstd => unpack_zstd(&bytes, at_most),
            Codec::Lz4 => unpack_lz4(&bytes, at_most),
            Codec::Blosc => blosc::unpack(&bytes, at_most),
            Codec::Crc32c => checked(bytes),
            Codec::Shuffle { size } => {
                let mut values = vec![0; bytes.len()];
                blosc::unsort_bytes(&bytes, size, &mut values);
                Ok(values)
            }
        };
        undone.map_err(|what| format!("codec {}: {what}", self.name()))
    }
}

fn unpack_lz4(bytes: &[u8], at_most: usize) -> Result<Vec<u8>, String> {
    let (length, packed) = bytes.split_first_chunk().ok_or("cut short before its length")?;
    let length = u32::from_le_bytes(*length) as usize;
    if length > at_most {
        return Err(format!("{length} bytes are declared, {at_most} expected"));
    }
    let mut values = vec![0; length];
    let found = lz4_flex::block::decompress_into(packed, &mut values).map_err(|e| e.to_string())?;
    match found == length {
        true => Ok(values),
        false => Err(format!("{length} bytes are declared, {found} come out")),
    }
}

/// The bytes before a checksum; an error if the checksum differs.
pub(crate) fn checked(mut bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    let split = bytes.len().checked_sub(4).ok_or("cut short before its checksum")?;
    let expected = bytes[split..].iter().rev().fold(0, |n: u32, b| n << 8 | u32::from(*b));
    bytes.truncate(split);
    let found = crc32c(&bytes);
    match found == expected {
        true => Ok(bytes),
        false => Err(format!("the checksum is {found:08x}, not {expected:08x}: damaged")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_follows_its_bytes() {
        let mut bytes = b"123456789".to_vec();
        bytes.extend(0xe306_9283u32.to_le_bytes());
        assert_eq!(checked(bytes.clone()).unwrap(), b"123456789");
        bytes[3] ^= 1;
        assert!(checked(bytes).unwrap_err().contains("not e3069283"));
        assert!(checked(vec![1, 2, 3]).is_err());
    }

    #[test]
    fn nothing_unpacks_beyond_its_bound() {
        use std::io::Write;
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        zlib.write_all(&vec![0; 1 << 20]).unwrap();
        let error = Codec::Zlib.undo(zlib.finish().unwrap(), 100).unwrap_err();
        assert!(error.contains("more than 100 bytes"), "{error}");
        let claim = [&u32::MAX.to_le_bytes()[..], &[0]].concat();
        assert!(Codec::Lz4.undo(claim, 100).unwrap_err().contains("100 expected"));
        // a Zstandard frame with a window of 2^41 bytes
        let window = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xff, 1, 0, 0];
        assert!(Codec::Zstd.undo(window.to_vec(), 100).is_err());
        // one frame of raw bytes: a single segment of size 3, the last block
        let raw = [0x28, 0xb5, 0x2f, 0xfd, 0x20, 3, 0x19, 0, 0, 7, 8, 9];
        assert_eq!(Codec::Zstd.undo(raw.to_vec(), 3).unwrap(), [7, 8, 9]);
        assert!(Codec::Zstd.undo(raw.to_vec(), 2).is_err());
    }
}
