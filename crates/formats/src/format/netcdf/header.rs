//! The header of a classic NetCDF file: dimensions, variables, attributes.
//!
//! Source: the grammar in the NetCDF User's Guide, "File Structure and Performance", versions 1
//! (classic), 2 (64-bit offsets) and 5 (64-bit data). This is own code, because the header is small
//! and is all that must be parsed. [`StoredFields`](crate::StoredFields) reads the values.

use std::collections::HashMap;

use crate::FormatError;
use crate::cf::Said;
use crate::container::input::Input;
use crate::dtype::{Endian, SourceType};

/// Tags of the three lists.
const DIMENSIONS: u64 = 0x0a;
const VARIABLES: u64 = 0x0b;
const ATTRIBUTES: u64 = 0x0c;
/// Type code of text.
const TEXT: u64 = 2;
/// Longest name, and longest attribute that is read.
const TEXT_AT_MOST: u64 = 1 << 16;
/// Largest number of axes of a variable.
const AXES_AT_MOST: u64 = 64;

/// A named axis; its length is `None` for the record axis, which grows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dimension {
    pub(crate) name: String,
    pub(crate) length: Option<u64>,
}

/// An attribute of a variable.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Attribute {
    Text(String),
    /// Numbers, and whether they are stored as floats.
    Numbers(Vec<f64>, bool),
}

/// An array of the file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Variable {
    pub(crate) name: String,
    /// Indices of its dimensions, slowest first.
    pub(crate) dimensions: Vec<usize>,
    /// Number type; `None` for text.
    pub(crate) dtype: Option<SourceType>,
    /// Offset of its first value.
    pub(crate) begin: u64,
    attributes: HashMap<String, Attribute>,
}

/// The whole header.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Header {
    /// Number of records; `None` if the writer left it open.
    pub(crate) records: Option<u64>,
    pub(crate) dimensions: Vec<Dimension>,
    pub(crate) variables: Vec<Variable>,
}

impl Variable {
    pub(crate) fn text(&self, attribute: &str) -> Option<&str> {
        match self.attributes.get(attribute)? {
            Attribute::Text(text) => Some(text),
            Attribute::Numbers(..) => None,
        }
    }

    pub(crate) fn numbers(&self, attribute: &str) -> &[f64] {
        match self.attributes.get(attribute) {
            Some(Attribute::Numbers(numbers, _)) => numbers,
            _ => &[],
        }
    }

    /// The attributes for packed and missing values.
    pub(crate) fn said(&self) -> Said {
        let single = |name: &str| self.numbers(name).first().copied();
        let marked = ["_FillValue", "missing_value"].iter();
        let missing = marked.flat_map(|name| self.numbers(name).iter().map(|v| (*name, *v)));
        let range = self.numbers("valid_range");
        let bounds = ["valid_range", "valid_min", "valid_max"];
        let float =
            |name: &&str| matches!(self.attributes.get(*name), Some(Attribute::Numbers(_, true)));
        Said {
            factor: single("scale_factor"),
            offset: single("add_offset"),
            missing: missing.collect(),
            low: range.first().copied().or_else(|| single("valid_min")),
            high: range.get(1).copied().or_else(|| single("valid_max")),
            float_bounds: bounds.iter().any(float),
            unwritten: true,
        }
    }
}

impl Header {
    /// Reads the header of a file from its first byte.
    pub(crate) fn read(input: &mut Input<'_>) -> Result<Self, FormatError> {
        let magic = input.header(4)?;
        let version = magic[3];
        let mut scan = Scan { input, wide: version == 5, far: version != 1 };
        let records = scan.count()?;
        let unknown = if scan.wide { u64::MAX } else { u32::MAX.into() };
        let dimensions = scan.list(DIMENSIONS, Scan::dimension)?;
        scan.list(ATTRIBUTES, Scan::attribute)?;
        let variables = scan.list(VARIABLES, Scan::variable)?;
        for variable in &variables {
            let stray = variable.dimensions.iter().find(|d| **d >= dimensions.len());
            if let Some(stray) = stray {
                let what = format!(
                    "variable {} has dimension number {stray}; there are {}",
                    variable.name,
                    dimensions.len()
                );
                return Err(input.bad_header(input.offset(), what));
            }
        }
        let records = (records != unknown).then_some(records);
        Ok(Self { records, dimensions, variables })
    }

    /// Whether a variable's first axis is the record axis.
    pub(crate) fn grows(&self, variable: &Variable) -> bool {
        variable.dimensions.first().is_some_and(|&d| self.dimensions[d].length.is_none())
    }

    /// Bytes of a variable without padding; if it grows, of one record.
    pub(crate) fn bytes(&self, variable: &Variable) -> u64 {
        let size = variable.dtype.map_or(1, |t| t.size() as u64);
        let axes = variable.dimensions.iter().filter_map(|&d| self.dimensions[d].length);
        axes.fold(size, u64::saturating_mul)
    }

