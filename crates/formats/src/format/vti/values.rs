//! The values of one array of a VTK file: text, base64, raw bytes, zlib blocks.
//!
//! Binary values follow their length. Compressed values follow a table: number of blocks, bytes of
//! a full block and of the last one, packed bytes of each. Base64 of several pieces may have
//! padding between them. Source: "VTK XML Formats", and what VTK 9 writes.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::ZlibDecoder;

use crate::cf::Packing;
use crate::dtype::SourceType;
use crate::format::vti::header::{VtiArray, VtiHeader, VtiValues};
use crate::limits::DEFLATE_RATIO;

/// Number of characters that no number exceeds.
const NUMBER_AT_MOST: usize = 64;

/// The `count` values of an array, with `offset` subtracted. The error says what is wrong with the
/// array.
pub(crate) fn decode(
    header: &VtiHeader,
    array: &VtiArray,
    count: usize,
    bytes: &[u8],
    offset: f64,
) -> Result<Vec<f32>, String> {
    let needed = count as u64 * array.dtype.size() as u64;
    let stream = match array.values {
        VtiValues::Ascii(start, end) => {
            return ascii(&bytes[start..end], array.dtype, count, offset);
        }
        VtiValues::Inline(start, end) => Cow::Owned(letters(header, &bytes[start..end], needed)?),
        VtiValues::Appended(place) => {
            let (start, encoded) = header.appended.ok_or("appended values, but none are there")?;
            let from = start.checked_add(place).filter(|from| *from <= bytes.len());
            let from = from.ok_or_else(|| format!("offset {place} is behind the end"))?;
            match encoded {
                true => Cow::Owned(letters(header, &bytes[from..], needed)?),
                false => Cow::Borrowed(&bytes[from..]),
            }
        }
    };
    let values = match header.zlib {
        false => Cow::Borrowed(plain(header, &stream, needed)?),
        true => Cow::Owned(unpacked(header, &stream, needed)?),
    };
    let mut numbers = Vec::with_capacity(count);
    match Packing::less(None, offset) {
        None => array.dtype.decode(&values, header.endian, &mut numbers),
        Some(less) => less.decode(&values, (array.dtype, header.endian), &mut numbers),
    }
    Ok(numbers)
}

/// Decodes the base64 of one array. Other arrays may follow, and are not decoded.
fn letters(header: &VtiHeader, text: &[u8], needed: u64) -> Result<Vec<u8>, String> {
    let size = header.length_size as u64;
    let upto = |bytes: u64| base64(text, usize::try_from(bytes).unwrap_or(usize::MAX));
    if !header.zlib {
        return upto(size.saturating_add(needed));
    }
    let blocks = word(header, &upto(size)?, 0)?;
    let table = upto(blocks.saturating_add(3).saturating_mul(size))?;
    // a truncated table is refused where it is read
    let words = table.chunks_exact(header.length_size).skip(3).take(blocks as usize);
    let packed =
        words.fold(0u64, |sum, word| sum.saturating_add(SourceType::length(word, header.endian)));
    upto((table.len() as u64).saturating_add(packed))
}

/// Parses numbers separated by spaces.
fn ascii(text: &[u8], dtype: SourceType, count: usize, offset: f64) -> Result<Vec<f32>, String> {
    // each number takes a digit and a space, except the last
    if count > text.len() / 2 + 1 {
        return Err(format!("{count} values are needed, its text has {} bytes", text.len()));
    }
    let mut values = Vec::with_capacity(count);
    let words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    for word in words {
        let number = std::str::from_utf8(&word[..word.len().min(NUMBER_AT_MOST)])
            .ok()
            .and_then(|word| word.parse::<f64>().ok());
        let number = number.ok_or_else(|| {
            format!("{:?} is no number of type {dtype}", String::from_utf8_lossy(word))
        })?;
        values.push((number - offset) as f32);
        if values.len() > count {
            break;
        }
    }
    match values.len() {
        n if n == count => Ok(values),
        n if n > count => Err(format!("more than the {count} values of its extent")),
        n => Err(format!("{count} values are needed, {n} are there")),
    }
}

/// Word `index` of a stream, which is a length.
fn word(header: &VtiHeader, stream: &[u8], index: usize) -> Result<u64, String> {
    let size = header.length_size;
    let bytes = index.checked_mul(size).and_then(|from| stream.get(from..from.checked_add(size)?));
    let bytes = bytes.ok_or("cut short before its length")?;
    Ok(SourceType::length(bytes, header.endian))
}

