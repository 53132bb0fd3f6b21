//! How fields are written, and what was.

use crate::write::montage::Montage;

/// Precision of the numbers in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// Four bytes; what networks compute in. Eight where values differ so little from a large number
    /// that four would lose what they differ by.
    #[default]
    F32,
    /// Eight bytes.
    F64,
    /// One byte: labels, whole numbers from 0 to 255 as they are.
    U8,
    /// Two bytes: whole numbers from 0 to 65535 over [`WriteOptions::range`]. A PNG of this
    /// precision is one field and no montage.
    U16,
}

/// How to write.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WriteOptions {
    /// Whether an existing file may be replaced.
    pub overwrite: bool,
    /// Precision of the numbers; a montage has its own.
    pub precision: Precision,
    /// Values written as 0 and 65535 in [`Precision::U16`], those beyond clipped to them; if
    /// `None`, the smallest and the largest of all values.
    pub range: Option<(f64, f64)>,
    /// Arrangement of a montage; ignored by arrays.
    pub montage: Montage,
}

/// What was written, for the caller to say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Written {
    /// Fields in the file.
    pub count: usize,
    /// Values drawn as black and white in a picture, or written as 0 and 65535.
    pub range: Option<(f64, f64)>,
}
