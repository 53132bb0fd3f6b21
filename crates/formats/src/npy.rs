//! NPY, NumPy's array format: read in every byte order and both memory orders, written plainly.
//!
//! Bytes: `\x93NUMPY`, version, length of the header, the header, the values. Source:
//! `numpy.lib.format`, versions 1.0 to 3.0. Own code, because limits and byte offsets in errors
//! need a reader that takes nothing on trust, and the format is this small.

use crate::encoding::Encoding;
use crate::input::Input;
use crate::npy_header::NpyHeader;
use crate::placed::Placed;
use crate::{Form, FormatError, RawFields, ReadOptions, Units};

/// Longest header taken seriously; NumPy itself stops at 10 000 bytes.
const HEADER_AT_MOST: usize = 1 << 16;
/// Bytes before the values at most.
#[cfg(feature = "cloud")]
pub(crate) const HEAD_AT_MOST: u64 = HEADER_AT_MOST as u64 + 12;
/// NumPy aligns the values to this.
const ALIGN: usize = 64;

/// Reads an NPY file; its axes mean what [`Layout`](crate::layout::Layout) says.
pub(crate) fn read(mut input: Input<'_>, options: &ReadOptions) -> Result<RawFields, FormatError> {
    place(&mut input)?.read(input, options)
}

/// Reads the header, up to the first value.
pub(crate) fn place(input: &mut Input<'_>) -> Result<Placed, FormatError> {
    let start = input.header(8)?;
    if !start.starts_with(b"\x93NUMPY") {
        return Err(input.bad_header(0, "no NPY array"));
    }
    let length = match start[6] {
        1 => {
            let bytes = input.header(2)?;
            usize::from(u16::from_le_bytes([bytes[0], bytes[1]]))
        }
        2 | 3 => {
            let bytes = input.header(4)?;
            u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize
        }
        version => {
            return Err(input.bad_header(6, format!("NPY version {version}; known are 1 to 3")));
        }
    };
    let offset = input.offset();
    if length > HEADER_AT_MOST {
        let what = format!("a header of {length} bytes; at most {HEADER_AT_MOST} are read");
        return Err(input.bad_header(offset, what));
    }
    let bytes = input.header(length)?;
    let NpyHeader { dtype, endian, fortran_order, shape } = std::str::from_utf8(&bytes)
        .map_err(|_| String::from("it is not text"))
        .and_then(NpyHeader::parse)
        .map_err(|what| input.bad_header(offset, what))?;
    let (start, units) = (input.offset(), Units::default());
    Ok(Placed { shape, dtype, endian, fortran_order, start, units })
}

/// What stands before values of this form: `(N, axes…)` for one channel, else `(N, C, axes…)`, little-endian,
/// version 1.0.
pub(crate) fn head(form: &Form, encoding: Encoding) -> Vec<u8> {
    header(&form.shape(), encoding.descr())
}

/// A header of version 1.0, padded as NumPy does, for numbers of NumPy's type `descr`.
pub(crate) fn header(shape: &[usize], descr: &str) -> Vec<u8> {
    let axes: String = shape.iter().map(|n| format!("{n}, ")).collect();
    // a tuple of one has its comma
    let axes = if shape.len() == 1 { axes.trim_end() } else { axes.trim_end_matches(", ") };
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({axes}), }}");
    // magic, version and length take ten bytes, the closing newline one
    let padding = (ALIGN - (text.len() + 11) % ALIGN) % ALIGN;
    text.extend(std::iter::repeat_n(' ', padding));
    text.push('\n');
    let mut bytes = b"\x93NUMPY\x01\0".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.into_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes `numpy.save` writes for an array of shape (2, 3) and type float32.
    #[test]
    fn the_header_is_numpys() {
        let bytes = header(&[2, 3], "<f4");
        assert_eq!(bytes.len() % ALIGN, 0);
        assert_eq!(bytes[..10], *b"\x93NUMPY\x01\0\x76\0");
        assert_eq!(
            std::str::from_utf8(&bytes[10..]).unwrap().trim_end(),
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"
        );
        assert_eq!(bytes.last(), Some(&b'\n'));
    }
}
