//! Lineal-path function L(r): the probability that a whole segment of length r lies in the phase.
//!
//! S₂ considers both ends of the segment only, whereas L requires that everything between them is
//! in the phase too. L ≤ S₂, with equality at distances of 0 and of one cell. On a grid the segment
//! of lag k covers the k + 1 cells from its first centre to its last.

use super::curve::{Curve, DirectionalCurve};
use super::mask::Mask;
use super::runs::{Runs, add_runs};
use crate::grid::Axis;
use crate::{Boundary, Ensemble, FieldError};

/// L(r) of an ensemble of indicators, along every axis and averaged over axes.
///
/// L(k h) = (placements of k + 1 neighbouring cells that lie in the phase) / (all placements),
/// where h is the cell. L(0) = φ. Placements stay inside a window and wrap along periodic axes, up
/// to k = N − 1. For the other phase pass its indicator.
///
/// **Unit** distances are those of the box. **Cost** one pass a field and axis.
///
/// # Errors
/// [`FieldError::TooFew`] without fields; [`FieldError::Parameter`] for values other than 0 and 1.
///
/// **Source** Lu & Torquato, "Lineal-path function for random heterogeneous materials", Phys. Rev.
/// A 45 (1992).
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Ensemble, Grid, metrics::lineal_path};
/// let grid = Grid::unit(&[5], Boundary::Neumann)?;
/// let phase = Ensemble::new(grid, 1, vec![1.0, 1.0, 1.0, 0.0, 1.0])?;
/// let path = lineal_path(&phase)?;
/// // 4 of 5 cells, 2 of 4 pairs, 1 of 3 triples
/// assert_eq!(path.along[0].values[0], [0.8, 0.5, 1.0 / 3.0, 0.0, 0.0]);
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
pub fn lineal_path(phase: &Ensemble) -> Result<DirectionalCurve, FieldError> {
    let mask = Mask::new(phase, "lineal path")?;
    let grid = mask.grid;
    let along = grid.axes().iter().enumerate().map(|(axis, a)| {
        let mut runs = vec![[Runs::none(a), Runs::none(a)]; mask.channels];
        for (block, cells) in mask.blocks().enumerate() {
            add_runs(cells, &grid, axis, &mut runs[block % mask.channels]);
        }
        let lines = grid.len() / a.points;
        let (cell, fields) = (a.length / a.points as f64, mask.count() as f64);
        Curve {
            distance: (0..a.points).map(|k| k as f64 * cell).collect(),
            values: runs
                .iter()
                .map(|[_, inside]| {
                    let held: Vec<f64> =
                        inside.whole.iter().zip(&inside.cut).map(|(w, c)| (w + c) as f64).collect();
                    probability(a, lines, &held, inside.endless as f64)
                        .into_iter()
                        .map(|p| p / fields)
                        .collect()
                })
                .collect(),
            segments: (0..a.points).map(|k| (lines * placements(a, k)) as u64).collect(),
        }
    });
    Ok(DirectionalCurve::new(&grid, along.collect()))
}

/// Number of placements of k + 1 neighbouring cells along one line.
pub(super) fn placements(axis: &Axis, k: usize) -> usize {
    match axis.boundary {
        Boundary::Neumann | Boundary::Dirichlet => axis.points - k,
        Boundary::Periodic => axis.points,
    }
}

/// L(k h), k = 0 … N − 1, of a field with `held[ℓ]` runs of ℓ cells and `endless` lines that never
/// leave the phase. A run of ℓ cells holds ℓ − k placements.
pub(super) fn probability(axis: &Axis, lines: usize, held: &[f64], endless: f64) -> Vec<f64> {
    let n = axis.points;
    let mut path = vec![0.0; n];
    let (mut longer, mut placed) = (0.0, 0.0);
    for k in (0..n).rev() {
        longer += held[k + 1];
        placed += longer;
        path[k] = (placed + endless * n as f64) / (lines * placements(axis, k)) as f64;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::super::{oracle, two_point_correlation};
    use super::*;
    use crate::Grid;

    const ROUNDING: f64 = 1e-13;

    /// Counts every placement, cell by cell.
    fn by_counting(phase: &Ensemble, axis: usize) -> Vec<f64> {
        let (grid, a) = (phase.grid, phase.grid.axes()[axis]);
        let stride: usize = grid.points()[axis + 1..].iter().product();
        (0..a.points)
            .map(|k| {
                let (mut inside, mut all) = (0.0, 0.0);
                for field in phase.fields() {
                    for x in 0..grid.len() {
                        let at = grid.position(x)[axis];
                        if a.boundary != Boundary::Periodic && at + k >= a.points {
                            continue;
                        }
                        let line = x - at * stride;
                        let held =
                            (at..=at + k).all(|i| field[line + i % a.points * stride] == 1.0);
                        inside += f64::from(u8::from(held));
                        all += 1.0;
                    }
                }
                inside / all
            })
            .collect()
    }

    #[test]
    fn equals_counting_every_placement_in_any_box() {
        for axes in oracle::boxes() {
            let phase = oracle::bernoulli(Grid::new(&axes).unwrap(), 0.7, 3);
            let found = lineal_path(&phase).unwrap();
            for (axis, curve) in found.along.iter().enumerate() {
                let expected = by_counting(&phase, axis);
                for (a, b) in curve.values[0].iter().zip(&expected) {
                    assert!((a - b).abs() < ROUNDING, "{axes:?} {axis}: {a} {b}");
                }
            }
        }
    }

    #[test]
    fn independent_cells_need_all_of_them() {
        let (p, fields) = (0.8, 400);
        let grid = Grid::unit(&[24, 17], Boundary::Neumann).unwrap();
        let found = lineal_path(&oracle::bernoulli(grid, p, fields)).unwrap();
        for curve in &found.along {
            for (k, (value, segments)) in curve.values[0].iter().zip(&curve.segments).enumerate() {
                let expected = p.powi(k as i32 + 1);
                // overlapping segments are correlated: up to 2k + 1 of them count as one
                // observation
                let independent = (*segments as f64 * fields as f64) / (2 * k + 1) as f64;
                let error = (expected * (1.0 - expected) / independent).sqrt();
                // 41 comparisons at 5 standard errors: false alarm near 1e-5
                assert!((value - expected).abs() < 5.0 * error, "{k}: {value} {expected}");
            }
        }
    }

    #[test]
    fn stripes_are_full_along_and_short_across() {
        let grid = Grid::unit(&[12, 12], Boundary::Periodic).unwrap();
        let stripes = oracle::pattern(grid, |at| at[1] % 4 < 2);
        let path = lineal_path(&stripes).unwrap();
        assert!(path.along[0].values[0].iter().all(|p| *p == 0.5));
        assert_eq!(path.along[1].values[0][..4], [0.5, 0.25, 0.0, 0.0]);
        assert!((path.average.values[0][1] - 0.375).abs() < ROUNDING);
        // L equals the two-point function at 0 and is never above it
        let s2 = two_point_correlation(&oracle::pattern(
            Grid::unit(&[12], Boundary::Periodic).unwrap(),
            |at| at[0] % 4 < 2,
        ))
        .unwrap();
        let across = &path.along[1].values[0];
        assert!(across.iter().zip(&s2.correlation[0]).all(|(l, s)| *l <= s + ROUNDING));
    }
}
