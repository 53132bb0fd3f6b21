//! Windows that cover a larger box, and the smooth partition of unity over them.

use super::LargeBox;
use crate::{FieldError, Grid, grid::MAX_DIM};

/// The part of a window that it shares with the next one, by default. At 3/8 the error on
/// stationary Gaussian data is close to that of larger overlaps, for 1.6 times the windows an axis
/// (table in `docs/large-boxes.md`).
pub const DEFAULT_OVERLAP: f64 = 0.375;

/// Part of the overlap, at each of its sides, in which one of the two windows has all the weight.
/// Cells next to a window's edge lack data from beyond it, so they get weight 0.
const MARGIN: f64 = 0.25;

/// Refuses overlaps outside their range.
///
/// # Errors
/// [`FieldError::Parameter`] unless 0 ≤ `overlap` ≤ ½.
pub fn check_overlap(overlap: f64) -> Result<(), FieldError> {
    if (0.0..=0.5).contains(&overlap) {
        return Ok(());
    }
    Err(FieldError::Parameter {
        parameter: "overlap",
        value: overlap,
        requirement: "windows share a part of 0 to 0.5 of their length with the next one",
    })
}

/// The windows along one axis: their first cells, and the weight of each of their cells.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AxisWindows {
    /// First cell of each window. On a ring (a periodic axis) a window may continue past the last
    /// cell.
    pub starts: Vec<usize>,
    /// `[window][cell of it]`. Over the windows that contain a cell the weights sum to one.
    pub weights: Vec<Vec<f64>>,
}

impl AxisWindows {
    /// One window that covers the whole axis.
    fn whole(cells: usize) -> Self {
        Self { starts: vec![0], weights: vec![vec![1.0; cells]] }
    }

    /// Windows of `window` cells over `cells`. Each shares `overlap` of its cells with the next
    /// one, or more where they would not fit otherwise.
    pub fn new(cells: usize, window: usize, ring: bool, overlap: f64) -> Self {
        let stride = (((1.0 - overlap) * window as f64) as usize).max(1);
        let starts: Vec<usize> = if ring {
            let count = cells.div_ceil(stride);
            (0..count).map(|i| i * cells / count).collect()
        } else {
            let steps = (cells - window).div_ceil(stride);
            (0..=steps).map(|i| i * (cells - window) / steps.max(1)).collect()
        };
        let last = starts.len() - 1;
        let bump = |i: usize| -> Vec<f64> {
            let ends = (ring || i > 0, ring || i < last);
            let rise = |inside: bool, distance: f64| match inside {
                true => rise(distance, overlap * window as f64),
                false => 1.0,
            };
            let cell = |j: usize| {
                let distance = j as f64 + 0.5;
                rise(ends.0, distance) * rise(ends.1, window as f64 - distance)
            };
            (0..window).map(cell).collect()
        };
        let mut weights: Vec<Vec<f64>> = (0..=last).map(bump).collect();
        let mut sums = vec![0.0; cells];
        for (start, weights) in starts.iter().zip(&weights) {
            weights.iter().enumerate().for_each(|(j, w)| sums[(start + j) % cells] += w);
        }
        for (start, weights) in starts.iter().zip(&mut weights) {
            weights.iter_mut().enumerate().for_each(|(j, w)| *w /= sums[(start + j) % cells]);
        }
        Self { starts, weights }
    }
}

/// Rises from 0 in the window's own margin to 1 where the neighbour's margin begins: 3u² − 2u³.
fn rise(distance: f64, shared: f64) -> f64 {
    let margin = MARGIN * shared;
    if shared - margin <= margin {
        return 1.0;
    }
    let u = ((distance - margin) / (shared - 2.0 * margin)).clamp(0.0, 1.0);
    u * u * (3.0 - 2.0 * u)
}

/// All windows of a larger grid, each a box of the same cells.
#[derive(Debug, Clone)]
pub(super) struct Partition {
    /// Cells of the larger grid and of a window, with the axes aligned at the last one.
    cells: [usize; MAX_DIM],
    window: [usize; MAX_DIM],
    axes: Vec<AxisWindows>,
}

impl Partition {
    /// Windows with the cells of `window` over the larger box with the cells of `grid`.
    pub fn new(large: &LargeBox, grid: &Grid, window: &Grid, overlap: f64) -> Self {
        let unused = MAX_DIM - grid.dim();
        let (mut cells, mut own) = ([1; MAX_DIM], [1; MAX_DIM]);
        let mut axes = vec![AxisWindows::whole(1); unused];
        for axis in 0..grid.dim() {
            let (n, m) = (grid.axes()[axis].points, window.axes()[axis].points);
            (cells[unused + axis], own[unused + axis]) = (n, m);
            axes.push(match large.keeps(axis) {
                true => AxisWindows::whole(n),
                false => AxisWindows::new(n, m, large.is_ring(axis), overlap),
            });
        }
        Self { cells, window: own, axes }
    }

