//! A line chart: its content, and its method that draws a file.

use std::path::Path;

use crate::FigureError;
use crate::axis::Axis;
use crate::draw::draw;
use crate::file::write_png;

/// Allowed sides of a picture in pixels. Labels collide in smaller ones; larger ones take too much
/// memory.
const SIDES: std::ops::RangeInclusive<u32> = 200..=8000;

/// One line of a chart.
///
/// Points are joined in the order given. Those that cannot be drawn (not finite, or not positive
/// on a logarithmic axis) interrupt the line.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    /// Name in the legend. An empty name has no entry.
    pub label: String,
    /// The points (x, y).
    pub points: Vec<(f64, f64)>,
    /// Dashed instead of solid. References are dashed and results are solid.
    pub dashed: bool,
}

/// A chart of lines over one pair of axes.
///
/// # Example
/// ```
/// use karhunen_figures::{LineChart, Series};
/// let decay = (1..50).map(|k| (f64::from(k), f64::from(k).powi(-3))).collect();
/// let chart = LineChart {
///     title: "Spectrum".into(),
///     x_label: "wave number".into(),
///     y_label: "power".into(),
///     x_log: true,
///     y_log: true,
///     series: vec![Series { label: "data".into(), points: decay, dashed: false }],
///     vertical_marks: vec![(32.0, "trained band".into())],
/// };
/// let path = std::env::temp_dir().join(format!("spectrum-{}.png", std::process::id()));
/// chart.png(&path, 900, 500)?;
/// assert_eq!(&std::fs::read(&path).unwrap()[1..4], b"PNG");
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), karhunen_figures::FigureError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LineChart {
    /// Title above the chart.
    pub title: String,
    /// Label below the horizontal axis.
    pub x_label: String,
    /// Label beside the vertical axis.
    pub y_label: String,
    /// Logarithmic horizontal axis.
    pub x_log: bool,
    /// Logarithmic vertical axis.
    pub y_log: bool,
    /// The lines, in the order of the legend.
    pub series: Vec<Series>,
    /// Vertical lines at x with a note: a grid's Nyquist frequency, a change of level.
    pub vertical_marks: Vec<(f64, String)>,
}

impl LineChart {
    /// Draws the chart into a PNG file of `width` × `height` pixels; about 900 × 500 suits a report.
    ///
    /// The file is written beside `path` and renamed, so `path` never holds a partial file.
    ///
    /// # Errors
    /// [`FigureError::Empty`] without a point to draw, [`FigureError::Size`] unless both sides are
    /// from 200 to 8000 pixels, [`FigureError::Draw`] if the drawing library fails,
    /// [`FigureError::Write`] if the file cannot be written.
    pub fn png(&self, path: &Path, width: u32, height: u32) -> Result<(), FigureError> {
        if !(SIDES.contains(&width) && SIDES.contains(&height)) {
            let (least, most) = (*SIDES.start(), *SIDES.end());
            return Err(FigureError::Size { width, height, least, most });
        }
        let pixels = draw(self, &self.axes()?, width, height)
            .map_err(|reason| FigureError::Draw { title: self.title.clone(), reason })?;
        write_png(path, width, height, &pixels)
            .map_err(|source| FigureError::Write { path: path.to_owned(), source })
    }

    /// Both axes, wide enough for every point that can be drawn.
    pub(crate) fn axes(&self) -> Result<[Axis; 2], FigureError> {
        let drawn: Vec<_> = self.series.iter().flat_map(|s| self.lines(s)).flatten().collect();
        let marks =
            self.vertical_marks.iter().filter_map(|(x, _)| Axis::coordinate(*x, self.x_log));
        let across: Vec<_> = drawn.iter().map(|p| p.0).chain(marks).collect();
        let x = Axis::spanning(across.into_iter(), self.x_log, 0.02);
        let y = Axis::spanning(drawn.iter().map(|p| p.1), self.y_log, 0.05);
        match (x, y) {
            (Some(x), Some(y)) => Ok([x, y]),
            _ => Err(FigureError::Empty { title: self.title.clone() }),
        }
    }

    /// The unbroken pieces of a series, in coordinates of the axes.
    pub(crate) fn lines(&self, series: &Series) -> Vec<Vec<(f64, f64)>> {
        let coordinates: Vec<_> = series
            .points
            .iter()
            .map(|&(x, y)| {
                Some((Axis::coordinate(x, self.x_log)?, Axis::coordinate(y, self.y_log)?))
            })
            .collect();
        coordinates
            .split(Option::is_none)
            .filter(|piece| !piece.is_empty())
            .map(|piece| piece.iter().flatten().copied().collect())
            .collect()
    }
}
