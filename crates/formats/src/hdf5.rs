//! HDF5, NetCDF-4 among it: one dataset as fields, whatever its chunks, filters and byte order.
//!
//! A dataset is named by its path (`sim.h5:/fields/density`) or is the only one of two axes or
//! more that holds numbers and is no bounds of a coordinate. Attributes are understood as far as they are common: `units`, CF's packing, the
//! coordinates of NetCDF-4, and `element_size_um`, the voxel size that microscopy writes.

use std::collections::HashSet;
use std::path::Path;

use hdf5_reader::error::Error;
use hdf5_reader::group::Group;
use hdf5_reader::{ByteOrder, Dataset, Datatype, Hdf5File, OpenOptions};

use crate::cf::{self, Packing, Said};
use crate::dtype::{Endian, SourceType};
use crate::input::DEFLATE_RATIO;
use crate::layout::Layout;
use crate::{FormatError, RawFields, ReadOptions, Units};

/// Groups and datasets that are looked through for the only one.
const GROUPS_AT_MOST: usize = 4096;
const DATASETS_AT_MOST: usize = 4096;

/// Reads one dataset.
pub(crate) fn read(
    name: &Path,
    path: &Path,
    part: Option<&str>,
    options: &ReadOptions,
) -> Result<RawFields, FormatError> {
    let refused = |source| FormatError::Hdf5 { path: name.into(), source };
    let room = usize::try_from(options.limit_bytes.saturating_mul(2)).unwrap_or(usize::MAX);
    let limits = OpenOptions::default().with_max_read_bytes(room).with_max_chunk_bytes(room);
    let file = Hdf5File::open_with_options(path, limits).map_err(refused)?;
    let dataset = choose(&file, path, part)?;
    let Some((dtype, endian)) = number_type(dataset.dtype()) else {
        return Err(FormatError::Unsupported {
            path: name.into(),
            what: format!(
                "values of type {:?}; whole numbers of 8 to 64 bits, floats of 32 and 64 are read",
                dataset.dtype()
            ),
        });
    };
    let shape = dataset.shape().to_vec();
    let layout = Layout::of(name, &shape, options)?;
    let count = options.admit(name, shape.iter().copied())?;
    let found = std::fs::metadata(path)
        .map_err(|source| FormatError::Read { path: path.into(), source })?
        .len();
    let expected = count as u64 * dtype.size() as u64;
    if expected > found.saturating_mul(DEFLATE_RATIO) {
        return Err(FormatError::Truncated { path: name.into(), expected, found });
    }
    let bytes = dataset.read_raw_bytes().map_err(refused)?;
    let found = bytes.len() as u64;
    if found != expected {
        return Err(FormatError::Truncated { path: name.into(), expected, found });
    }
    let mut values = Vec::with_capacity(count);
    let packing = Packing::of(&said(&dataset, false), dtype);
    match &Packing::less(packing.clone(), options.offset) {
        None => dtype.decode(&bytes, endian, &mut values),
        Some(packing) => packing.decode(&bytes, (dtype, endian), &mut values),
    }
    drop(bytes);
    let mut fields = layout.fields(name, values, dtype)?;
    fields.units = units(&file, &dataset, fields.points.len());
    fields.notes.extend(packing.map(|p| p.notes(dataset.name())).unwrap_or_default());
    Ok(fields)
}

/// The dataset named, or the only one that can be fields.
fn choose(file: &Hdf5File, path: &Path, part: Option<&str>) -> Result<Dataset, FormatError> {
    let refused = |source| FormatError::Hdf5 { path: path.into(), source };
    if let Some(part) = part {
        return file.dataset(part).map_err(|source| match (plain(&source), datasets(file)) {
            (Error::DatasetNotFound(_) | Error::GroupNotFound(_), Ok(all)) => FormatError::Part {
                path: path.into(),
                part: part.into(),
                known: all.into_iter().map(|(name, _)| name).collect(),
            },
            _ => refused(source),
        });
    }
    let mut all = datasets(file).map_err(refused)?;
    let bounds: HashSet<String> = all.iter().filter_map(|(name, d)| bounds(name, d)).collect();
    all.retain(|(name, d)| {
        d.ndim() >= 2 && number_type(d.dtype()).is_some() && !bounds.contains(name)
    });
    match all.len() {
        0 => Err(FormatError::Empty {
            path: path.into(),
            what: "the file holds no dataset of numbers with two axes or more".into(),
        }),
        1 => Ok(all.remove(0).1),
        _ => Err(FormatError::Several {
            path: path.into(),
            parts: all.into_iter().map(|(name, _)| name).collect(),
        }),
    }
}

/// The dataset in which a coordinate keeps the bounds of its cells: no field (CF, section 7.1).
fn bounds(name: &str, coordinate: &Dataset) -> Option<String> {
    let other = text(coordinate, "bounds")?;
    let (group, _) = name.rsplit_once('/')?;
    Some(format!("{group}/{}", other.trim_end_matches('\0')))
}

/// An error without the places it passed through.
fn plain(error: &Error) -> &Error {
    match error {
        Error::Context { source, .. } => plain(source),
        other => other,
    }
}