    /// Number of windows.
    pub fn count(&self) -> usize {
        self.axes.iter().map(|a| a.starts.len()).product()
    }

    /// Calls `cell` for every cell of a window: its index in the larger grid, in the window, and
    /// its weight.
    pub fn visit(&self, window: usize, mut cell: impl FnMut(usize, usize, f64)) {
        let mut rest = window;
        let mut at = [0; MAX_DIM];
        for (at, axis) in at.iter_mut().zip(&self.axes).rev() {
            *at = rest % axis.starts.len();
            rest /= axis.starts.len();
        }
        let of = |axis: usize, j: usize| {
            let own = &self.axes[axis];
            ((own.starts[at[axis]] + j) % self.cells[axis], own.weights[at[axis]][j])
        };
        let mut number = 0;
        for i in 0..self.window[0] {
            let (a, u) = of(0, i);
            for j in 0..self.window[1] {
                let (b, v) = of(1, j);
                let row = (a * self.cells[1] + b) * self.cells[2];
                for k in 0..self.window[2] {
                    let (c, w) = of(2, k);
                    cell(row + c, number, u * v * w);
                    number += 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Boundary;

    /// For all sizes, also odd ones, open and closed: weights sum to one in every cell, windows
    /// overlap as required, and they have no weight next to an inner edge.
    #[test]
    fn weights_are_a_partition_of_unity_for_all_sizes() {
        for window in [1, 2, 3, 4, 5, 7, 16, 31, 64] {
            for cells in (window..6 * window).step_by(1 + window / 7) {
                for overlap in [0.0, 0.125, 0.25, 0.3, 0.375, 0.5] {
                    for ring in [false, true] {
                        let all = AxisWindows::new(cells, window, ring, overlap);
                        let what = format!("{window} of {cells}, ring {ring}, overlap {overlap}");
                        let mut sums = vec![0.0; cells];
                        for (start, weights) in all.starts.iter().zip(&all.weights) {
                            assert!(ring || start + window <= cells, "{what}");
                            for (j, w) in weights.iter().enumerate() {
                                assert!(w.is_finite() && *w >= 0.0, "{what}");
                                sums[(start + j) % cells] += w;
                            }
                        }
                        assert!(sums.iter().all(|s| (s - 1.0).abs() < 1e-12), "{what}: {sums:?}");
                        for pair in all.starts.windows(2) {
                            let shared = (pair[0] + window).saturating_sub(pair[1]);
                            assert!(shared as f64 >= (overlap * window as f64).floor(), "{what}");
                        }
                        let last = all.starts.len() - 1;
                        if last > 0 && 0.5 < MARGIN * overlap * window as f64 {
                            assert_eq!(all.weights[last][0], 0.0, "{what}");
                            assert_eq!(all.weights[0][window - 1], 0.0, "{what}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn every_cell_of_a_larger_grid_is_visited_with_weights_of_one() {
        for (points, times, periodic) in [
            (&[7][..], &[3.0][..], &[false][..]),
            (&[6, 5], &[2.0, 3.0], &[true, false]),
            (&[4, 3, 5], &[1.0, 3.0, 2.0], &[false, true, false]),
        ] {
            let window = Grid::unit(points, Boundary::Neumann).unwrap();
            let large = LargeBox::new(window, times, periodic).unwrap();
            let grid = large.like(&window).unwrap();
            let all = Partition::new(&large, &grid, &window, 0.4);
            let (mut sums, mut seen) = (vec![0.0; grid.len()], vec![0; window.len()]);
            for w in 0..all.count() {
                all.visit(w, |cell, own, weight| {
                    sums[cell] += weight;
                    seen[own] += 1;
                });
            }
            assert!(sums.iter().all(|s| (s - 1.0).abs() < 1e-12), "{points:?}: {sums:?}");
            assert!(seen.iter().all(|n| *n == all.count()));
        }
    }

    #[test]
    fn an_overlap_above_one_half_is_none() {
        for overlap in [-0.1, 0.51, f64::NAN] {
            assert!(matches!(check_overlap(overlap), Err(FieldError::Parameter { .. })));
        }
        assert!(check_overlap(0.5).is_ok() && check_overlap(0.0).is_ok());
    }
}
