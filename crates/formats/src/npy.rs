//! NPY, NumPy's array format: read in every byte order and both memory orders, written plainly.
//!
//! Bytes: `\x93NUMPY`, version, length of the header, the header, the values. Source:
//! `numpy.lib.format`, versions 1.0 to 3.0. Own code, because limits and byte offsets in errors
//! need a reader that takes nothing on trust, and the format is this small.

use std::io::{self, Write};
use std::path::Path;

use crate::input::Input;
use crate::layout::Layout;
use crate::npy_header::NpyHeader;
use crate::write::Precision;
use crate::{FieldsRef, FormatError, RawFields, ReadOptions};

/// Longest header taken seriously; NumPy itself stops at 10 000 bytes.
const HEADER_AT_MOST: usize = 1 << 16;
/// NumPy aligns the values to this.
const ALIGN: usize = 64;

/// Reads an NPY file; its axes mean what [`Layout`] says.
pub(crate) fn read(mut input: Input<'_>, options: &ReadOptions) -> Result<RawFields, FormatError> {
    let start = input.header(8)?;
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
    let header = std::str::from_utf8(&bytes)
        .map_err(|_| String::from("it is not text"))
        .and_then(NpyHeader::parse)
        .map_err(|what| input.bad_header(offset, what))?;
    let layout = Layout::of(input.path, &header.shape, options)?;
    let path = input.path;
    let mut values = input.values(&header.shape, header.dtype, header.endian, options)?;
    if header.fortran_order {
        values = last_axis_fastest(&values, &header.shape);
    }
    layout.fields(path, values, header.dtype)
}

/// Values stored first axis fastest, in the order last axis fastest.
fn last_axis_fastest(values: &[f32], shape: &[u64]) -> Vec<f32> {
    let shape: Vec<usize> = shape.iter().map(|&n| n as usize).collect();
    let mut stride = vec![1; shape.len()];
    for axis in 1..shape.len() {
        stride[axis] = stride[axis - 1] * shape[axis - 1];
    }
    let mut index = vec![0; shape.len()];
    let mut from = 0;
    let mut ordered = Vec::with_capacity(values.len());
    while ordered.len() < values.len() {
        ordered.push(values[from]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            from += stride[axis];
            if index[axis] < shape[axis] {
                break;
            }
            from -= stride[axis] * shape[axis];
            index[axis] = 0;
        }
    }
    ordered
}

/// Writes `(N, axes…)` for one channel, else `(N, C, axes…)`, little-endian, version 1.0.
pub(crate) fn write(
    path: &Path,
    fields: FieldsRef<'_>,
    precision: Precision,
    to: &mut dyn Write,
) -> Result<(), FormatError> {
    let points = fields.points();
    let field_len = fields.channels() * points.iter().product::<usize>();
    let mut shape = vec![fields.len() / field_len];
    if fields.channels() > 1 {
        shape.push(fields.channels());
    }
    shape.extend(points);
    let header = header(&shape, precision);
    let failed = |source| FormatError::Write { path: path.into(), source };
    to.write_all(&header).map_err(failed)?;
    for index in 0..fields.len() {
        let value = fields.value(index);
        let single = value as f32;
        let (finite, written): (bool, io::Result<()>) = match precision {
            Precision::F32 => (single.is_finite(), to.write_all(&single.to_le_bytes())),
            Precision::F64 => (value.is_finite(), to.write_all(&value.to_le_bytes())),
        };
        if !finite {
            return Err(FormatError::NonFinite { path: path.into(), index, value });
        }
        written.map_err(failed)?;
    }
    Ok(())
}

fn header(shape: &[usize], precision: Precision) -> Vec<u8> {
    let descr = match precision {
        Precision::F32 => "<f4",
        Precision::F64 => "<f8",
    };
    let axes: String = shape.iter().map(|n| format!("{n}, ")).collect();
    let mut text = format!(
        "{{'descr': '{descr}', 'fortran_order': False, 'shape': ({}), }}",
        axes.trim_end_matches(", ")
    );
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
        let bytes = header(&[2, 3], Precision::F32);
        assert_eq!(bytes.len() % ALIGN, 0);
        assert_eq!(bytes[..10], *b"\x93NUMPY\x01\0\x76\0");
        assert_eq!(
            std::str::from_utf8(&bytes[10..]).unwrap().trim_end(),
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"
        );
        assert_eq!(bytes.last(), Some(&b'\n'));
    }

    #[test]
    fn fortran_order_is_turned() {
        // a[i, j, k] = 100 i + 10 j + k on 2 x 3 x 2, first axis fastest
        let stored: Vec<f32> = (0..12)
            .map(|flat| (100 * (flat % 2) + 10 * (flat / 2 % 3) + flat / 6) as f32)
            .collect();
        let expected: Vec<f32> = (0..12)
            .map(|flat| (100 * (flat / 6) + 10 * (flat / 2 % 3) + flat % 2) as f32)
            .collect();
        assert_eq!(last_axis_fastest(&stored, &[2, 3, 2]), expected);
    }
}
