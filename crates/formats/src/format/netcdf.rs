//! NetCDF's classic format (CDF-1, -2 and -5): one variable as fields, with spacing and units.
//!
//! The variables of a file are quantities, not samples. One is named (`flow.nc:temperature`), or is
//! the only one of two axes or more that is not the bounds of a coordinate. Packed values are
//! unpacked (`scale_factor`, `add_offset`, `_Unsigned`), and marked values are missing. The spacing
//! is the step of evenly spaced coordinates, if there are any. NetCDF-4 files are read as HDF5.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use crate::cf::{self, Packing};
use crate::container::bytes::Bytes;
use crate::container::input::Input;
use crate::dtype::Endian;
use crate::fields::opened::Opened;
use crate::fields::stored::StoredFields;
use crate::fields::stored::places::Places;
use crate::format::entry::{Format, Found, Seen};
use crate::format::netcdf::header::{Header, Variable};
use crate::format::placed::Placed;
use crate::layout::Layout;
use crate::{FormatError, ReadOptions, SourceType, Units};

pub(crate) mod header;

/// NetCDF's classic format in the table of formats.
pub(crate) const FORMAT: Format =
    Format { by_part: true, ..Format::new("NetCDF", recognise, open) };

fn recognise(seen: &Seen<'_>) -> bool {
    let version = |head: &[u8]| matches!(head, [b'C', b'D', b'F', 1 | 2 | 5, ..]);
    matches!(seen, Seen::Head(head) if version(head))
}

/// Opens one variable without reading its values.
fn open(found: &Found<'_>, options: &ReadOptions) -> Result<Opened, FormatError> {
    let (name, path) = (found.name, found.path);
    let mut input = Input::plain(path)?;
    let header = Header::read(&mut input)?;
    let variable = choose(&header, path, found.part)?;
    let Some(dtype) = variable.dtype else {
        let what = format!("variable {} is text", variable.name);
        return Err(FormatError::Unsupported { path: path.into(), what });
    };
    let dtype = cf::unsigned(dtype, variable.text("_Unsigned"));
    let (shape, strides) = axes(&header, variable, dtype, path)?;
    let layout = Layout::of(name, &shape, options)?;
    let dim = layout.points.len();
    let (sample, channel, axes) = layout.split(&strides);
    let places = Places::Strided { start: variable.begin, sample, channel, axes };
    let count = layout.count(&shape);
    let bytes = Bytes::open(name, path)?;
    let mut fields = StoredFields::new(name, bytes, layout, count, (dtype, Endian::Big), places)?;
    let packing = Packing::of(&variable.said(), dtype);
    let notes = packing.as_ref().map(|p| p.notes(&variable.name)).unwrap_or_default();
    fields.set_packing(packing);
    fields.notes_mut().extend(notes);
    fields.units = units(&header, variable, dim, path)?;
    Ok(Opened::Stored(fields))
}

fn choose<'h>(
    header: &'h Header,
    path: &Path,
    part: Option<&str>,
) -> Result<&'h Variable, FormatError> {
    let all = &header.variables;
    if let Some(part) = part {
        return all.iter().find(|v| v.name == part).ok_or_else(|| FormatError::Part {
            path: path.into(),
            part: part.into(),
            known: all.iter().map(|v| v.name.clone()).collect(),
        });
    }
    let bounds: Vec<&str> = all.iter().filter_map(|v| v.text("bounds")).collect();
    let fields: Vec<&Variable> = all
        .iter()
        .filter(|v| v.dtype.is_some() && v.dimensions.len() >= 2)
        .filter(|v| !bounds.contains(&v.name.as_str()))
        .collect();
    match fields[..] {
        [] => Err(FormatError::Empty {
            path: path.into(),
            what: "the file holds no variable of two axes or more".into(),
        }),
        [only] => Ok(only),
        _ => Err(FormatError::Several {
            path: path.into(),
            parts: fields.iter().map(|v| v.name.clone()).collect(),
        }),
    }
}

