//! The errors of observations, each with its remedy.

use std::path::PathBuf;

use karhunen_field::FieldError;

use crate::Error;

/// An observation that cannot be used. The message names the file and, if there is one, the row.
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
    /// A file with invalid content.
    #[error("{message}")]
    File {
        /// What is wrong, and where.
        message: String,
        /// What can be done.
        remedy: Remedy,
    },
    /// An observation that the mathematics refuses.
    #[error("{message}")]
    Refused {
        /// What is wrong, and where.
        message: String,
        /// The error without its location.
        error: FieldError,
    },
}

/// How the user can repair a file of observations.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy {
    /// Name the columns in the first line: the required ones and any optional ones.
    Columns {
        /// Required columns.
        needed: String,
        /// Optional columns.
        known: String,
    },
    /// Give one number for each column.
    Cells,
    /// Write numbers with a decimal point and separate columns by commas.
    Numbers,
    /// Name one of several arrays, as in the example.
    NameOne(&'static str),
    /// Give an array whose rows have these columns.
    Rows(String),
    /// Say which channel of the model the file's first channel is.
    FirstChannel,
    /// Count fields from 0.
    FieldNumber,
    /// Give the index of the field in the file.
    Index,
    /// Give one field of the model's box.
    OneField,
    /// Give a field that is not empty.
    AField,
    /// Cut or resample the field to the box of the model.
    Box,
    /// Give the cells of each axis, as in `64x64`.
    AxisCells,
    /// Give a mask with the cells of the field.
    Mask,
    /// Give the grid that the matrix acts on.
    MatrixGrid,
    /// Give one value for each row of the matrix.
    Values,
    /// Say what a fraction is of: one of these phases, or a threshold. Give one that the data show.
    Fraction(Vec<String>),
    /// Use a known kind with its keys.
    Kinds,
    /// Write one table for each observation.
    Tables,
}

pub(super) fn refused<T>(message: String, remedy: Remedy) -> Result<T, Error> {
    Err(ObserveError::File { message, remedy }.into())
}
