//! Two-point correlation along one direction, which the average over directions would hide.

use super::check;
use super::curve::Curve;
use super::lags::{for_each_segment, length, pair_count};
use crate::{Boundary, Ensemble, FieldError};

/// S₂ at the multiples 0, 1, 2, … of a lag vector in cells, such as `[0, 1]` or the diagonal
/// `[1, -1]`.
///
/// Pairs wrap along periodic axes (up to half of them) and stay inside windows (as far as there are
/// pairs). Each distance is divided by its own number of pairs. For values other than indicators
/// the result is the mean of f(x) f(x + r), which is the covariance of centred fields.
///
/// **Unit** distances are those of the box. **Cost** points times lags a field.
///
/// # Errors
/// [`FieldError::TooFew`] without fields; [`FieldError::Dimension`] unless the step has one entry an
/// axis; [`FieldError::Parameter`] for a step of zero or values that are not finite.
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Ensemble, Grid, metrics::two_point_along};
/// let grid = Grid::unit(&[2, 4], Boundary::Neumann)?;
/// let phase = Ensemble::new(grid, 1, vec![1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0])?;
/// assert_eq!(two_point_along(&phase, &[0, 1])?.values[0], [0.5, 0.0, 0.5, 0.0]);
/// assert_eq!(two_point_along(&phase, &[1, 0])?.values[0], [0.5, 0.5]);
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
pub fn two_point_along(phase: &Ensemble, step: &[isize]) -> Result<Curve, FieldError> {
    check(phase, "two-point correlation", 1)?;
    along(phase, step, |a, b| a * b)
}

/// Mean of a function of the values at both ends of every pair, at multiples of a lag vector.
pub(super) fn along(
    fields: &Ensemble,
    step: &[isize],
    term: impl Fn(f64, f64) -> f64,
) -> Result<Curve, FieldError> {
    let grid = fields.grid;
    if step.len() != grid.dim() {
        return Err(FieldError::Dimension(step.len()));
    }
    if step.iter().all(|s| *s == 0) {
        return Err(FieldError::Parameter {
            parameter: "lag",
            value: 0.0,
            requirement: "a direction needs a step of at least one cell along some axis",
        });
    }
    let moved = || grid.axes().iter().zip(step).filter(|(_, s)| **s != 0);
    let last = moved()
        .map(|(a, s)| {
            let reach = match a.boundary {
                Boundary::Periodic => a.points / 2,
                Boundary::Neumann | Boundary::Dirichlet => a.points - 1,
            };
            reach / s.unsigned_abs()
        })
        .min()
        .unwrap_or(0);
    let lags: Vec<Vec<isize>> =
        (0..=last as isize).map(|k| step.iter().map(|s| s * k).collect()).collect();
    let segments: Vec<u64> = lags.iter().map(|lag| pair_count(&grid, lag) as u64).collect();
    let mut values = vec![vec![0.0; lags.len()]; fields.channels];
    for (block, field) in fields.values.chunks_exact(grid.len()).enumerate() {
        for (k, lag) in lags.iter().enumerate() {
            let mut sum = 0.0;
            for_each_segment(&grid, lag, |x, y, len| {
                let pairs = field[x..x + len].iter().zip(&field[y..y + len]);
                sum += pairs.map(|(a, b)| term(*a, *b)).sum::<f64>();
            });
            values[block % fields.channels][k] += sum;
        }
    }
    let count = fields.count() as f64;
    for channel in &mut values {
        channel.iter_mut().zip(&segments).for_each(|(v, &pairs)| *v /= pairs as f64 * count);
    }
    Ok(Curve { distance: lags.iter().map(|lag| length(&grid, lag)).collect(), values, segments })
}

#[cfg(test)]
mod tests {
    use super::super::{oracle, two_point_correlation};
    use super::*;
    use crate::Grid;

    #[test]
    fn layers_are_ordered_across_and_not_along() {
        let grid = Grid::unit(&[12, 10], Boundary::Periodic).unwrap();
        let layers = oracle::pattern(grid, |at| at[0] % 6 < 3);
        let across = two_point_along(&layers, &[1, 0]).unwrap();
        // three cells of six, one fewer for each cell of lag, then rising again
        let expected = [3.0, 2.0, 1.0, 0.0, 1.0, 2.0, 3.0].map(|n| n / 6.0);
        assert!(across.values[0].iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15));
        assert!(two_point_along(&layers, &[0, 1]).unwrap().values[0].iter().all(|s| *s == 0.5));
        let diagonal = two_point_along(&layers, &[1, -1]).unwrap();
        assert_eq!(diagonal.values[0], across.values[0][..6]);
        assert!((diagonal.distance[1] - 2.0_f64.sqrt() / 12.0).abs() < 1e-15);
        assert_eq!(two_point_along(&layers, &[-2, 0]).unwrap().values[0][1], across.values[0][2]);
    }

    #[test]
    fn one_dimension_has_one_direction() {
        for boundary in [Boundary::Neumann, Boundary::Periodic] {
            for points in [1, 2, 7, 12] {
                let phase = oracle::bernoulli(Grid::unit(&[points], boundary).unwrap(), 0.5, 5);
                let (one, all) = (
                    two_point_along(&phase, &[1]).unwrap(),
                    two_point_correlation(&phase).unwrap(),
                );
                let pairs = one.values[0].iter().zip(&all.correlation[0]);
                assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-13));
            }
        }
    }

    #[test]
    fn a_direction_must_lead_somewhere_in_this_box() {
        let phase = oracle::bernoulli(Grid::unit(&[4, 5], Boundary::Neumann).unwrap(), 0.5, 1);
        assert!(matches!(two_point_along(&phase, &[1]), Err(FieldError::Dimension(1))));
        assert!(matches!(two_point_along(&phase, &[0, 0]), Err(FieldError::Parameter { .. })));
    }
}
