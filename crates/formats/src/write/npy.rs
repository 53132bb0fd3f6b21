//! NPY, written: version 1.0, little-endian, last axis fastest.

use crate::write::encoding::Encoding;
use crate::write::form::Form;

/// NumPy aligns the values to this.
const ALIGN: usize = 64;

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
