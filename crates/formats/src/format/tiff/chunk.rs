//! Decodes one strip or tile of a TIFF page: unpacks it, undoes its predictor, reads its numbers.
//!
//! The unpacked size of a strip is known, and nothing is unpacked beyond it. Sources: TIFF 6.0 with
//! its technical note 3 for predictors of floats; Adobe's Deflate; libtiff's Zstandard.

use std::io::{Cursor, Read};

use flate2::read::ZlibDecoder;
use image::codecs::jpeg::JpegDecoder;
use image::{ColorType, ImageDecoder};
use weezl::{BitOrder, LzwStatus, decode};

use crate::cf::Packing;
use crate::codec::bounded;
use crate::dtype::{Endian, SourceType};
use crate::format::tiff::page::Page;
use crate::limits::DEFLATE_RATIO;

/// Largest number of bytes that one packed byte can become.
pub(crate) fn ratio(compression: u64) -> u64 {
    match compression {
        1 => 1,
        32773 => 128,
        8 | 32946 => DEFLATE_RATIO,
        // a code of 9 to 12 bits stands for at most 4096 bytes
        5 => 4096,
        // a block of 128 KiB after its header, or a picture of one colour
        _ => 1 << 17,
    }
}

/// Unpacks a strip or tile, which must give exactly `expected` bytes.
pub(crate) fn unpack(
    page: &Page,
    mut packed: Vec<u8>,
    expected: usize,
    tables: Option<&[u8]>,
) -> Result<Vec<u8>, String> {
    if page.reversed {
        packed.iter_mut().for_each(|byte| *byte = byte.reverse_bits());
    }
    let room = (packed.len() as u64).saturating_mul(ratio(page.compression));
    if (expected as u64) > room {
        return Err(format!("{} packed bytes cannot become the {expected} of it", packed.len()));
    }
    let bytes = match page.compression {
        1 => {
            packed.truncate(expected);
            packed
        }
        5 => lzw(&packed, expected)?,
        7 => jpeg(page, &packed, tables, expected)?,
        8 | 32946 => take(ZlibDecoder::new(&packed[..]), expected)?,
        32773 => pack_bits(&packed, expected),
        _ => take(bounded::zstd(&packed, expected)?, expected)?,
    };
    if bytes.len() != expected {
        return Err(format!("{} bytes come out where {expected} are needed", bytes.len()));
    }
    Ok(bytes)
}

/// Reads up to `expected` bytes of output.
fn take(from: impl Read, expected: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = from.take(expected as u64).read_to_end(&mut bytes);
    match read {
        Ok(_) => Ok(bytes),
        // an error after all needed bytes does no harm
        Err(_) if bytes.len() == expected => Ok(bytes),
        Err(error) => Err(error.to_string()),
    }
}

