//! Reader of Blosc 1 buffers, the default compression of Zarr, in safe Rust.
//!
//! A buffer is a header of 16 bytes, the offsets of the blocks, and the blocks. A block is one
//! stream, or as many streams as a number has bytes. Each stream is packed by BloscLZ, LZ4, zlib or
//! Zstandard, or stored. Unpacked blocks may have the bytes or bits of their numbers sorted by
//! significance (shuffle).
//!
//! Source: the format notes of c-blosc 1.21 (`README_CHUNK_FORMAT.rst`). This is own code because
//! the only port without C is young and reads Blosc 2. Snappy is not read, because no Zarr writer
//! uses it by default.

use std::io::Read;

use flate2::read::ZlibDecoder;

use crate::codec::bounded::unpack_zstd;

/// Bytes of the header.
const HEADER: usize = 16;
/// Limits for splitting a block: most bytes of a number, and fewest numbers of a block.
const STREAMS_AT_MOST: usize = 16;
const NUMBERS_AT_LEAST: usize = 128;

/// The content of the header.
struct Header {
    flags: u8,
    /// Bytes of a number.
    size: usize,
    unpacked: usize,
    block: usize,
}

/// Unpacks one buffer to at most `at_most` bytes. The error says what is wrong with it.
pub(crate) fn unpack(bytes: &[u8], at_most: usize) -> Result<Vec<u8>, String> {
    let header = Header::read(bytes)?;
    if header.unpacked > at_most {
        return Err(format!("{} bytes are declared, {at_most} expected", header.unpacked));
    }
    let short = || String::from("cut short");
    if header.flags & 0x02 != 0 {
        return Ok(bytes.get(HEADER..HEADER + header.unpacked).ok_or_else(short)?.to_vec());
    }
    let mut values = vec![0; header.unpacked];
    let mut sorted = Vec::new();
    for (i, block) in values.chunks_mut(header.block.max(1)).enumerate() {
        let place = HEADER + 4 * i;
        let start = number(bytes, place).ok_or_else(short)? as usize;
        sorted.clear();
        sorted.resize(block.len(), 0);
        header.streams(bytes, start, &mut sorted)?;
        match (header.flags & 0x05, header.size) {
            (0x01, 2..) => unsort_bytes(&sorted, header.size, block),
            (0x04, _) => unsort_bits(&sorted, header.size, block),
            _ => block.copy_from_slice(&sorted),
        }
    }
    Ok(values)
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Self, String> {
        let length = |at| number(bytes, at).map(|n| n as usize);
        let (Some(unpacked), Some(block), Some(packed)) = (length(4), length(8), length(12)) else {
            return Err(format!("{} bytes are no Blosc buffer", bytes.len()));
        };
        let [version, _, flags, size, ..] = *bytes else { unreachable!("four bytes and more") };
        if !(1..=2).contains(&version) {
            return Err(format!("Blosc format {version}; 1 and 2 are read"));
        }
        if packed > bytes.len() {
            return Err(format!("cut short: {packed} bytes are declared, it has {}", bytes.len()));
        }
        if block == 0 && unpacked > 0 {
            return Err("blocks of 0 bytes".into());
        }
        Ok(Self { flags, size: usize::from(size.max(1)), unpacked, block: block.min(unpacked) })
    }

    /// Unpacks all streams of a block, one after the other.
    fn streams(&self, bytes: &[u8], start: usize, to: &mut [u8]) -> Result<(), String> {
        let whole = to.len() == self.block;
        let cut = self.flags & 0x10 == 0
            && whole
            && self.size <= STREAMS_AT_MOST
            && self.block / self.size >= NUMBERS_AT_LEAST
            && self.block.is_multiple_of(self.size);
        let length = if cut { self.block / self.size } else { to.len() };
        let mut at = start;
        for stream in to.chunks_mut(length.max(1)) {
            let packed = number(bytes, at).ok_or("cut short before a stream")? as usize;
            let end = at.saturating_add(4).saturating_add(packed);
            let from = bytes.get(at + 4..end).ok_or("cut short within a stream")?;
            if packed == stream.len() {
                stream.copy_from_slice(from);
            } else {
                self.stream(from, stream)?;
            }
            at = end;
        }
        Ok(())
    }

    fn stream(&self, from: &[u8], to: &mut [u8]) -> Result<(), String> {
        let found = match self.flags >> 5 {
            0 => blosclz(from, to)?,
            1 => lz4_flex::block::decompress_into(from, to).map_err(|e| e.to_string())?,
            3 => {
                let mut read = ZlibDecoder::new(from);
                read.read_exact(to).map_err(|e| e.to_string())?;
                to.len()
            }
            4 => {
                let bytes = unpack_zstd(from, to.len())?;
                to.get_mut(..bytes.len()).ok_or("a stream is too long")?.copy_from_slice(&bytes);
                bytes.len()
            }
            2 => return Err("packed by Snappy; lz4, zlib, zstd and blosclz are read".into()),
            other => return Err(format!("packed by an unknown method, number {other}")),
        };
        match found == to.len() {
            true => Ok(()),
            false => Err(format!("a stream unpacks to {found} bytes of {}", to.len())),
        }
    }
}

/// A little-endian number of four bytes.
fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let end = at.checked_add(4)?;
    bytes.get(at..end).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}

/// Undoes the byte shuffle: byte b of number i lies at b · n + i. Bytes that fill no number are
/// unchanged.
pub(crate) fn unsort_bytes(sorted: &[u8], size: usize, to: &mut [u8]) {
    let n = sorted.len() / size;
    for (byte, plane) in
        sorted.chunks_exact(n.max(1)).take(if n > 0 { size } else { 0 }).enumerate()
    {
        for (i, value) in plane.iter().enumerate() {
            to[i * size + byte] = *value;
        }
    }
    to[n * size..].copy_from_slice(&sorted[n * size..]);
}

