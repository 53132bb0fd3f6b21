//! Attributes of an HDF5 dataset: packing, missing values, units and spacing.
//!
//! The spacing comes from `element_size_um` (microscopes), from the coordinates of NetCDF-4, or
//! from the geometry groups of DREAM.3D and ITK next to their arrays. DREAM.3D and ITK list axes
//! from the fastest: x, y, z. Here they are in the order of the array.

use hdf5_reader::{Attribute, ByteOrder, Dataset, Datatype};

use crate::Units;
use crate::cf::{self, Said};
use crate::dtype::{Endian, SourceType};
use crate::hdf5::File;
use crate::hdf5_numbers::Numbers;

/// The numbers of an attribute; none if it holds no numbers.
fn numbers(attribute: &Attribute) -> Option<Vec<f64>> {
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

fn of(dataset: &Dataset, name: &str) -> Vec<f64> {
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

/// Spacing of the last `dim` axes, and units.
pub(crate) fn units(file: &File, place: &str, dataset: &Dataset, dim: usize) -> Units {
    let value = text(dataset, "units");
    let found = voxel(dataset, dim)
        .or_else(|| geometry(file, place, dim))
        .or_else(|| coordinates(file, dataset, dim));
    match found {
        Some((spacing, length)) => Units { spacing: Some(spacing), length, value },
        None => Units { value, ..Units::default() },
    }
}

/// The last `dim` lengths, if they are positive.
fn lengths(list: &[f64], dim: usize) -> Option<Vec<f64>> {
    let list = list.get(list.len().checked_sub(dim)?..)?;
    list.iter().all(|h| h.is_finite() && *h > 0.0).then(|| list.to_vec())
}

fn voxel(dataset: &Dataset, dim: usize) -> Option<(Vec<f64>, Option<String>)> {
    if let Some(spacing) = lengths(&of(dataset, "element_size_um"), dim) {
        return Some((spacing, Some("um".into())));
    }
    Some((lengths(&of(dataset, "spacing"), dim)?, text(dataset, "unit")))
}

/// The spacing x, y, z in a group above an array, as DREAM.3D (6 and 7) and ITK write it.
fn geometry(file: &File, name: &str, dim: usize) -> Option<(Vec<f64>, Option<String>)> {
    let place = name.trim_start_matches('/');
    for (at, _) in place.rmatch_indices('/') {
        let above = &place[..at];
        let beside = ["_SIMPL_GEOMETRY/SPACING", "Spacing"].iter();
        let spacing = beside.filter_map(|part| short(&file.dataset(&format!("{above}/{part}"))?));
        let own = || numbers(&file.group(above)?.attribute("_SPACING").ok()?);
        if let Some(mut spacing) = spacing.into_iter().next().or_else(own) {
            spacing.reverse();
            return Some((lengths(&spacing, dim)?, None));
        }
    }
    None
}

/// The numbers of a short dataset.
fn short(dataset: &Dataset) -> Option<Vec<f64>> {
    let few = matches!(dataset.shape(), [1..=cf::COORDINATES_AT_MOST]);
    let numbers = Numbers::of(&dataset.raw_datatype().ok()?).ok().filter(|_| few)?;
    Some(numbers.decode(&dataset.read_raw_bytes().ok()?))
}

/// Step and unit of the NetCDF-4 coordinates of the last `dim` axes.
fn coordinates(file: &File, dataset: &Dataset, dim: usize) -> Option<(Vec<f64>, Option<String>)> {
    let list = dataset.attribute("DIMENSION_LIST").ok()?;
    let size = dataset.vlen_reference_size();
    let (scales, _) = file.datasets();
    let axes: Vec<&[u8]> = list.raw_data.chunks_exact(size).collect();
    let space = axes.get(axes.len().checked_sub(dim)?..)?;
    let step = |reference: &&[u8]| {
        let address = dataset.resolve_vlen_reference_bytes(reference, 8).ok()?;
        let address = SourceType::length(address.get(..8)?, Endian::Little);
        let (_, scale) = scales.iter().find(|(_, d)| d.address() == address)?;
        Some((cf::even_step(&short(scale)?)?, text(scale, "units")))
    };
    let axes: Option<Vec<(f64, Option<String>)>> = space.iter().map(step).collect();
    let (spacing, units): (Vec<f64>, Vec<Option<String>>) = axes?.into_iter().unzip();
    let units: Vec<Option<&str>> = units.iter().map(Option::as_deref).collect();
    Some((spacing, cf::shared_unit(&units).map(String::from)))
}
