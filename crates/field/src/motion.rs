//! Motions of a box onto itself: turns by right angles, mirrors, shifts along periodic axes.
//!
//! A motion acts on a function in the same way on every grid. Turns and mirrors map cell centres to
//! cell centres. A shift of any length rotates each pair of a cosine and a sine. Moving a fine
//! field and then restricting it gives the same as restricting it and then moving it.
//! [`crate::invariance`] tests which motions the law of some data allows.

use std::collections::HashMap;

use crate::grid::{Boundary, Grid, MAX_DIM};
use crate::transform::Transform;

/// x ↦ T x + s: the function f becomes f(T⁻¹(x − s)).
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Grid, motion::{Motion, Mover}};
/// let grid = Grid::unit(&[4], Boundary::Periodic)?;
/// let values = [0.0, 1.0, 0.0, -1.0]; // sin or cos, within the grid's modes
/// let quarter = Motion { shift: [0.25, 0.0, 0.0], ..Motion::default() };
/// let moved = Mover::new(grid).moved(&quarter, &values);
/// assert!(moved.iter().zip([-1.0, 0.0, 1.0, 0.0]).all(|(a, b)| (a - b).abs() < 1e-12));
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Motion {
    /// s as a fraction of each axis's length; only along periodic axes.
    pub shift: [f64; MAX_DIM],
    /// For each axis of the moved function, the axis of f that it reads.
    pub axes: [usize; MAX_DIM],
    /// Whether it reads that axis from the other end.
    pub flipped: [bool; MAX_DIM],
}

impl Default for Motion {
    fn default() -> Self {
        Self { shift: [0.0; MAX_DIM], axes: [0, 1, 2], flipped: [false; MAX_DIM] }
    }
}

impl Motion {
    /// The mirror along an axis.
    pub fn mirror(axis: usize) -> Self {
        let mut motion = Self::default();
        motion.flipped[axis] = true;
        motion
    }

    /// The turn by a right angle in the plane of two axes.
    pub fn turn(a: usize, b: usize) -> Self {
        let mut motion = Self::default();
        motion.axes.swap(a, b);
        motion.flipped[a] = true;
        motion
    }
}

/// Applies motions to functions on one grid.
#[derive(Debug, Clone)]
pub struct Mover {
    transform: Transform,
    /// Cosine slot, sine slot and wave numbers along periodic axes.
    pairs: Vec<(usize, usize, [f64; MAX_DIM])>,
}

impl Mover {
    /// Prepares a grid.
    pub fn new(grid: Grid) -> Self {
        let periodic =
            |axis: usize| grid.axes().get(axis).is_some_and(|a| a.boundary == Boundary::Periodic);
        let places: HashMap<_, _> = grid.modes().enumerate().map(|(k, m)| (m.wave, k)).collect();
        let mut pairs = Vec::new();
        for (k, mode) in grid.modes().enumerate() {
            let along: Vec<usize> =
                (0..grid.dim()).filter(|a| periodic(*a) && mode.wave[*a] != 0).collect();
            if along.is_empty() || mode.pair_wave() != mode.wave {
                continue;
            }
            let mut opposite = mode.wave;
            along.iter().for_each(|a| opposite[*a] = -opposite[*a]);
            let mut wave = [0.0; MAX_DIM];
            along.iter().for_each(|a| wave[*a] = f64::from(mode.wave[*a]));
            pairs.push((k, places[&opposite], wave));
        }
        Self { transform: Transform::new(grid), pairs }
    }

    /// The grid.
    pub fn grid(&self) -> &Grid {
        self.transform.grid()
    }

    /// The moved values of one channel of a function. A shift drops the part that no mode of the
    /// grid represents, such as the highest frequency of an even number of cells.
    ///
    /// **Cost** a copy; for a shift also two transforms.
    ///
    /// # Panics
    /// Unless the function has one value a cell, and axes that are exchanged have equally many
    /// cells.
    pub fn moved(&self, motion: &Motion, values: &[f64]) -> Vec<f64> {
        let mut values = turned(self.grid(), motion, values);
        let shift = motion.shift;
        if shift == [0.0; MAX_DIM] {
            return values;
        }
        let mut modes = vec![0.0; self.grid().mode_count()];
        self.transform.analyse(&values, &mut modes);
        for (cosine, sine, wave) in &self.pairs {
            let turns: f64 = wave.iter().zip(&shift).map(|(k, s)| k * s).sum();
            let (sin, cos) = (std::f64::consts::TAU * turns).sin_cos();
            let (a, b) = (modes[*cosine], modes[*sine]);
            (modes[*cosine], modes[*sine]) = (a * cos - b * sin, a * sin + b * cos);
        }
        self.transform.synthesise(&modes, &mut values);
        values
    }
}