/// All datasets by their paths, as far as the bounds allow. Links may go round in circles.
fn datasets(file: &Hdf5File) -> Result<Vec<(String, Dataset)>, Error> {
    let mut ahead = vec![(String::new(), file.root_group()?)];
    let (mut seen, mut all) = (HashSet::new(), Vec::new());
    while let Some((place, group)) = ahead.pop() {
        if !seen.insert(group.address()) || seen.len() > GROUPS_AT_MOST {
            continue;
        }
        let (groups, datasets) = group.members()?;
        all.extend(datasets.into_iter().map(|d| (format!("{place}/{}", d.name()), d)));
        if all.len() >= DATASETS_AT_MOST {
            break;
        }
        let below = |g: Group| (format!("{place}/{}", g.name()), g);
        ahead.extend(groups.into_iter().rev().map(below));
    }
    Ok(all)
}

/// The number type, if it is one that is read; a flag of h5py's is an enumeration.
fn number_type(datatype: &Datatype) -> Option<(SourceType, Endian)> {
    let endian = |order: &ByteOrder| match order {
        ByteOrder::LittleEndian => Endian::Little,
        ByteOrder::BigEndian => Endian::Big,
    };
    Some(match datatype {
        Datatype::FixedPoint { size, signed, byte_order } => {
            let dtype = match (size, signed) {
                (1, false) => SourceType::U8,
                (1, true) => SourceType::I8,
                (2, false) => SourceType::U16,
                (2, true) => SourceType::I16,
                (4, false) => SourceType::U32,
                (4, true) => SourceType::I32,
                (8, false) => SourceType::U64,
                (8, true) => SourceType::I64,
                _ => return None,
            };
            (dtype, endian(byte_order))
        }
        Datatype::FloatingPoint { size: 4, byte_order } => (SourceType::F32, endian(byte_order)),
        Datatype::FloatingPoint { size: 8, byte_order } => (SourceType::F64, endian(byte_order)),
        Datatype::Enum { base, .. } => number_type(base)?,
        _ => return None,
    })
}

/// The numbers of an attribute; none where it has none.
fn numbers(dataset: &Dataset, name: &str) -> Vec<f64> {
    let read = || {
        let attribute = dataset.attribute(name).ok()?;
        let (dtype, endian) = number_type(&attribute.datatype)?;
        let whole = attribute.raw_data.len() % dtype.size() == 0;
        whole.then(|| dtype.decode_wide(&attribute.raw_data, endian))
    };
    read().unwrap_or_default()
}

fn text(dataset: &Dataset, name: &str) -> Option<String> {
    dataset.attribute(name).ok()?.read_string().ok()
}

/// What the attributes say of packed and missing values; the fill of what was not written is
/// NetCDF's.
fn said(dataset: &Dataset, netcdf: bool) -> Said {
    let single = |name| numbers(dataset, name).first().copied();
    let mut missing = Vec::new();
    for name in ["_FillValue", "missing_value"] {
        missing.extend(numbers(dataset, name).into_iter().map(|v| (name, v)));
    }
    let range = numbers(dataset, "valid_range");
    let float = |name: &&str| {
        let float =
            |a: hdf5_reader::Attribute| matches!(a.datatype, Datatype::FloatingPoint { .. });
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

/// Spacing of the last `dim` axes: a voxel size, or steps of coordinates.
fn units(file: &Hdf5File, dataset: &Dataset, dim: usize) -> Units {
    let value = text(dataset, "units");
    let voxel = numbers(dataset, "element_size_um");
    if voxel.len() >= dim && voxel.iter().all(|h| h.is_finite() && *h > 0.0) {
        let spacing = Some(voxel[voxel.len() - dim..].to_vec());
        return Units { spacing, length: Some("um".into()), value };
    }
    let Some(axes) = coordinates(file, dataset, dim) else {
        return Units { value, ..Units::default() };
    };
    let (spacing, lengths): (Vec<f64>, Vec<Option<String>>) = axes.into_iter().unzip();
    let lengths: Vec<Option<&str>> = lengths.iter().map(Option::as_deref).collect();
    let length = cf::shared_unit(&lengths).map(String::from);
    Units { spacing: Some(spacing), length, value }
}

/// Step and unit of the coordinates that NetCDF-4 attaches to the last `dim` axes.
fn coordinates(
    file: &Hdf5File,
    dataset: &Dataset,
    dim: usize,
) -> Option<Vec<(f64, Option<String>)>> {
    let list = dataset.attribute("DIMENSION_LIST").ok()?;
    let size = dataset.vlen_reference_size();
    let scales = datasets(file).ok()?;
    let axes: Vec<&[u8]> = list.raw_data.chunks_exact(size).collect();
    let space = axes.get(axes.len().checked_sub(dim)?..)?;
    let step = |reference: &&[u8]| {
        let address = dataset.resolve_vlen_reference_bytes(reference, 8).ok()?;
        let address = SourceType::length(address.get(..8)?, Endian::Little);
        let (_, scale) = scales.iter().find(|(_, d)| d.address() == address)?;
        let short = matches!(scale.shape(), [2..=cf::COORDINATES_AT_MOST]);
        let (dtype, endian) = number_type(scale.dtype()).filter(|_| short)?;
        let values = dtype.decode_wide(&scale.read_raw_bytes().ok()?, endian);
        Some((cf::even_step(&values)?, text(scale, "units")))
    };
    space.iter().map(step).collect()
}
