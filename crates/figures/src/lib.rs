//! Line charts as PNG files: spectra, losses, errors against the grid; and pictures beside each other.
//!
//! The font travels in the binary (DejaVu Sans, whose licence is free), so a chart looks the same
//! on a cluster node without fonts, and no C library is involved. A chart is drawn three times too
//! large and averaged down, which is what makes its lines smooth.
//!
//! What is deliberately not here: statistics, and which colour a value has.

mod axis;
mod chart;
mod draw;
mod error;
mod file;
mod legend;
mod panels;

pub use chart::{LineChart, Series};
pub use error::FigureError;
pub use panels::{Panel, Panels, Tile};
