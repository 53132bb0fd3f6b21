//! What patches are cut from: fields in memory, or fields that stay in their file.

use std::fmt;
use std::path::Path;

use crate::{FormatError, RawFields, Series, SourceType, Units};

/// Fields of which a block can be had without having them all.
pub trait FieldSource: fmt::Debug + Sync {
    /// Number of fields n.
    fn count(&self) -> usize;

    /// Channels C of each field.
    fn channels(&self) -> usize;

    /// Points per axis, slowest first.
    fn points(&self) -> &[usize];

    /// Number type in the file.
    fn dtype(&self) -> SourceType;

    /// File or folder they come from.
    fn path(&self) -> &Path;

    /// Name of a field, if it has one.
    fn name(&self, item: usize) -> Option<&str>;

    /// Place of a field in its series.
    fn position(&self, item: usize) -> u64;

    /// Spacing and units, as far as known.
    fn units(&self) -> &Units;

    /// Whether fields that follow each other are neighbours.
    fn series(&self) -> Series;

    /// What is to be added to the values of each channel, in double precision, to have the file's:
    /// [`RawFields::offset`].
    fn offsets(&self) -> Vec<f64>;

    /// Appends the block, less the offsets, of `points` points an axis that begins at point `corner` of field `item`,
    /// `[channel, axis0, …]`, last axis fastest.
    ///
    /// The block lies inside the field: `item` below the count, and on every axis
    /// `corner + points` at most the field's points.
    ///
    /// # Errors
    /// Where values come from a file, those of reading it; [`FormatError::NonFinite`].
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
