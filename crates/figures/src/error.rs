//! The errors of this crate.

use std::path::PathBuf;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FigureError {
    /// Nothing to draw: every point is missing, not finite, or not positive on a logarithmic axis.
    #[error("chart {title:?} has no point that can be drawn")]
    Empty {
        /// Title of the chart.
        title: String,
    },
    /// A picture too small to read, or too large to hold.
    #[error("a chart of {width} x {height} pixels; each side must lie between {least} and {most}")]
    Size {
        /// Width asked for.
        width: u32,
        /// Height asked for.
        height: u32,
        /// Smallest allowed side in pixels.
        least: u32,
        /// Largest allowed side in pixels.
        most: u32,
    },
    /// The drawing library failed.
    #[error("chart {title:?} cannot be drawn: {reason}")]
    Draw {
        /// Title of the chart.
        title: String,
        /// The library's message.
        reason: String,
    },
    /// The file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}
