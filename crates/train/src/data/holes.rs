//! Fills holes in fields with the discrete harmonic function of the surrounding values.
//!
//! A field with missing values has no mode coefficients, so holes are filled first. The harmonic
//! function adds no extremum and no jump at the rim. It is computed from coarse to fine, by
//! relaxation on a pyramid of grids.

use karhunen_field::{Boundary, Ensemble, Grid, resample};

use crate::TrainError;

/// Sweeps of relaxation on each grid of the pyramid.
const SWEEPS: usize = 12;

/// Fills the NaN of `[sample, channel, point]` values in place. Returns the measured part of each
/// cell, 0 or 1; the result is empty if nothing is missing. The error is the index of a channel
/// block without any value.
pub(crate) fn fill(values: &mut [f32], grid: &Grid) -> Result<Vec<f32>, usize> {
    if !values.iter().any(|v| v.is_nan()) {
        return Ok(Vec::new());
    }
    let weights: Vec<f32> = values.iter().map(|v| f32::from(!v.is_nan())).collect();
    for (block, values) in values.chunks_exact_mut(grid.len()).enumerate() {
        if !values.iter().any(|v| v.is_nan()) {
            continue;
        }
        let there: Vec<bool> = values.iter().map(|v| !v.is_nan()).collect();
        if !there.contains(&true) {
            return Err(block);
        }
        let mut wide: Vec<f64> = values.iter().map(|v| f64::from(*v)).collect();
        let walls: Vec<Boundary> = grid.axes().iter().map(|axis| axis.boundary).collect();
        harmonic(&mut wide, &there, &grid.points(), &walls);
        values.iter_mut().zip(wide).for_each(|(v, w)| *v = w as f32);
    }
    Ok(weights)
}

/// Fills missing cells from coarse to fine. Means of two cells an axis are filled recursively and
/// give the initial values. Relaxation towards the mean of the neighbours follows.
///
/// **Cost** O(cells), about 2 SWEEPS visits of each missing cell.
fn harmonic(values: &mut [f64], there: &[bool], points: &[usize], walls: &[Boundary]) {
    if !there.contains(&false) {
        return;
    }
    let coarse: Vec<usize> = points.iter().map(|n| n.div_ceil(2)).collect();
    let parent = |cell: usize| {
        let (mut rest, mut stride, mut at) = (cell, 1, 0);
        for axis in (0..points.len()).rev() {
            at += rest % points[axis] / 2 * stride;
            rest /= points[axis];
            stride *= coarse[axis];
        }
        at
    };
    let cells = coarse.iter().product();
    let (mut sums, mut counts) = (vec![0.0; cells], vec![0.0f64; cells]);
    for cell in (0..values.len()).filter(|&cell| there[cell]) {
        sums[parent(cell)] += values[cell];
        counts[parent(cell)] += 1.0;
    }
    let known: Vec<bool> = counts.iter().map(|count| *count > 0.0).collect();
    sums.iter_mut().zip(&counts).for_each(|(sum, count)| *sum /= count.max(1.0));
    if values.len() > 1 {
        harmonic(&mut sums, &known, &coarse, walls);
    }
    let holes: Vec<usize> = (0..values.len()).filter(|&cell| !there[cell]).collect();
    holes.iter().for_each(|&cell| values[cell] = sums[parent(cell)]);
    for sweep in 0..SWEEPS {
        let relax = |&cell: &usize| values[cell] = neighbours(values, cell, points, walls);
        match sweep % 2 {
            0 => holes.iter().for_each(relax),
            _ => holes.iter().rev().for_each(relax),
        }
    }
}

/// The mean of a cell's neighbours. At a Dirichlet wall the value 0 lies half a cell away.
fn neighbours(values: &[f64], cell: usize, points: &[usize], walls: &[Boundary]) -> f64 {
    let (mut sum, mut weight, mut rest, mut stride) = (0.0, 0.0, cell, 1);
    for (&n, wall) in points.iter().zip(walls).rev() {
        let place = rest % n;
        rest /= n;
        for (inside, step, turn) in [
            (place + 1 < n, stride as isize, -((place * stride) as isize)),
            (place > 0, -(stride as isize), ((n - 1 - place) * stride) as isize),
        ] {
            let step = match wall {
                _ if inside => step,
                Boundary::Periodic => turn,
                Boundary::Dirichlet => {
                    weight += 2.0;
                    continue;
                }
                Boundary::Neumann => continue,
            };
            sum += values[cell.wrapping_add_signed(step)];
            weight += 1.0;
        }
        stride *= n;
    }
    if weight > 0.0 { sum / weight } else { values[cell] }
}