fn lzw(packed: &[u8], expected: usize) -> Result<Vec<u8>, String> {
    // old LZW: the first code is 256 with the least significant bit first
    if let [0, second, ..] = packed
        && second & 1 == 1
    {
        return Err("its LZW is of the kind before TIFF 5.0; write it again".into());
    }
    let mut decoder = decode::Configuration::with_tiff_size_switch(BitOrder::Msb, 8)
        .with_yield_on_full_buffer(true)
        .build();
    let mut bytes = vec![0; expected];
    let (mut from, mut filled) = (packed, 0);
    while filled < expected {
        let step = decoder.decode_bytes(from, &mut bytes[filled..]);
        from = &from[step.consumed_in..];
        filled += step.consumed_out;
        match step.status {
            Ok(LzwStatus::Ok) if step.consumed_in + step.consumed_out > 0 => {}
            Ok(_) => break,
            Err(error) => return Err(error.to_string()),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

fn pack_bits(packed: &[u8], expected: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(expected);
    let mut from = packed;
    while let [head, rest @ ..] = from
        && bytes.len() < expected
    {
        let head = *head as i8;
        from = match head {
            0.. => {
                let (literal, rest) = rest.split_at((head as usize + 1).min(rest.len()));
                bytes.extend(literal);
                rest
            }
            -128 => rest,
            _ => match rest {
                [byte, rest @ ..] => {
                    bytes.extend(std::iter::repeat_n(*byte, (1 - isize::from(head)) as usize));
                    rest
                }
                [] => rest,
            },
        };
    }
    bytes.truncate(expected);
    bytes
}

/// Decodes a JPEG stream, whose tables may be in a tag of the page.
fn jpeg(
    page: &Page,
    packed: &[u8],
    tables: Option<&[u8]>,
    expected: usize,
) -> Result<Vec<u8>, String> {
    let stream = match (tables, packed) {
        // tables without their end marker, then the picture without its start marker
        (Some([tables @ .., 0xff, 0xd9]), [0xff, 0xd8, rest @ ..]) => [tables, rest].concat(),
        _ => packed.to_vec(),
    };
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(expected as u64 + (64 << 20));
    let mut decoder = JpegDecoder::new(Cursor::new(stream)).map_err(|e| e.to_string())?;
    decoder.set_limits(limits).map_err(|e| e.to_string())?;
    let (width, height) = decoder.dimensions();
    let samples = match decoder.color_type() {
        ColorType::L8 => 1,
        ColorType::Rgb8 => 3,
        _ => 0,
    };
    let fits = width as usize == page.chunk.0 && samples == page.together();
    let larger =
        decoder.total_bytes() > (expected as u64).saturating_mul(2).saturating_add(bounded::WINDOW);
    if !fits || larger || decoder.total_bytes() < expected as u64 {
        return Err(format!("its JPEG has {height}x{width} pixels of {:?}", decoder.color_type()));
    }
    let mut bytes = vec![0; decoder.total_bytes() as usize];
    decoder.read_image(&mut bytes).map_err(|e| e.to_string())?;
    // the last strip may be padded at the bottom
    bytes.truncate(expected);
    Ok(bytes)
}

/// Undoes the predictor in rows of `row` bytes. Returns the byte order of the resulting numbers.
pub(crate) fn unpredict(page: &Page, endian: Endian, bytes: &mut [u8], row: usize) -> Endian {
    let (width, step) = (page.bits / 8, page.together());
    match page.predictor {
        2 => {
            bytes.chunks_exact_mut(row).for_each(|row| sum_up(row, width, step, endian));
            endian
        }
        3 => {
            let mut sorted = vec![0; row];
            for row in bytes.chunks_exact_mut(row) {
                for at in step..row.len() {
                    row[at] = row[at].wrapping_add(row[at - step]);
                }
                // the planes of bytes, most significant first
                let count = row.len() / width;
                for (at, byte) in row.iter().enumerate() {
                    sorted[at % count * width + at / count] = *byte;
                }
                row.copy_from_slice(&sorted);
            }
            Endian::Big
        }
        _ => endian,
    }
}

/// Sums up the differences along a row.
fn sum_up(row: &mut [u8], width: usize, step: usize, endian: Endian) {
    macro_rules! sum {
        ($t:ty) => {{
            let (numbers, _) = row.as_chunks_mut();
            for at in step..numbers.len() {
                let sum = |n: $t, d: $t| n.wrapping_add(d);
                numbers[at] = match endian {
                    Endian::Little => {
                        let (a, b) = (numbers[at], numbers[at - step]);
                        sum(<$t>::from_le_bytes(a), <$t>::from_le_bytes(b)).to_le_bytes()
                    }
                    Endian::Big => {
                        let (a, b) = (numbers[at], numbers[at - step]);
                        sum(<$t>::from_be_bytes(a), <$t>::from_be_bytes(b)).to_be_bytes()
                    }
                };
            }
        }};
    }
    match width {
        1 => sum!(u8),
        2 => sum!(u16),
        4 => sum!(u32),
        _ => sum!(u64),
    }
}

/// Appends the values of the numbers in one row.
pub(crate) fn numbers(
    page: &Page,
    endian: Endian,
    packing: Option<&Packing>,
    (row, count): (&[u8], usize),
    to: &mut Vec<f32>,
) {
    let size = page.dtype.size();
    let value = |stored: f64| packing.map_or(stored as f32, |packing| packing.value(stored));
    if page.bits == 8 * size && page.dtype != SourceType::Bool {
        let bytes = &row[..count * size];
        return match packing {
            None => page.dtype.decode(bytes, endian, to),
            Some(packing) => packing.decode(bytes, (page.dtype, endian), to),
        };
    }
    // numbers of few bits are contiguous, most significant bit first
    let bit = |at: usize| u32::from(row[at / 8] >> (7 - at % 8) & 1);
    to.extend((0..count).map(|number| {
        let first = number * page.bits;
        value(f64::from((first..first + page.bits).fold(0, |n, at| n << 1 | bit(at))))
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_bits_are_runs_and_literals() {
        // the example in Apple's technical note 1023
        let packed = [
            0xfe, 0xaa, 0x02, 0x80, 0x00, 0x2a, 0xfd, 0xaa, 0x03, 0x80, 0x00, 0x2a, 0x22, 0xf7,
            0xaa,
        ];
        let mut expected = vec![0xaa; 3];
        expected.extend([0x80, 0x00, 0x2a, 0xaa, 0xaa, 0xaa, 0xaa, 0x80, 0x00, 0x2a, 0x22]);
        expected.extend([0xaa; 10]);
        assert_eq!(pack_bits(&packed, 24), expected);
        assert_eq!(pack_bits(&packed, 4), expected[..4]);
        assert_eq!(pack_bits(&[0x05, 1], 6), [1]);
    }

    #[test]
    fn lzw_ends_where_the_strip_does() {
        // codes of 9 bits: clear, 7, the string just formed, end
        let codes = [256u32, 7, 258, 257];
        let bits = codes.iter().fold(0u64, |n, code| n << 9 | u64::from(*code)) << 4;
        let packed = bits.to_be_bytes()[3..].to_vec();
        assert_eq!(lzw(&packed, 3).unwrap(), [7, 7, 7]);
        assert_eq!(lzw(&packed, 2).unwrap(), [7, 7]);
        assert_eq!(lzw(&packed, 9).unwrap().len(), 3);
        assert!(lzw(&[0, 1, 2], 9).unwrap_err().contains("TIFF 5.0"));
    }
}
