//! Sources of patches: fields in memory, or fields that stay in their file.

use std::fmt;
use std::path::Path;

use crate::{FormatError, Series, SourceType, Units};

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
    /// the file: [`RawFields::offset`](crate::RawFields::offset).
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
