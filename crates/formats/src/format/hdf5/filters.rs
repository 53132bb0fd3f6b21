//! HDF5 filters that the C library loads as plugins, decoded in safe Rust; and the names of other
//! filters.
//!
//! h5py offers LZF. `hdf5plugin` and instruments write Blosc, bitshuffle, LZ4 and Zstandard.
//! Source: the filter registry of the HDF Group, and the notes of the plugins.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hdf5_reader::FilterRegistry;
use hdf5_reader::error::Error;

use crate::codec::blosc;
use crate::codec::bounded;

const LZF: u16 = 32_000;
const BLOSC: u16 = 32_001;
const LZ4: u16 = 32_004;
const BITSHUFFLE: u16 = 32_008;
const ZSTD: u16 = 32_015;

/// Compression methods of bitshuffle.
const BITSHUFFLE_LZ4: u32 = 2;
const BITSHUFFLE_ZSTD: u32 = 3;

/// The supported filters. Their output is bounded by the bytes of a chunk, which are known once a
/// dataset is chosen.
pub(crate) fn registry(chunk_bytes: &Arc<AtomicUsize>) -> FilterRegistry {
    type Undo = fn(&[u32], &[u8], usize, usize) -> Result<Vec<u8>, String>;
    let filters: [(u16, &'static str, Undo); 5] = [
        (LZF, "LZF", |_, bytes, _, most| lzf(bytes, most)),
        (BLOSC, "Blosc", |_, bytes, _, most| blosc::unpack(bytes, most)),
        (LZ4, "LZ4", |_, bytes, _, most| lz4(bytes, most)),
        (BITSHUFFLE, "bitshuffle", bitshuffle),
        (ZSTD, "Zstandard", |_, bytes, _, most| bounded::unpack_zstd(bytes, most)),
    ];
    let mut registry = FilterRegistry::new();
    for (id, name, undo) in filters {
        let most = chunk_bytes.clone();
        registry.register(
            id,
            Box::new(move |filter, bytes, size| {
                undo(&filter.client_data, bytes, size, most.load(Ordering::Relaxed))
                    .map_err(|what| Error::FilterError(format!("filter {name}: {what}")))
            }),
        );
    }
    registry
}

/// The name of an unsupported filter.
pub(crate) fn name(id: u16) -> &'static str {
    match id {
        4 => "szip",
        307 => "bzip2",
        32_003 => "Snappy",
        32_010 => "VBZ",
        32_012 => "MAFISC",
        32_013 => "ZFP",
        32_014 => "fpzip",
        32_017 | 32_024 => "SZ",
        32_018 => "FCIDECOMP",
        32_019 => "JPEG",
        32_026 => "Blosc 2",
        32_028 => "SPERR",
        _ => "of a kind not known here",
    }
}

fn big(bytes: &[u8], at: usize, length: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(length)?)?;
    usize::try_from(bytes.iter().fold(0u64, |n, b| n << 8 | u64::from(*b))).ok()
}

/// Decodes LZF: runs of literal bytes, and copies of earlier output.
fn lzf(bytes: &[u8], at_most: usize) -> Result<Vec<u8>, String> {
    let mut values: Vec<u8> = Vec::new();
    let mut rest = bytes.iter().copied();
    let mut next = || rest.next().ok_or("cut short");
    while let Ok(control) = next() {
        let control = usize::from(control);
        if control < 32 {
            for _ in 0..=control {
                values.push(next()?);
            }
        } else {
            let mut length = control >> 5;
            if length == 7 {
                length += usize::from(next()?);
            }
            let back = (control & 31) << 8 | usize::from(next()?);
            let start = values.len().checked_sub(back + 1).ok_or("a copy from before the start")?;
            for i in start..start + length + 2 {
                values.push(values[i]);
            }
        }
        if values.len() > at_most {
            return Err(format!("more than {at_most} bytes come out"));
        }
    }
    Ok(values)
}

/// Decodes LZ4 blocks, each after its length. A block that did not shrink is stored.
fn lz4(bytes: &[u8], at_most: usize) -> Result<Vec<u8>, String> {
    let short = || String::from("cut short");
    let total = big(bytes, 0, 8).ok_or_else(short)?;
    let block = big(bytes, 8, 4).ok_or_else(short)?;
    if total > at_most || block == 0 && total > 0 {
        return Err(format!("{total} bytes in blocks of {block} are declared, {at_most} expected"));
    }
    let mut values = vec![0; total];
    let mut at = 12;
    for to in values.chunks_mut(block.max(1)) {
        let (from, end) = block_at(bytes, at)?;
        match from.len() == to.len() {
            true => to.copy_from_slice(from),
            false => unpack_lz4(from, to)?,
        }
        at = end;
    }
    Ok(values)
}

/// The block at `at`, after its length, and the offset of the next one.
fn block_at(bytes: &[u8], at: usize) -> Result<(&[u8], usize), String> {
    let packed = big(bytes, at, 4).ok_or("cut short before a block")?;
    let end = (at + 4).saturating_add(packed);
    Ok((bytes.get(at + 4..end).ok_or("cut short within a block")?, end))
}