/// Lengths of a variable's axes, and the distance in bytes between neighbours along each.
fn axes(
    header: &Header,
    variable: &Variable,
    dtype: SourceType,
    path: &Path,
) -> Result<(Vec<u64>, Vec<u64>), FormatError> {
    let mut shape = Vec::with_capacity(variable.dimensions.len());
    for (axis, &dimension) in variable.dimensions.iter().enumerate() {
        let length = match header.dimensions[dimension].length {
            Some(length) => length,
            None if axis == 0 => records(header, variable, path)?,
            None => {
                let what = format!("variable {} grows along its axis {axis}", variable.name);
                return Err(FormatError::Unsupported { path: path.into(), what });
            }
        };
        shape.push(length);
    }
    let place = Placed {
        shape,
        dtype,
        endian: Endian::Big,
        fortran_order: false,
        start: variable.begin,
        units: Units::default(),
    };
    let mut strides = place.strides();
    if header.grows(variable) {
        strides[0] = header.record_bytes();
    }
    Ok((place.shape, strides))
}

/// Number of records. If the writer left it open, it follows from the file's length.
fn records(header: &Header, variable: &Variable, path: &Path) -> Result<u64, FormatError> {
    if let Some(records) = header.records {
        return Ok(records);
    }
    let kind = std::fs::metadata(path)
        .map_err(|source| FormatError::Read { path: path.into(), source })?;
    let room = kind.len().saturating_sub(variable.begin);
    Ok(room.checked_div(header.record_bytes()).unwrap_or(0))
}

/// Spacing of the last `dim` axes from their coordinates, and units from attributes.
fn units(
    header: &Header,
    variable: &Variable,
    dim: usize,
    path: &Path,
) -> Result<Units, FormatError> {
    let value = variable.text("units").map(String::from);
    let (mut spacing, mut lengths) = (Vec::new(), Vec::new());
    let space = &variable.dimensions[variable.dimensions.len() - dim..];
    for &dimension in space {
        let axis = &header.dimensions[dimension].name;
        let line = |v: &&Variable| v.name == *axis && v.dimensions == [dimension];
        let Some(coordinate) = header.variables.iter().find(line) else { break };
        match even_step(header, coordinate, path)? {
            Some(step) => spacing.push(step),
            None => break,
        }
        lengths.push(coordinate.text("units"));
    }
    let known = spacing.len() == dim;
    let length = cf::shared_unit(&lengths).filter(|_| known).map(String::from);
    Ok(Units { spacing: known.then_some(spacing), length, value })
}

/// The step of an evenly spaced coordinate.
fn even_step(
    header: &Header,
    coordinate: &Variable,
    path: &Path,
) -> Result<Option<f64>, FormatError> {
    let Some(dtype) = coordinate.dtype else { return Ok(None) };
    let (shape, strides) = axes(header, coordinate, dtype, path)?;
    if !(2..=cf::COORDINATES_AT_MOST).contains(&shape[0]) {
        return Ok(None);
    }
    // values of a record axis lie far apart, so the file is not read from end to end
    let failed = |source| FormatError::Read { path: path.into(), source };
    let mut file = BufReader::new(File::open(path).map_err(failed)?);
    file.seek(SeekFrom::Start(coordinate.begin)).map_err(failed)?;
    let between = strides[0].saturating_sub(dtype.size() as u64);
    let between = i64::try_from(between).unwrap_or(i64::MAX);
    let mut bytes = vec![0; dtype.size()];
    let mut values = Vec::new();
    for _ in 0..shape[0] {
        file.read_exact(&mut bytes).map_err(failed)?;
        values.extend(dtype.decode_wide(&bytes, Endian::Big));
        file.seek_relative(between).map_err(failed)?;
    }
    Ok(cf::even_step(&values))
}