    /// Bytes from one record to the next. They are the sum over all growing variables, each padded
    /// to four bytes unless it is the only one.
    pub(crate) fn record_bytes(&self) -> u64 {
        let growing: Vec<u64> =
            self.variables.iter().filter(|v| self.grows(v)).map(|v| self.bytes(v)).collect();
        match growing[..] {
            [only] => only,
            _ => growing.iter().fold(0u64, |sum, n| sum.saturating_add(padded(*n))),
        }
    }
}

fn padded(bytes: u64) -> u64 {
    bytes.saturating_add(3) / 4 * 4
}

/// The number type of a code.
fn number_type(code: u64) -> Option<SourceType> {
    Some(match code {
        1 => SourceType::I8,
        3 => SourceType::I16,
        4 => SourceType::I32,
        5 => SourceType::F32,
        6 => SourceType::F64,
        7 => SourceType::U8,
        8 => SourceType::U16,
        9 => SourceType::U32,
        10 => SourceType::I64,
        11 => SourceType::U64,
        _ => return None,
    })
}

struct Scan<'s, 'a> {
    input: &'s mut Input<'a>,
    /// Whether counts have eight bytes.
    wide: bool,
    /// Whether offsets have eight bytes.
    far: bool,
}

impl Scan<'_, '_> {
    fn number(&mut self, wide: bool) -> Result<u64, FormatError> {
        let bytes = self.input.header(if wide { 8 } else { 4 })?;
        Ok(bytes.iter().fold(0, |n, b| n << 8 | u64::from(*b)))
    }

    fn count(&mut self) -> Result<u64, FormatError> {
        self.number(self.wide)
    }

    /// Reads a list with its tag. No memory is reserved for the claimed length.
    fn list<T>(
        &mut self,
        tag: u64,
        mut item: impl FnMut(&mut Self) -> Result<T, FormatError>,
    ) -> Result<Vec<T>, FormatError> {
        let offset = self.input.offset();
        let (found, length) = (self.number(false)?, self.count()?);
        if found != tag && !(found == 0 && length == 0) {
            let what = format!("a list with tag {tag:#x} expected, {found:#x} found");
            return Err(self.input.bad_header(offset, what));
        }
        (0..length).map(|_| item(self)).collect()
    }

    fn text(&mut self) -> Result<String, FormatError> {
        let offset = self.input.offset();
        let length = self.count()?;
        if length > TEXT_AT_MOST {
            let what = format!("a name of {length} bytes; at most {TEXT_AT_MOST} are read");
            return Err(self.input.bad_header(offset, what));
        }
        let bytes = self.input.header(padded(length) as usize)?;
        Ok(String::from_utf8_lossy(&bytes[..length as usize]).into_owned())
    }

    fn dimension(&mut self) -> Result<Dimension, FormatError> {
        let name = self.text()?;
        let length = self.count()?;
        Ok(Dimension { name, length: (length > 0).then_some(length) })
    }

    fn number_type(&mut self) -> Result<Option<SourceType>, FormatError> {
        let offset = self.input.offset();
        let code = self.number(false)?;
        match number_type(code) {
            None if code != TEXT => {
                Err(self.input.bad_header(offset, format!("no NetCDF type has code {code}")))
            }
            dtype => Ok(dtype),
        }
    }

    fn attribute(&mut self) -> Result<(String, Attribute), FormatError> {
        let name = self.text()?;
        let dtype = self.number_type()?;
        let length = self.count()?;
        let bytes = length.saturating_mul(dtype.map_or(1, |t| t.size() as u64));
        if bytes > TEXT_AT_MOST {
            self.input.skip(padded(bytes))?;
            return Ok((name, Attribute::Numbers(Vec::new(), false)));
        }
        let read = self.input.header(padded(bytes) as usize)?;
        let read = &read[..bytes as usize];
        Ok((
            name,
            match dtype {
                None => {
                    Attribute::Text(String::from_utf8_lossy(read).trim_end_matches('\0').into())
                }
                Some(dtype) => {
                    let float = matches!(dtype, SourceType::F32 | SourceType::F64);
                    Attribute::Numbers(dtype.decode_wide(read, Endian::Big), float)
                }
            },
        ))
    }

    fn variable(&mut self) -> Result<Variable, FormatError> {
        let name = self.text()?;
        let offset = self.input.offset();
        let axes = self.count()?;
        if axes > AXES_AT_MOST {
            let what = format!("variable {name} of {axes} axes; at most {AXES_AT_MOST} are read");
            return Err(self.input.bad_header(offset, what));
        }
        let dimensions: Result<Vec<usize>, FormatError> =
            (0..axes).map(|_| Ok(self.count()? as usize)).collect();
        let dimensions = dimensions?;
        let attributes = self.list(ATTRIBUTES, Self::attribute)?.into_iter().collect();
        let dtype = self.number_type()?;
        // skip the size: it follows from the rest, and is wrong for large variables
        self.count()?;
        let begin = self.number(self.far)?;
        Ok(Variable { name, dimensions, dtype, begin, attributes })
    }
}
