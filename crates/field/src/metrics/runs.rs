//! Runs of equal cells along the lines of an axis, from which lineal paths and chords are counted.

use crate::grid::Axis;
use crate::{Boundary, Grid};

/// Runs of one phase along all lines of one axis, counted by length in cells.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Runs {
    /// Runs between two interfaces; the index is their length 0 … N.
    pub whole: Vec<u64>,
    /// Runs that the window's edge cuts at one or both ends.
    pub cut: Vec<u64>,
    /// Lines of a periodic axis that never leave the phase.
    pub endless: u64,
}

impl Runs {
    pub fn none(axis: &Axis) -> Self {
        Self { whole: vec![0; axis.points + 1], cut: vec![0; axis.points + 1], endless: 0 }
    }
}

/// Adds the runs of both phases (0 and 1) of one field along one axis.
pub(super) fn add_runs(cells: &[u8], grid: &Grid, axis: usize, both: &mut [Runs; 2]) {
    let Axis { points, boundary, .. } = grid.axes()[axis];
    let stride: usize = grid.axes()[axis + 1..].iter().map(|a| a.points).product();
    for line in 0..cells.len() / points {
        let start = line / stride * stride * points + line % stride;
        let at = |i: usize| cells[start + i * stride];
        let first = match boundary {
            Boundary::Neumann | Boundary::Dirichlet => 0,
            Boundary::Periodic => {
                match (0..points).find(|&i| at(i) != at((i + points - 1) % points)) {
                    Some(change) => change,
                    None => {
                        both[usize::from(at(0))].endless += 1;
                        continue;
                    }
                }
            }
        };
        let (mut phase, mut length, mut edge) = (at(first), 0, boundary != Boundary::Periodic);
        for i in first..first + points {
            let here = at(if i < points { i } else { i - points });
            if here != phase {
                let runs = &mut both[usize::from(phase)];
                if edge {
                    runs.cut[length] += 1
                } else {
                    runs.whole[length] += 1
                }
                (phase, length, edge) = (here, 0, false);
            }
            length += 1;
        }
        let runs = &mut both[usize::from(phase)];
        match boundary {
            Boundary::Neumann | Boundary::Dirichlet => runs.cut[length] += 1,
            Boundary::Periodic => runs.whole[length] += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(cells: &[u8], boundary: Boundary) -> [Runs; 2] {
        let grid = Grid::unit(&[cells.len()], boundary).unwrap();
        let mut both = [Runs::none(&grid.axes()[0]), Runs::none(&grid.axes()[0])];
        add_runs(cells, &grid, 0, &mut both);
        both
    }

    #[test]
    fn edges_cut_and_rings_close() {
        let line = [1, 1, 0, 1, 0, 0, 1];
        let [void, solid] = runs(&line, Boundary::Neumann);
        assert_eq!(solid.whole, [0, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(solid.cut, [0, 1, 1, 0, 0, 0, 0, 0]);
        assert_eq!((void.whole[1], void.whole[2], void.cut.iter().sum::<u64>()), (1, 1, 0));
        let [void, solid] = runs(&line, Boundary::Periodic);
        assert_eq!(solid.whole, [0, 1, 0, 1, 0, 0, 0, 0]);
        assert_eq!((void.whole[1], void.whole[2]), (1, 1));
        let [_, solid] = runs(&[1, 1, 1], Boundary::Periodic);
        assert_eq!((solid.endless, solid.whole.iter().sum::<u64>()), (1, 0));
        let [_, solid] = runs(&[1, 1, 1], Boundary::Neumann);
        assert_eq!(solid.cut, [0, 0, 0, 1]);
    }

    #[test]
    fn lines_of_every_axis_hold_every_cell_once() {
        let grid = Grid::unit(&[3, 1, 5], Boundary::Periodic).unwrap();
        let cells: Vec<u8> = (0..15).map(|i| u8::from(i * i % 7 < 3)).collect();
        for axis in 0..3 {
            let a = &grid.axes()[axis];
            let mut both = [Runs::none(a), Runs::none(a)];
            add_runs(&cells, &grid, axis, &mut both);
            for (phase, runs) in both.iter().enumerate() {
                let held: u64 = runs
                    .whole
                    .iter()
                    .zip(&runs.cut)
                    .enumerate()
                    .map(|(l, (w, c))| l as u64 * (w + c))
                    .sum();
                let cells = cells.iter().filter(|c| usize::from(**c) == phase).count() as u64;
                assert_eq!(held + runs.endless * a.points as u64, cells);
            }
        }
    }
}
