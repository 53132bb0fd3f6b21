//! Line charts as PNG files (spectra, losses, errors over the grid), and labelled panels of
//! pictures.
//!
//! The font (DejaVu Sans, under a free licence) is part of the binary, so a chart looks the same on
//! a cluster node without fonts. No C library is needed. A chart is drawn three times too large and
//! averaged, which makes its lines smooth.
//!
//! This crate computes no statistics and chooses no colours for values.

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