/// Measured parts of cells on a coarser grid: area averages.
pub(crate) fn coarser(
    weights: &[f32],
    channels: usize,
    from: Grid,
    to: Grid,
) -> Result<Vec<f32>, TrainError> {
    if weights.is_empty() || from == to {
        return Ok(weights.to_vec());
    }
    let wide = weights.iter().map(|w| f64::from(*w)).collect();
    let fields = resample::area(&Ensemble::new(from, channels, wide)?, to)?;
    Ok(fields.values.iter().map(|w| *w as f32).collect())
}

/// Gives fields the holes of other fields, and fills them. The holes are used in turn. A cell
/// counts as a hole if less than half of it was measured. If two sets of fields get the same holes,
/// any difference that remains is not due to the holes.
///
/// `holes` are measured parts of cells, `[sample, channel, point]` on the grid of the fields.
pub fn see_through(holes: &[f32], fields: &mut Ensemble) {
    let (grid, len) = (fields.grid, fields.field_len());
    if holes.is_empty() {
        return;
    }
    for (values, holes) in fields.values.chunks_exact_mut(len).zip(holes.chunks_exact(len).cycle())
    {
        let seen =
            values.iter().zip(holes).map(|(v, w)| if *w < 0.5 { f32::NAN } else { *v as f32 });
        let mut seen: Vec<f32> = seen.collect();
        // a channel whose cells are all holes stays unchanged
        if let Ok(weights) = fill(&mut seen, &grid)
            && !weights.is_empty()
        {
            let filled = values.iter_mut().zip(seen.iter().zip(&weights));
            filled.filter(|(_, (_, w))| **w == 0.0).for_each(|(v, (s, _))| *v = f64::from(*s));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_filled_with_the_harmonic_function_of_what_is_around() {
        // a linear function is harmonic, so a hole in it is filled with the function itself
        let grid = Grid::unit(&[13, 9], Boundary::Neumann).unwrap();
        let exact = |i: usize| (i / 9) as f32 * 2.0 - (i % 9) as f32;
        let mut values: Vec<f32> = (0..117).map(exact).collect();
        let hole = |i: usize| (3..8).contains(&(i / 9)) && (2..7).contains(&(i % 9));
        (0..117).filter(|i| hole(*i)).for_each(|i| values[i] = f32::NAN);
        let weights = fill(&mut values, &grid).unwrap();
        assert_eq!(weights.iter().filter(|w| **w == 0.0).count(), 25);
        for (i, value) in values.iter().enumerate() {
            // the range of the function on the hole is 16
            assert!((value - exact(i)).abs() < 0.2, "{i}: {value} is not {}", exact(i));
        }
        assert!(fill(&mut [1.0; 117], &grid).unwrap().is_empty());
        assert_eq!(fill(&mut [f32::NAN; 117], &grid), Err(0));
    }

    #[test]
    fn a_hole_across_a_period_has_the_values_of_both_sides() {
        let grid = Grid::unit(&[8], Boundary::Periodic).unwrap();
        let mut values = [f32::NAN, 2.0, 2.0, 2.0, 5.0, 5.0, 5.0, f32::NAN];
        fill(&mut values, &grid).unwrap();
        // a straight line over three steps from 5 at cell 6 to 2 at cell 1
        assert!((values[7] - 4.0).abs() < 0.01 && (values[0] - 3.0).abs() < 0.01, "{values:?}");
        let walls = Grid::unit(&[4], Boundary::Dirichlet).unwrap();
        let mut values = [f32::NAN, 3.0, 3.0, 3.0];
        fill(&mut values, &walls).unwrap();
        // 0 stands half a cell away, 3 a whole one
        assert!((values[0] - 1.0).abs() < 1e-3, "{values:?}");
    }
}
