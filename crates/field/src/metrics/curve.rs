//! Functions of distance along the axes of a box, and their average over directions.

use crate::Grid;

/// Values by distance along one direction (or averaged over several).
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Distance of each value, in units of the box.
    pub distance: Vec<f64>,
    /// The values, `[channel][distance]`.
    pub values: Vec<Vec<f64>>,
    /// Number of segments of that length in one field.
    pub segments: Vec<u64>,
}

/// A function of distance along every axis and averaged over them.
#[derive(Debug, Clone, PartialEq)]
pub struct DirectionalCurve {
    /// One curve for each axis, slowest axis first.
    pub along: Vec<Curve>,
    /// The mean of the curves by distance, in which every segment has the same weight. Bins are as
    /// wide as the smallest cell and reach up to half the shortest side (as in
    /// [`super::TwoPoint`]). Unlike the two-point correlation it includes no diagonals.
    pub average: Curve,
}

impl DirectionalCurve {
    pub(super) fn new(grid: &Grid, along: Vec<Curve>) -> Self {
        Self { average: average(grid, &along), along }
    }
}

/// Bins of distance: their width (the smallest cell) and the index of the last one (half the
/// shortest side). Axes of one cell have no lags and are ignored.
pub(super) fn bins(grid: &Grid) -> (f64, usize) {
    let long = || grid.axes().iter().filter(|a| a.points > 1);
    let width = long().map(|a| a.length / a.points as f64).fold(f64::INFINITY, f64::min);
    let shortest = long().map(|a| a.length).fold(f64::INFINITY, f64::min);
    // rounding could otherwise lose the bin of exactly half a side
    let last = if width.is_finite() { (0.5 * shortest / width + 1e-9).floor() as usize } else { 0 };
    (width, last)
}

fn average(grid: &Grid, along: &[Curve]) -> Curve {
    let (width, last) = bins(grid);
    let channels = along.first().map_or(0, |c| c.values.len());
    let mut distance = vec![0.0; last + 1];
    let mut values = vec![vec![0.0; last + 1]; channels];
    let mut segments = vec![0u64; last + 1];
    for curve in along {
        for (lag, (&d, &count)) in curve.distance.iter().zip(&curve.segments).enumerate() {
            let bin = if d > 0.0 { (d / width).round() as usize } else { 0 };
            if bin <= last {
                segments[bin] += count;
                distance[bin] += count as f64 * d;
                values
                    .iter_mut()
                    .zip(&curve.values)
                    .for_each(|(v, c)| v[bin] += count as f64 * c[lag]);
            }
        }
    }
    for (bin, &count) in segments.iter().enumerate().filter(|(_, c)| **c > 0) {
        distance[bin] /= count as f64;
        values.iter_mut().for_each(|v| v[bin] /= count as f64);
    }
    Curve { distance, values, segments }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::{Axis, Boundary};

    #[test]
    fn directions_meet_in_bins_of_equal_distance_weighted_by_their_segments() {
        let axis = |points, length| Axis { points, length, boundary: Boundary::Neumann };
        let grid = Grid::new(&[axis(4, 4.0), axis(3, 6.0)]).unwrap();
        let one = Curve {
            distance: vec![0.0, 1.0, 2.0, 3.0],
            values: vec![vec![1.0, 2.0, 4.0, 9.0]],
            segments: vec![12, 9, 6, 3],
        };
        let two = Curve {
            distance: vec![0.0, 2.0, 4.0],
            values: vec![vec![1.0, 7.0, 9.0]],
            segments: vec![12, 8, 4],
        };
        let mean = DirectionalCurve::new(&grid, vec![one, two]).average;
        assert_eq!(mean.distance, [0.0, 1.0, 2.0]);
        assert_eq!(mean.segments, [24, 9, 14]);
        assert_eq!(mean.values, [[1.0, 2.0, (24.0 + 56.0) / 14.0]]);
    }
}