fn plain<'s>(header: &VtiHeader, stream: &'s [u8], needed: u64) -> Result<&'s [u8], String> {
    let claimed = word(header, stream, 0)?;
    if claimed != needed {
        return Err(format!("{needed} bytes are needed, its length says {claimed}"));
    }
    let values = &stream[header.length_size..];
    let found = values.len() as u64;
    values
        .get(..needed as usize)
        .ok_or_else(|| format!("{needed} bytes are needed, {found} are there"))
}

fn unpacked(header: &VtiHeader, stream: &[u8], needed: u64) -> Result<Vec<u8>, String> {
    let blocks = word(header, stream, 0)?;
    let (whole, last) = (word(header, stream, 1)?, word(header, stream, 2)?);
    let table = blocks.checked_add(3).and_then(|n| n.checked_mul(header.length_size as u64));
    let start = table
        .filter(|n| *n <= stream.len() as u64)
        .ok_or_else(|| format!("a table of {blocks} blocks in {} bytes", stream.len()))?
        as usize;
    let claimed = match (blocks, last) {
        (0, _) => Some(0),
        (n, 0) => whole.checked_mul(n),
        (n, last) => whole.checked_mul(n - 1).and_then(|sum| sum.checked_add(last)),
    };
    if claimed != Some(needed) {
        return Err(format!("{needed} bytes are needed, its blocks say {claimed:?}"));
    }
    if needed > (stream.len() as u64).saturating_mul(DEFLATE_RATIO) {
        return Err(format!("{needed} bytes cannot come out of {}", stream.len()));
    }
    let (mut from, mut values) = (start, Vec::with_capacity(needed as usize));
    for block in 0..blocks {
        let packed = word(header, stream, 3 + block as usize)?;
        let upto = (from as u64).checked_add(packed).filter(|n| *n <= stream.len() as u64);
        let upto = upto.ok_or_else(|| format!("block {block} is cut short"))? as usize;
        let size = if block + 1 == blocks && last > 0 { last } else { whole };
        let before = values.len() as u64;
        ZlibDecoder::new(&stream[from..upto])
            .take(size + 1)
            .read_to_end(&mut values)
            .map_err(|e| format!("block {block}: {e}"))?;
        let found = values.len() as u64 - before;
        if found != size {
            return Err(format!("block {block} unpacks to {found} bytes of {size}"));
        }
        from = upto;
    }
    Ok(values)
}

/// Decodes base64 up to the first foreign character, or to the group that completes `enough` bytes.
/// Spaces are skipped. Padding ends a piece, but not the stream.
fn base64(text: &[u8], enough: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity((text.len() / 4 * 3).min(enough.saturating_add(2)));
    let (mut group, mut letters, mut padding) = (0u32, 0, 0);
    for &letter in text {
        if bytes.len() >= enough {
            break;
        }
        let six = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                padding += 1;
                0
            }
            _ if letter.is_ascii_whitespace() => continue,
            _ => break,
        };
        if padding > 0 && letter != b'=' {
            return Err("a letter after padding".into());
        }
        group = group << 6 | u32::from(six);
        letters += 1;
        if letters == 4 {
            if padding > 2 {
                return Err("a group of padding only".into());
            }
            bytes.extend(&group.to_be_bytes()[1..4 - padding]);
            (group, letters, padding) = (0, 0, 0);
        }
    }
    match letters {
        0 => Ok(bytes),
        _ => Err("base64 that is cut short".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_rfc_4648_piece_by_piece() {
        for (text, bytes) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9v\n YmFy", "foobar"),
            ("Zg==Zm8=Zm9v", "ffofoo"),
            ("Zm9v<", "foo"),
        ] {
            assert_eq!(base64(text.as_bytes(), usize::MAX).unwrap(), bytes.as_bytes(), "{text}");
        }
        for text in ["Zg", "Zg=", "Zg=v", "===="] {
            assert!(base64(text.as_bytes(), usize::MAX).is_err(), "{text}");
        }
        // whole groups, and no character more
        for (enough, bytes) in [(0, ""), (1, "foo"), (3, "foo"), (4, "foobar")] {
            assert_eq!(base64(b"Zm9vYmFyZg=v", enough).unwrap(), bytes.as_bytes(), "{enough}");
        }
    }
}
