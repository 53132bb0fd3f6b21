//! Places the legend in the corner where it hides the least of the lines.

use crate::LineChart;
use crate::axis::Axis;

/// Number of points at which each segment of a line is sampled.
const SAMPLES: usize = 16;

/// The size of a legend as fractions of the frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Legend {
    pub width: f64,
    pub height: f64,
}

/// A corner of the frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Placement {
    pub right: bool,
    pub top: bool,
}

impl Legend {
    /// The corner with the fewest points of lines behind it; the upper right one if several are
    /// equal.
    pub fn place(&self, chart: &LineChart, axes: &[Axis; 2]) -> Placement {
        let corners = [(true, true), (false, true), (true, false), (false, false)]
            .map(|(right, top)| Placement { right, top });
        let mut hidden = [0usize; 4];
        for (x, y) in samples(chart, axes) {
            for (count, corner) in hidden.iter_mut().zip(corners) {
                let across = if corner.right { 1.0 - x } else { x };
                let down = if corner.top { 1.0 - y } else { y };
                *count += usize::from(across < self.width && down < self.height);
            }
        }
        let least = (0..4).min_by_key(|&i| hidden[i]).unwrap_or(0);
        corners[least]
    }
}

/// Points along all lines and along the notes of marks, as fractions of the frame from the lower
/// left.
fn samples(chart: &LineChart, axes: &[Axis; 2]) -> Vec<(f64, f64)> {
    let mut samples = Vec::new();
    for line in chart.series.iter().flat_map(|s| chart.lines(s)) {
        let line: Vec<_> =
            line.into_iter().map(|(x, y)| (axes[0].fraction(x), axes[1].fraction(y))).collect();
        samples.extend(line.last());
        for pair in line.windows(2) {
            let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
            samples.extend((0..SAMPLES).map(|i| {
                let s = i as f64 / SAMPLES as f64;
                (x0 + s * (x1 - x0), y0 + s * (y1 - y0))
            }));
        }
    }
    for (x, _) in &chart.vertical_marks {
        if let Some(x) = Axis::coordinate(*x, chart.x_log) {
            // notes hang down from the upper edge
            samples.extend(
                (0..SAMPLES).map(|i| (axes[0].fraction(x), 1.0 - 0.3 * i as f64 / SAMPLES as f64)),
            );
        }
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Series;

    #[test]
    fn the_legend_keeps_out_of_the_lines_way() {
        let axes = |chart: &LineChart| chart.axes().unwrap();
        let legend = Legend { width: 0.3, height: 0.3 };
        let chart = |slope: f64| LineChart {
            series: vec![Series {
                points: (0..20).map(|i| (f64::from(i), slope * f64::from(i))).collect(),
                ..Series::default()
            }],
            ..LineChart::default()
        };
        let falling = chart(-1.0);
        assert_eq!(legend.place(&falling, &axes(&falling)), Placement { right: true, top: true });
        let rising = chart(1.0);
        assert_eq!(legend.place(&rising, &axes(&rising)), Placement { right: false, top: true });
    }
}
