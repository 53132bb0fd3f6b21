//! One dataset as fields, whatever its chunks and filters.

use std::sync::atomic::Ordering;

use crate::cf::{self, Packing};
use crate::fields::opened::Opened;
use crate::format::entry::Found;
use crate::format::hdf5::attributes::{said, text};
use crate::format::hdf5::file::{File, refusal};
use crate::format::hdf5::numbers::Numbers;
use crate::format::hdf5::units::units;
use crate::format::mat;
use crate::layout::{Layout, last_axis_fastest};
use crate::limits::DEFLATE_RATIO;
use crate::{FormatError, ReadOptions};

/// Numbers decoded at a time.
const AT_ONCE: usize = 1 << 14;

/// Reads one dataset.
pub(crate) fn open(found: &Found<'_>, options: &ReadOptions) -> Result<Opened, FormatError> {
    let (name, path) = (found.name, found.path);
    let failed = |source| refusal(name, source);
    let file = File::open(path, options)?;
    let (place, dataset) = file.choose(path, found.part)?;
    let numbers = dataset.raw_datatype().map_err(failed)?;
    let numbers = Numbers::of(&numbers).map_err(|what| FormatError::Unsupported {
        path: name.into(),
        what: format!("dataset {} holds values {what}", dataset.name()),
    })?;
    let matlab = text(&dataset, "MATLAB_class");
    if let Some(class @ ("char" | "cell" | "struct" | "function_handle")) = matlab.as_deref() {
        let what =
            format!("variable {} is MATLAB's {class}, not an array of numbers", dataset.name());
        return Err(FormatError::Unsupported { path: name.into(), what });
    }
    let mut shape = [dataset.shape(), &numbers.axes].concat();
    if matlab.is_some() {
        shape.reverse();
    }
    let layout = Layout::of(name, &shape, options)?;
    let count = options.admit(name, shape.iter().copied())?;
    let stored = std::fs::metadata(path)
        .map_err(|source| FormatError::Read { path: path.into(), source })?
        .len();
    let expected = count as u64 * numbers.size as u64;
    if expected > stored.saturating_mul(DEFLATE_RATIO) {
        return Err(FormatError::Truncated { path: name.into(), expected, found: stored });
    }
    let element = usize::try_from(numbers.element_bytes()).unwrap_or(usize::MAX);
    let chunk = dataset.chunks().unwrap_or_default();
    let chunk = chunk.iter().fold(element, |n, c| n.saturating_mul(*c as usize));
    file.chunk_bytes.store(chunk, Ordering::Relaxed);
    let bytes = dataset.read_raw_bytes().map_err(failed)?;
    let found = bytes.len() as u64;
    if found != expected {
        return Err(FormatError::Truncated { path: name.into(), expected, found });
    }
    let netcdf = file.is_netcdf(&dataset);
    let dtype = cf::unsigned(numbers.dtype, text(&dataset, "_Unsigned").as_deref());
    let packing = Packing::of(&said(&dataset, netcdf), dtype);
    let less = Packing::less(packing.clone(), options.offset);
    let mut values = values(&bytes, &numbers.signed_as(dtype), less.as_ref(), count);
    drop(bytes);
    if matlab.is_some() {
        values = last_axis_fastest(&values, &shape);
    }
    let mut fields = layout.fields(name, values, dtype)?;
    fields.units = units(&file, &place, &dataset, fields.points.len());
    fields.notes.extend(packing.map(|p| p.notes(dataset.name())).unwrap_or_default());
    fields.notes.extend(matlab.map(|_| mat::order(dataset.name(), &shape)));
    Ok(Opened::Memory(fields))
}

/// Converts stored numbers to values.
fn values(bytes: &[u8], numbers: &Numbers, packing: Option<&Packing>, count: usize) -> Vec<f32> {
    let mut values = Vec::with_capacity(count);
    if packing.is_none() && numbers.is_plain() {
        numbers.dtype.decode(bytes, numbers.endian, &mut values);
        return values;
    }
    for some in bytes.chunks(AT_ONCE * numbers.size) {
        let stored = numbers.decode(some).into_iter();
        match packing {
            None => values.extend(stored.map(|v| v as f32)),
            Some(packing) => values.extend(stored.map(|v| packing.value(v))),
        }
    }
    values
}
