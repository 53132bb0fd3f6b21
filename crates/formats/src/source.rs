//! Sources of patches: fields in memory, or fields that stay in their file.

use std::fmt;
use std::path::Path;

use crate::{FormatError, RawFields, Series, SourceType, Units};

/// Fields from which a block can be read without loading all values.
pub trait FieldSource: fmt::Debug + Sync {
    /// Number of fields n.
    fn count(&self) -> usize;

    /// Channels C of each field.
    fn channels(&self) -> usize;

    /// Points per axis, slowest first.
    fn points(&self) -> &[usize];

    /// Number type in the file.
    fn dtype(&self) -> SourceType;

    /// The file or folder of the fields.
    fn path(&self) -> &Path;

    /// Name of a field, if it has one.
    fn name(&self, item: usize) -> Option<&str>;

    /// Position of a field in its series.
    fn position(&self, item: usize) -> u64;

    /// Spacing and units, as far as they are known.
    fn units(&self) -> &Units;

    /// Whether consecutive fields are neighbours.
    fn series(&self) -> Series;

    /// The offset of each channel. Added to the values in double precision, it gives the values of
    /// the file: [`RawFields::offset`].
    fn offsets(&self) -> Vec<f64>;

    /// Appends a block of field `item`, with the offsets subtracted. It begins at point `corner`
    /// and has `points` points for each axis. The order is `[channel, axis0, …]`, last axis
    /// fastest.
    ///
    /// The block lies inside the field: `item` is below the count, and on every axis
    /// `corner + points` is at most the number of points.
    ///
    /// # Errors
    /// Errors while reading the file, if values come from one; [`FormatError::NonFinite`].
    fn block(
        &self,
        item: usize,
        corner: &[usize],
        points: &[usize],
        values: &mut Vec<f32>,
    ) -> Result<(), FormatError>;
}

impl FieldSource for RawFields {
    fn count(&self) -> usize {
        RawFields::count(self)
    }

    fn channels(&self) -> usize {
        self.channels
    }

    fn points(&self) -> &[usize] {
        &self.points
    }

    fn dtype(&self) -> SourceType {
        self.dtype
    }

    fn path(&self) -> &Path {
        &self.source
    }

    fn name(&self, item: usize) -> Option<&str> {
        self.items.get(item).map(String::as_str)
    }

    fn position(&self, item: usize) -> u64 {
        self.positions[item]
    }

    fn units(&self) -> &Units {
        &self.units
    }

    fn series(&self) -> Series {
        self.series
    }

    fn offsets(&self) -> Vec<f64> {
        vec![self.offset; self.channels]
    }

    fn block(
        &self,
        item: usize,
        corner: &[usize],
        part: &[usize],
        values: &mut Vec<f32>,
    ) -> Result<(), FormatError> {
        let whole = &self.points;
        let last = part.len() - 1;
        let lines: usize = part[..last].iter().product();
        let plane: usize = whole.iter().product();
        for channel in 0..self.channels {
            let base = (item * self.channels + channel) * plane;
            for line in 0..lines {
                let (mut rest, mut stride) = (line, whole[last]);
                let mut start = base + corner[last];
                for axis in (0..last).rev() {
                    start += (corner[axis] + rest % part[axis]) * stride;
                    rest /= part[axis];
                    stride *= whole[axis];
                }
                values.extend_from_slice(&self.values[start..start + part[last]]);
            }
        }
        Ok(())
    }
}