fn unpack_lz4(from: &[u8], to: &mut [u8]) -> Result<(), String> {
    let found = lz4_flex::block::decompress_into(from, to).map_err(|e| e.to_string())?;
    match found == to.len() {
        true => Ok(()),
        false => Err(format!("a block unpacks to {found} bytes of {}", to.len())),
    }
}

/// Decodes bitshuffle: blocks of numbers whose bits are sorted by significance, packed or not.
fn bitshuffle(
    settings: &[u32],
    bytes: &[u8],
    size: usize,
    at_most: usize,
) -> Result<Vec<u8>, String> {
    let setting = |at: usize| settings.get(at).copied().unwrap_or(0);
    let size = if setting(2) > 0 { setting(2) as usize } else { size.max(1) };
    let method = setting(4);
    let short = || String::from("cut short");
    let (total, block, mut at) = match method {
        0 => (bytes.len(), setting(3) as usize, 0),
        BITSHUFFLE_LZ4 | BITSHUFFLE_ZSTD => {
            let block = big(bytes, 8, 4).ok_or_else(short)? / size;
            (big(bytes, 0, 8).ok_or_else(short)?, block, 12)
        }
        other => return Err(format!("packed by an unknown method, number {other}")),
    };
    if total > at_most {
        return Err(format!("{total} bytes are declared, {at_most} expected"));
    }
    // the plugin's default: about 8 KiB, a multiple of 8 numbers, and at least 128 of them
    let block = if block > 0 { block } else { (8192 / size / 8 * 8).max(128) };
    let count = total / size;
    let mut values = vec![0; total];
    let mut sorted = Vec::new();
    let mut done = 0;
    while count - done >= 8 {
        let numbers = block.min((count - done) / 8 * 8).max(8);
        let to = &mut values[done * size..(done + numbers) * size];
        sorted.clear();
        sorted.resize(to.len(), 0);
        at = match method {
            0 => {
                sorted.copy_from_slice(bytes.get(at..at + to.len()).ok_or_else(short)?);
                at + to.len()
            }
            // blocks are packed even if they do not shrink
            BITSHUFFLE_LZ4 => {
                let (from, end) = block_at(bytes, at)?;
                unpack_lz4(from, &mut sorted)?;
                end
            }
            _ => {
                let (from, end) = block_at(bytes, at)?;
                sorted = bounded::unpack_zstd(from, to.len())?;
                if sorted.len() != to.len() {
                    let found = sorted.len();
                    return Err(format!("a block unpacks to {found} bytes of {}", to.len()));
                }
                end
            }
        };
        blosc::unsort_bits(&sorted, size, to);
        done += numbers;
    }
    // the last numbers, fewer than eight, are stored unsorted
    let rest = &mut values[done * size..];
    rest.copy_from_slice(bytes.get(at..at + rest.len()).ok_or_else(short)?);
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lzf_copies_what_came_before() {
        // three literal bytes, then five bytes copied from distance two
        assert_eq!(lzf(&[2, 1, 2, 3, 3 << 5, 1], 100).unwrap(), [1, 2, 3, 2, 3, 2, 3, 2]);
        assert_eq!(lzf(&[0, 9, 7 << 5, 2, 0], 100).unwrap(), [9; 12]);
        for (bytes, said) in [
            (&[2, 1][..], "cut short"),
            (&[0, 1, 1 << 5, 1], "before the start"),
            (&[0, 9, 7 << 5, 255, 0], "more than"),
        ] {
            let error = lzf(bytes, 100).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn blocks_that_did_not_shrink_stand_as_they_are() {
        let stored =
            [&[0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 2, 7, 8, 0, 0, 0, 1, 9][..]].concat();
        assert_eq!(lz4(&stored, 3).unwrap(), [7, 8, 9]);
        assert!(lz4(&stored, 2).unwrap_err().contains("2 expected"));
        assert!(lz4(&stored[..20], 3).is_err());
    }

    #[test]
    fn a_block_of_bitshuffle_is_packed_even_where_it_does_not_shrink() {
        // eight bytes that unpack to eight: 5, copied four times, then 7, 8, 9
        let packed = [0x10, 5, 1, 0, 0x30, 7, 8, 9];
        let header = [0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0, 0, 8];
        let found = bitshuffle(&[0, 4, 1, 0, 2], &[&header[..], &packed].concat(), 1, 100);
        assert_eq!(found, bitshuffle(&[0, 4, 1, 8, 0], &[5, 5, 5, 5, 5, 7, 8, 9], 1, 100));
        assert!(found.is_ok());
    }

    #[test]
    fn bits_are_put_back_and_a_rest_stands_as_it_is() {
        // nine one-byte numbers: bit b of number i of the first eight is bit i of byte b
        let sorted = [0b1111_1111, 0b0000_0001, 0, 0, 0, 0, 0, 0b1000_0000, 42];
        let values = bitshuffle(&[0, 3, 1, 0, 0], &sorted, 1, 100).unwrap();
        assert_eq!(values, [3, 1, 1, 1, 1, 1, 1, 129, 42]);
        assert!(bitshuffle(&[0, 3, 1, 0, 9], &sorted, 1, 100).is_err());
        assert!(bitshuffle(&[0, 3, 1, 0, 2], &sorted, 1, 100).is_err());
    }
}