/// Cell values with axes exchanged and reversed. A plain copy if the motion does neither.
///
/// # Panics
/// As [`Mover::moved`].
pub fn turned<T: Copy>(grid: &Grid, motion: &Motion, values: &[T]) -> Vec<T> {
    assert_eq!(values.len(), grid.len(), "a value a cell");
    if motion.axes == [0, 1, 2] && motion.flipped == [false; MAX_DIM] {
        return values.to_vec();
    }
    let points = grid.points();
    let same = |a: usize| points[motion.axes[a]] == points[a];
    assert!((0..points.len()).all(same), "cells of axes that change places");
    let stride = |axis: usize| points[axis + 1..].iter().product::<usize>();
    let source = |flat: usize| {
        let at = grid.position(flat);
        let part = |a: usize| {
            let j = if motion.flipped[a] { points[a] - 1 - at[a] } else { at[a] };
            j * stride(motion.axes[a])
        };
        (0..points.len()).map(part).sum::<usize>()
    };
    (0..values.len()).map(|flat| values[source(flat)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::Axis;
    use crate::resample::copied_modes;
    use crate::{ModeNoise, noise::stream};

    const ANY: Motion =
        Motion { shift: [0.137, 0.0, 0.71], axes: [2, 1, 0], flipped: [true, true, false] };

    /// A function within the modes of a grid.
    fn function(grid: Grid, index: u64) -> (Vec<f64>, Vec<f64>) {
        let modes = ModeNoise::new(4).plain_normals(grid.mode_count(), index, stream::METRICS);
        let mut values = vec![0.0; grid.len()];
        Transform::new(grid).synthesise(&modes, &mut values);
        (modes, values)
    }

    fn close(a: &[f64], b: &[f64]) {
        assert_eq!(a.len(), b.len());
        a.iter().zip(b).for_each(|(a, b)| assert!((a - b).abs() < 1e-11, "{a} {b}"));
    }

    #[test]
    fn shifts_by_whole_cells_are_rolls() {
        for points in [[5, 6], [8, 7]] {
            let grid = Grid::unit(&points, Boundary::Periodic).unwrap();
            let (_, values) = function(grid, 1);
            let [dy, dx] = [2, 5];
            let shift = [dy as f64 / points[0] as f64, dx as f64 / points[1] as f64, 0.0];
            let moved = Mover::new(grid).moved(&Motion { shift, ..Motion::default() }, &values);
            let at = |i: usize| {
                let (y, x) = (i / points[1], i % points[1]);
                let (y, x) = (y + points[0] - dy, x + 2 * points[1] - dx);
                values[y % points[0] * points[1] + x % points[1]]
            };
            close(&moved, &(0..grid.len()).map(at).collect::<Vec<_>>());
        }
    }

    /// Moving on a fine grid and then restricting equals restricting and then moving.
    #[test]
    fn motions_are_the_same_on_every_grid() {
        let axes = [Boundary::Periodic, Boundary::Dirichlet, Boundary::Periodic];
        let axis = |points, boundary| Axis { points, length: 1.0, boundary };
        let grid =
            |cells: [usize; 3]| Grid::new(&[0, 1, 2].map(|a| axis(cells[a], axes[a]))).unwrap();
        let (fine, coarse) = (grid([10, 7, 10]), grid([5, 4, 5]));
        let (modes, values) = function(fine, 2);
        let modes_of = |grid: Grid, values: &[f64]| {
            let mut modes = vec![0.0; grid.mode_count()];
            Transform::new(grid).analyse(values, &mut modes);
            modes
        };
        let moved = Mover::new(fine).moved(&ANY, &values);
        let mut restricted = vec![0.0; coarse.len()];
        let kept = copied_modes(&fine, &modes, &coarse);
        Transform::new(coarse).synthesise(&kept, &mut restricted);
        let then = copied_modes(&fine, &modes_of(fine, &moved), &coarse);
        close(&modes_of(coarse, &Mover::new(coarse).moved(&ANY, &restricted)), &then);
        // nothing is lost: norms stay the same
        let norm = |values: &[f64]| values.iter().map(|v| v * v).sum::<f64>();
        assert!((norm(&moved) / norm(&values) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn four_turns_and_two_mirrors_are_none() {
        let grid = Grid::unit(&[4, 4, 4], Boundary::Neumann).unwrap();
        let (_, values) = function(grid, 3);
        let mover = Mover::new(grid);
        let again = |motion: Motion, times: usize| {
            (0..times).fold(values.clone(), |values, _| mover.moved(&motion, &values))
        };
        assert_eq!(again(Motion::turn(0, 2), 4), values);
        assert_ne!(again(Motion::turn(0, 2), 2), values);
        assert_eq!(again(Motion::mirror(1), 2), values);
        // a turn in the plane moves the corner along one side
        let corner: Vec<f64> = (0..64).map(|i| f64::from(u8::from(i == 0))).collect();
        let found = mover.moved(&Motion::turn(0, 1), &corner).iter().position(|v| *v == 1.0);
        assert!([Some(48), Some(12)].contains(&found), "{found:?}");
    }
}
