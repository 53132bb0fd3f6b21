//! Attributes of an HDF5 dataset: numbers and texts, packed and missing values.

use hdf5_reader::{Attribute, ByteOrder, Dataset, Datatype};

use crate::cf::Said;
use crate::dtype::{Endian, SourceType};

/// The numbers of an attribute; none if it holds no numbers.
pub(crate) fn numbers(attribute: &Attribute) -> Option<Vec<f64>> {
    let (dtype, endian) = number_type(&attribute.datatype)?;
    let whole = attribute.raw_data.len().is_multiple_of(dtype.size());
    whole.then(|| dtype.decode_wide(&attribute.raw_data, endian))
}

/// The common type for an attribute's numbers, by their size.
fn number_type(datatype: &Datatype) -> Option<(SourceType, Endian)> {
    use SourceType::*;
    let endian = |order: &ByteOrder| match order {
        ByteOrder::LittleEndian => Endian::Little,
        ByteOrder::BigEndian => Endian::Big,
    };
    Some(match datatype {
        Datatype::FixedPoint { size, signed, byte_order } => {
            let dtype = match (size, signed) {
                (1, false) => U8,
                (1, true) => I8,
                (2, false) => U16,
                (2, true) => I16,
                (4, false) => U32,
                (4, true) => I32,
                (8, false) => U64,
                (8, true) => I64,
                _ => return None,
            };
            (dtype, endian(byte_order))
        }
        Datatype::FloatingPoint { size: 2, byte_order } => (F16, endian(byte_order)),
        Datatype::FloatingPoint { size: 4, byte_order } => (F32, endian(byte_order)),
        Datatype::FloatingPoint { size: 8, byte_order } => (F64, endian(byte_order)),
        Datatype::Enum { base, .. } | Datatype::Array { base, .. } => number_type(base)?,
        _ => return None,
    })
}

/// The numbers of an attribute; none if there is no such attribute, or it holds no numbers.
pub(crate) fn of(dataset: &Dataset, name: &str) -> Vec<f64> {
    dataset.attribute(name).ok().and_then(|a| numbers(&a)).unwrap_or_default()
}

/// The text of an attribute.
pub(crate) fn text(dataset: &Dataset, name: &str) -> Option<String> {
    let text = dataset.attribute(name).ok()?.read_string().ok()?;
    Some(text.trim_end_matches('\0').into())
}

/// The attributes for packed and missing values. With `netcdf`, unwritten values have NetCDF's
/// default fill.
pub(crate) fn said(dataset: &Dataset, netcdf: bool) -> Said {
    let single = |name| of(dataset, name).first().copied();
    let mut missing = Vec::new();
    for name in ["_FillValue", "missing_value"] {
        missing.extend(of(dataset, name).into_iter().map(|v| (name, v)));
    }
    let range = of(dataset, "valid_range");
    let float = |name: &&str| {
        let float = |a: Attribute| matches!(a.datatype, Datatype::FloatingPoint { .. });
        dataset.attribute(name).is_ok_and(float)
    };
    Said {
        factor: single("scale_factor"),
        offset: single("add_offset"),
        missing,
        low: range.first().copied().or_else(|| single("valid_min")),
        high: range.get(1).copied().or_else(|| single("valid_max")),
        float_bounds: ["valid_range", "valid_min", "valid_max"].iter().any(float),
        unwritten: netcdf,
    }
}
