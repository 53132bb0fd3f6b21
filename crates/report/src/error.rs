//! The errors of a report.

use karhunen_field::FieldError;
use thiserror::Error;

/// A report that cannot be written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReportError {
    /// There is nothing to show.
    #[error("a report needs samples on at least one grid")]
    Empty,
    /// A statistic is not defined for these fields.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// A picture cannot be encoded.
    #[error("a picture cannot be encoded: {0}")]
    Picture(#[from] png::EncodingError),
}