/// Undoes the bit shuffle: bit b of number i is bit i mod 8 of byte (b · n + i) / 8. Only whole
/// groups of 8 numbers are shuffled.
pub(crate) fn unsort_bits(sorted: &[u8], size: usize, to: &mut [u8]) {
    let n = sorted.len() / size;
    if !n.is_multiple_of(8) || n == 0 {
        return to.copy_from_slice(sorted);
    }
    let row = n / 8;
    for (bit, bits) in sorted[..n * size].chunks_exact(row).enumerate() {
        let (byte, place) = (bit / 8, bit % 8);
        for (group, eight) in bits.iter().enumerate() {
            for i in 0..8 {
                to[(group * 8 + i) * size + byte] |= (eight >> i & 1) << place;
            }
        }
    }
    to[n * size..].copy_from_slice(&sorted[n * size..]);
}

/// Unpacks BloscLZ, which has runs of literals and matches with earlier output. Returns the bytes
/// written.
fn blosclz(from: &[u8], to: &mut [u8]) -> Result<usize, String> {
    /// Largest distance of a match that fits 13 bits.
    const NEAR: usize = 8191;
    let short = "cut short within a BloscLZ stream";
    let mut rest = from.iter().map(|b| usize::from(*b));
    let mut next = || rest.next();
    let mut at = 0;
    let mut control = next().ok_or(short)? & 31;
    loop {
        if control < 32 {
            let run = to.get_mut(at..at + control + 1).ok_or("literals beyond the block")?;
            for byte in run {
                *byte = next().ok_or(short)? as u8;
            }
            at += control + 1;
        } else {
            let mut length = (control >> 5) + 2;
            if length == 9 {
                loop {
                    let more = next().ok_or(short)?;
                    length += more;
                    if more != 255 {
                        break;
                    }
                }
            }
            let high = (control & 31) << 8;
            let low = next().ok_or(short)?;
            let mut distance = high + low + 1;
            if low == 255 && high == 31 << 8 {
                distance = NEAR + 1 + (next().ok_or(short)? << 8);
                distance += next().ok_or(short)?;
            }
            if distance > at || length > to.len() - at {
                return Err("a match outside the block".into());
            }
            // a match may overlap its own output
            for i in at..at + length {
                to[i] = to[i - distance];
            }
            at += length;
        }
        match next() {
            Some(byte) => control = byte,
            None => return Ok(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_bits_are_sorted_back() {
        let numbers: Vec<u8> = (0..32u8).map(|i| i.wrapping_mul(37)).collect();
        for size in [1, 2, 4] {
            let n = numbers.len() / size;
            let mut bytes = vec![0; 32];
            let mut bits = vec![0u8; 32];
            for (i, number) in numbers.chunks(size).enumerate() {
                for (b, value) in number.iter().enumerate() {
                    bytes[b * n + i] = *value;
                    for place in 0..8 {
                        let at = (8 * b + place) * n + i;
                        bits[at / 8] |= (value >> place & 1) << (at % 8);
                    }
                }
            }
            let mut back = vec![0; 32];
            unsort_bytes(&bytes, size, &mut back);
            assert_eq!(back, numbers, "bytes of {size}");
            let mut back = vec![0; 32];
            unsort_bits(&bits, size, &mut back);
            assert_eq!(back, numbers, "bits of {size}");
        }
        let mut odd = vec![0; 7];
        unsort_bytes(&[1, 2, 3, 4, 5, 6, 7], 3, &mut odd);
        assert_eq!(odd, [1, 3, 5, 2, 4, 6, 7]);
    }

    #[test]
    fn blosclz_repeats_what_it_has_seen() {
        let mut to = [0; 10];
        // 3 literals, then a match of 3 + 4 bytes at distance 3, which overlaps its own output
        assert_eq!(blosclz(&[2, 7, 8, 9, (5 << 5), 2], &mut to), Ok(10));
        assert_eq!(to, [7, 8, 9, 7, 8, 9, 7, 8, 9, 7]);
        let far = blosclz(&[0, 7, (1 << 5), 1], &mut to);
        assert!(far.unwrap_err().contains("outside"));
        assert!(blosclz(&[9, 1, 2], &mut to).unwrap_err().contains("cut short"));
        assert!(blosclz(&[31, 1, 2], &mut to).unwrap_err().contains("beyond"));
    }

    #[test]
    fn claims_are_held_against_what_is_there() {
        let header = |version, flags, unpacked: u32, block: u32, packed: u32| {
            let mut bytes = vec![version, 1, flags, 4];
            bytes.extend([unpacked, block, packed].iter().flat_map(|n| n.to_le_bytes()));
            bytes
        };
        for (bytes, part) in [
            (vec![2, 1, 0], "no Blosc buffer"),
            (header(9, 0, 8, 8, 16), "format 9"),
            (header(2, 0, 8, 8, 17), "17 bytes are declared"),
            (header(2, 0, 8, 0, 16), "blocks of 0"),
            (header(2, 0, u32::MAX, 8, 16), "64 expected"),
            (header(2, 2, 8, 8, 16), "cut short"),
            (header(2, 0, 8, 8, 16), "cut short"),
        ] {
            let error = unpack(&bytes, 64).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        let stored = [header(2, 2, 8, 8, 24), (0..8).collect()].concat();
        assert_eq!(unpack(&stored, 64).unwrap(), (0..8).collect::<Vec<u8>>());
    }
}
