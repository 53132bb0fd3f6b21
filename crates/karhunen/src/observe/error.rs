//! What is wrong with an observation, by what can be done about it.

use std::path::PathBuf;

use karhunen_field::FieldError;

use crate::Error;

/// An observation that cannot be used; the message names the file and, where there is one, the row.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObserveError {
    /// A file that cannot be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that does not say what it should.
    #[error("{message}")]
    File {
        /// What is wrong, and where.
        message: String,
        /// What can be done.
        remedy: Remedy,
    },
    /// An observation that the mathematics refused.
    #[error("{message}")]
    Refused {
        /// What is wrong, and where.
        message: String,
        /// The error without its place.
        error: FieldError,
    },
}

/// What can be done about a file of observations.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy {
    /// Name the columns in the first line: those needed, and if wanted others.
    Columns {
        /// Columns that must be there.
        needed: String,
        /// Columns that may be there.
        known: String,
    },
    /// One number a column.
    Cells,
    /// Numbers with a point, columns apart by commas.
    Numbers,
    /// Name one of several arrays, as in the example.
    NameOne(&'static str),
    /// An array with rows of these columns.
    Rows(String),
    /// Say which channel the file's first one is.
    FirstChannel,
    /// Fields are counted from 0.
    FieldNumber,
    /// Say which field of the file.
    Index,
    /// One field of the model's box.
    OneField,
    /// A field where there is none.
    AField,
    /// Cut or resample to the box of the model.
    Box,
    /// Cells an axis, as `64x64`.
    AxisCells,
    /// A mask with the cells of the field.
    Mask,
    /// Say which cells the matrix is for.
    MatrixGrid,
    /// One value a row of the matrix.
    Values,
    /// A known kind with its keys.
    Kinds,
    /// One table an observation.
    Tables,
}

pub(super) fn refused<T>(message: String, remedy: Remedy) -> Result<T, Error> {
    Err(ObserveError::File { message, remedy }.into())
}
