//! The header of an NPY file, a Python dictionary with three keys, parsed without Python.
//!
//! An example is `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`. Keys may have any
//! order and either quote, and spaces are free. Source: `numpy.lib.format`, versions 1.0 to 3.0.

use crate::FormatError;
use crate::container::input::Input;
use crate::dtype::{Endian, SourceType};
use crate::format::placed::Placed;
use crate::units::Units;

/// What a file begins with.
pub(crate) const MAGIC: &[u8] = b"\x93NUMPY";
/// Longest header taken seriously; NumPy itself stops at 10 000 bytes.
const HEADER_AT_MOST: usize = 1 << 16;
/// Bytes before the values at most.
#[cfg(feature = "cloud")]
pub(crate) const HEAD_AT_MOST: u64 = HEADER_AT_MOST as u64 + 12;

/// The content of an NPY header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NpyHeader {
    pub(crate) dtype: SourceType,
    pub(crate) endian: Endian,
    pub(crate) fortran_order: bool,
    pub(crate) shape: Vec<u64>,
}

/// Reads the header, up to the first value.
pub(crate) fn place(input: &mut Input<'_>) -> Result<Placed, FormatError> {
    let start = input.header(8)?;
    if !start.starts_with(MAGIC) {
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

impl NpyHeader {
    /// Parses the dictionary; the error says which rule it breaks.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut scan = Scan { rest: text };
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        scan.expect('{')?;
        while !scan.eat('}') {
            let key = scan.string()?;
            scan.expect(':')?;
            match key {
                "descr" if scan.eat('[') => {
                    return Err("records are no fields; descr is a list".into());
                }
                "descr" => descr = Some(scan.string()?),
                "fortran_order" => fortran_order = Some(scan.boolean()?),
                "shape" => shape = Some(scan.tuple()?),
                _ => return Err(format!("unknown key '{key}'")),
            }
            if !scan.eat(',') {
                scan.expect('}')?;
                break;
            }
        }
        if !scan.rest.trim().is_empty() {
            return Err(format!("text after the dictionary: {:?}", scan.shown()));
        }
        let missing = |key| format!("no key '{key}'");
        let (dtype, endian) = number_type(descr.ok_or_else(|| missing("descr"))?)?;
        Ok(Self {
            dtype,
            endian,
            fortran_order: fortran_order.ok_or_else(|| missing("fortran_order"))?,
            shape: shape.ok_or_else(|| missing("shape"))?,
        })
    }
}

/// The number type of a `descr` such as `<f4`.
pub(crate) fn number_type(descr: &str) -> Result<(SourceType, Endian), String> {
    let refuse = || {
        Err(format!(
            "values of type '{descr}' are no fields; known are bool, u1 to u8, i1 to i8, f2, f4, f8"
        ))
    };
    let endian = match descr.as_bytes().first() {
        Some(b'>') => Endian::Big,
        // `|` means that byte order does not matter; `=` means the writer's, which is almost always
        // little-endian
        Some(b'<' | b'|' | b'=') => Endian::Little,
        _ => return refuse(),
    };
    let dtype = match &descr[1..] {
        "b1" => SourceType::Bool,
        "u1" => SourceType::U8,
        "i1" => SourceType::I8,
        "u2" => SourceType::U16,
        "i2" => SourceType::I16,
        "u4" => SourceType::U32,
        "i4" => SourceType::I32,
        "u8" => SourceType::U64,
        "i8" => SourceType::I64,
        "f2" => SourceType::F16,
        "f4" => SourceType::F32,
        "f8" => SourceType::F64,
        _ => return refuse(),
    };
    Ok((dtype, endian))
}

/// The unparsed rest of the text.
struct Scan<'a> {
    rest: &'a str,
}

impl<'a> Scan<'a> {
    fn eat(&mut self, token: char) -> bool {
        self.rest = self.rest.trim_start();
        let after = self.rest.strip_prefix(token);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn expect(&mut self, token: char) -> Result<(), String> {
        if self.eat(token) {
            return Ok(());
        }
        Err(format!("'{token}' expected, {:?} found", self.shown()))
    }

    fn string(&mut self) -> Result<&'a str, String> {
        for quote in ['\'', '"'] {
            if self.eat(quote) {
                let (text, rest) = self.rest.split_once(quote).ok_or("a string without end")?;
                self.rest = rest;
                return Ok(text);
            }
        }
        Err(format!("a string expected, {:?} found", self.shown()))
    }

    fn boolean(&mut self) -> Result<bool, String> {
        self.rest = self.rest.trim_start();
        for (name, value) in [("True", true), ("False", false)] {
            if let Some(rest) = self.rest.strip_prefix(name) {
                self.rest = rest;
                return Ok(value);
            }
        }
        Err(format!("True or False expected, {:?} found", self.shown()))
    }

    fn tuple(&mut self) -> Result<Vec<u64>, String> {
        self.expect('(')?;
        let mut lengths = Vec::new();
        while !self.eat(')') {
            self.rest = self.rest.trim_start();
            let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
            let (digits, rest) = self.rest.split_at(end);
            let length = digits
                .parse()
                .map_err(|_| format!("an axis length expected, {:?} found", self.shown()))?;
            lengths.push(length);
            self.rest = rest;
            if !self.eat(',') {
                self.expect(')')?;
                break;
            }
        }
        Ok(lengths)
    }

    /// The beginning of the rest, for messages.
    fn shown(&self) -> String {
        self.rest.chars().take(24).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_quotes_and_order_are_free() {
        let expected = NpyHeader {
            dtype: SourceType::F32,
            endian: Endian::Big,
            fortran_order: true,
            shape: vec![3, 4],
        };
        for text in [
            "{'descr': '>f4', 'fortran_order': True, 'shape': (3, 4), }   \n",
            "{\"shape\":(3,4,),\"fortran_order\":True,\"descr\":\">f4\"}",
        ] {
            assert_eq!(NpyHeader::parse(text), Ok(expected.clone()));
        }
        let one = NpyHeader::parse("{'descr':'|b1','fortran_order':False,'shape':(5,)}").unwrap();
        assert_eq!((one.shape, one.dtype), (vec![5], SourceType::Bool));
    }

    #[test]
    fn broken_headers_say_what_is_wrong() {
        for (text, part) in [
            ("", "'{' expected"),
            ("{'descr': '<f4'", "'}' expected"),
            ("{'descr': '<f4", "without end"),
            ("{'shape': (1,), 'fortran_order': False}", "no key 'descr'"),
            ("{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", "'<c8'"),
            ("{'descr': 'é8', 'fortran_order': False, 'shape': (1,)}", "'é8'"),
            ("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", "records"),
            ("{'descr': '<f4', 'fortran_order': 1, 'shape': (1,)}", "True or False"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", "axis length"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x", "after the dictionary"),
            ("{'colour': '<f4'}", "unknown key 'colour'"),
        ] {
            let error = NpyHeader::parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        let huge = "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999,)}";
        assert!(NpyHeader::parse(huge).is_err());
    }
}
