//! VTI, VTK image data: one array on the points or cells of a box, with its spacing.
//!
//! x is VTK's fastest axis and the last axis here. A box of X by Y by Z points is read as
//! `[Z, Y, X]`, or as `[Y, X]` if it is one point deep. Components become channels. Several arrays
//! are quantities, one of which must be named (`flow.vti:pressure`). If their names differ only by
//! a number, they are samples, as this crate writes them.

use std::path::Path;

use crate::fields::opened::Opened;
use crate::format::entry::{Format, Found, InFolder, Packed, Seen};
use crate::format::vti::header::{VtiArray, VtiHeader};
use crate::limits::DEFLATE_RATIO;
use crate::{FormatError, RawFields, ReadOptions, Units, names};

pub(crate) mod header;
mod values;

/// Bytes of XML that a file may have in addition to its values.
const XML_ROOM: u64 = 16 << 20;
/// Characters of a text value, at most, for each byte of its `f32`.
const TEXT_RATIO: u64 = 8;

/// VTI in the table of formats.
pub(crate) const FORMAT: Format = Format {
    packed: Packed::InZip,
    in_folder: InFolder::Array(&["vti"]),
    ..Format::new("VTI", recognise, open)
};

/// XML, which is read if it is image data.
fn recognise(seen: &Seen<'_>) -> bool {
    let xml = |head: &[u8]| head.starts_with(b"<?xml") || head.starts_with(b"<VTKFile");
    matches!(seen, Seen::Head(head) if xml(head))
}

/// Reads one array, or a numbered series of arrays.
fn open(found: &Found<'_>, options: &ReadOptions) -> Result<Opened, FormatError> {
    let (name, part, file) = (found.name, found.part, found.seekable(options)?);
    let room = options.limit_bytes.saturating_mul(TEXT_RATIO).saturating_add(XML_ROOM);
    let bytes = file.bytes(room)?;
    let header = VtiHeader::parse(&bytes).map_err(|(offset, what)| FormatError::Header {
        path: name.into(),
        offset,
        what,
    })?;
    let arrays = choose(&header, name, part)?;
    let first = arrays[0];
    let shape = Shape::of(&header, first.cells, name, options)?;
    if let Some(other) = arrays.iter().find(|a| shape_of(a) != shape_of(first)) {
        return Err(FormatError::Mixed {
            first: name.join(&first.name),
            first_shape: shape_of(first),
            second: name.join(&other.name),
            second_shape: shape_of(other),
        });
    }
    let channels = first.components;
    if let Some(asked) = options.channels.filter(|&c| c != channels) {
        return Err(FormatError::Layout {
            path: name.into(),
            shape: shape.lengths.clone(),
            requirement: format!("channels = {asked} asked for, {channels} component(s) found"),
        });
    }
    let factors = [arrays.len() as u64, channels as u64];
    let total = options.admit(name, shape.lengths.iter().copied().chain(factors))?;
    let (found, count) = (bytes.len() as u64, total / arrays.len());
    let expected = total as u64;
    if expected > found.saturating_mul(DEFLATE_RATIO) {
        return Err(FormatError::Truncated { path: name.into(), expected, found });
    }
    let mut values = Vec::with_capacity(total);
    for array in &arrays {
        let stored = values::decode(&header, array, count, &bytes, options.offset);
        let stored = stored.map_err(|what| FormatError::Unsupported {
            path: name.into(),
            what: format!("array {}: {what}", array.name),
        })?;
        shape.append(stored, channels, &mut values);
    }
    let mut fields = RawFields::array(name, shape.points, channels, values, first.dtype)?;
    if fields.count() == arrays.len() {
        fields.items = arrays.iter().map(|a| a.name.clone()).collect();
    }
    let spacing = Some(shape.spacing);
    fields.units = Units { spacing, length: header.unit, value: None }.last(fields.points.len());
    Ok(Opened::Memory(fields))
}

fn shape_of(array: &VtiArray) -> String {
    let VtiArray { dtype, components, cells, .. } = array;
    let place = if *cells { "cells" } else { "points" };
    format!("{components} component(s) of {dtype} on {place}")
}

/// The named array, the only one, or a numbered series.
fn choose<'h>(
    header: &'h VtiHeader,
    path: &Path,
    part: Option<&str>,
) -> Result<Vec<&'h VtiArray>, FormatError> {
    let known: Vec<String> = header.arrays.iter().map(|a| a.name.clone()).collect();
    if let Some(part) = part {
        let array = header.arrays.iter().find(|a| a.name == part);
        return array.map(|a| vec![a]).ok_or_else(|| FormatError::Part {
            path: path.into(),
            part: part.into(),
            known,
        });
    }
    match header.arrays.len() {
        0 => Err(FormatError::Empty {
            path: path.into(),
            what: "the file holds no array of numbers on points or cells".into(),
        }),
        1 => Ok(vec![&header.arrays[0]]),
        _ => match names::stack(&known) {
            Some(numbers) if numbers.iter().all(Option::is_some) => {
                let mut series: Vec<_> = header.arrays.iter().zip(numbers).collect();
                series.sort_by_key(|(_, number)| *number);
                Ok(series.into_iter().map(|(array, _)| array).collect())
            }
            _ => Err(FormatError::Several { path: path.into(), parts: known }),
        },
    }
}

/// The interpretation of a box as fields.
struct Shape {
    /// Number of points or cells along z, y, x.
    lengths: Vec<u64>,
    /// Points of a field.
    points: Vec<usize>,
    /// Spacing along z, y, x.
    spacing: Vec<f64>,
    /// Whether slices along z are samples.
    slices: bool,
}

impl Shape {
    fn of(
        header: &VtiHeader,
        cells: bool,
        path: &Path,
        options: &ReadOptions,
    ) -> Result<Self, FormatError> {
        let axis = |axis: usize| {
            let (first, last) = (header.extent[2 * axis], header.extent[2 * axis + 1]);
            let steps = last.abs_diff(first);
            // a flat box has one layer of cells
            if cells { steps.max(1) } else { steps.saturating_add(1) }
        };
        let lengths: Vec<u64> = (0..3).rev().map(axis).collect();
        let spacing: Vec<f64> = header.spacing.iter().rev().copied().collect();
        let long = |axis: &usize| lengths[*axis] > 1;
        let natural = 3 - (0..3).find(long).unwrap_or(2);
        let dim = options.dim.unwrap_or(natural);
        let slices = dim == 2 && natural == 3;
        if dim < natural && !slices {
            return Err(FormatError::Layout {
                path: path.into(),
                shape: lengths,
                requirement: format!("a box of dim {natural} is no field of dim {dim}"),
            });
        }
        if let Some(bad) = spacing[3 - dim..].iter().find(|h| !(h.is_finite() && **h > 0.0)) {
            return Err(FormatError::Header {
                path: path.into(),
                offset: 0,
                what: format!("spacing {bad}; distances of points are positive"),
            });
        }
        let points = lengths[3 - dim..].iter().map(|&n| n as usize).collect();
        Ok(Self { lengths, points, spacing, slices })
    }

    /// Appends an array's values as fields. In the array, the components of a point are contiguous;
    /// in a field, the points of a channel are.
    fn append(&self, stored: Vec<f32>, channels: usize, values: &mut Vec<f32>) {
        if channels == 1 {
            return values.extend(stored);
        }
        let block = self.points.iter().product::<usize>() * channels;
        let block = if self.slices { block } else { stored.len() };
        for slice in stored.chunks_exact(block) {
            for channel in 0..channels {
                values.extend(slice.iter().skip(channel).step_by(channels));
            }
        }
    }
}
