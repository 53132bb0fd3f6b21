//! Consistency across grids: whether the same seed gives the same functions on two grids.

use super::check;
use crate::{Ensemble, FieldError, Grid, resample};

/// ‖R u − R v‖ / ‖R v − v̄‖, the relative difference of fields u and v made from the same seed on
/// two grids.
///
/// R restricts both to the modes that the two grids share, and v̄ is the mean value of v. Norms are
/// means over points and fields. Each channel is taken separately and the root mean square over
/// channels is returned, so that units do not matter. The error is 0 for a generator of functions
/// and √2 for unrelated fields.
///
/// # Errors
/// [`FieldError::GridMismatch`] for different boxes; [`FieldError::Length`] for different channels
/// or numbers of fields; [`FieldError::TooFew`] without fields; [`FieldError::Parameter`] where a
/// channel of v is constant, or for values that are not finite.
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Ensemble, Grid, metrics::consistency_error};
/// let grid = Grid::unit(&[2], Boundary::Neumann)?;
/// let v = Ensemble::new(grid, 1, vec![1.0, 3.0])?;
/// let u = Ensemble::new(grid, 1, vec![1.0, 3.5])?;
/// assert!((consistency_error(&u, &v)? - 0.125f64.sqrt()).abs() < 1e-12); // ¼ over 1 + 1
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
pub fn consistency_error(u: &Ensemble, v: &Ensemble) -> Result<f64, FieldError> {
    let what = "consistency of samples";
    check(u, what, 1)?;
    check(v, what, 1)?;
    if !u.grid.same_box(&v.grid) {
        return Err(FieldError::GridMismatch { what, left: u.grid, right: v.grid });
    }
    if u.channels != v.channels || u.count() != v.count() {
        let values = u.values.len();
        return Err(FieldError::Length { values, channels: v.channels * v.count(), grid: u.grid });
    }
    let shared = shared(&u.grid, &v.grid)?;
    let (u, v) = (resample::spectral(u, shared)?, resample::spectral(v, shared)?);
    let mut sum = 0.0;
    for channel in 0..v.channels {
        let of = |fields: &Ensemble| -> Vec<f64> {
            let points = fields.grid.len();
            let each = fields.fields().map(|f| f[channel * points..][..points].to_vec());
            each.collect::<Vec<_>>().concat()
        };
        let (u, v) = (of(&u), of(&v));
        let mean = v.iter().sum::<f64>() / v.len() as f64;
        let size: f64 = v.iter().map(|v| (v - mean).powi(2)).sum();
        if size <= 0.0 {
            return Err(FieldError::Parameter {
                parameter: "variation of a channel",
                value: size,
                requirement: "a relative difference needs fields that vary",
            });
        }
        sum += u.iter().zip(&v).map(|(u, v)| (u - v).powi(2)).sum::<f64>() / size;
    }
    Ok((sum / v.channels as f64).sqrt())
}

/// The grid of the modes that both grids hold.
fn shared(a: &Grid, b: &Grid) -> Result<Grid, FieldError> {
    let cells: Vec<usize> = a.points().iter().zip(b.points()).map(|(a, b)| *a.min(&b)).collect();
    a.with_points(&cells)
}

#[cfg(test)]
mod tests {
    use super::super::oracle;
    use super::*;
    use crate::Boundary;

    /// Tolerance for rounding of transforms.
    const ROUNDING: f64 = 1e-12;

    #[test]
    fn is_zero_for_one_function_on_two_grids_whichever_comes_first() {
        for boundary in [Boundary::Neumann, Boundary::Periodic] {
            let v = oracle::rough(&[5, 7], boundary, 0..3);
            for points in [[10, 9], [5, 8], [15, 7]] {
                let u = resample::spectral(&v, v.grid.with_points(&points).unwrap()).unwrap();
                assert!(consistency_error(&u, &v).unwrap() < ROUNDING, "{boundary} {points:?}");
                assert!(consistency_error(&v, &u).unwrap() < ROUNDING, "{boundary} {points:?}");
            }
        }
    }

    #[test]
    fn is_the_size_of_what_is_added_whatever_the_units() {
        let v = oracle::rough(&[6, 5], Boundary::Neumann, 0..4);
        let mean = v.values.iter().sum::<f64>() / v.values.len() as f64;
        let mut u = v.clone();
        u.values.iter_mut().for_each(|x| *x += 0.25 * (*x - mean));
        let plain = consistency_error(&u, &v).unwrap();
        assert!((plain - 0.25).abs() < ROUNDING, "{plain}");
        let scaled = |x: &Ensemble| oracle::affine(x, 40.0, -3.0);
        assert!((consistency_error(&scaled(&u), &scaled(&v)).unwrap() - 0.25).abs() < ROUNDING);
    }

    #[test]
    fn refuses_what_has_nothing_to_be_compared_with() {
        let v = oracle::rough(&[4], Boundary::Neumann, 0..3);
        let fewer = oracle::rough(&[4], Boundary::Neumann, 0..2);
        let ring = oracle::rough(&[4], Boundary::Periodic, 0..3);
        let flat = Ensemble::zeros(v.grid, 1, 3);
        assert!(matches!(consistency_error(&fewer, &v), Err(FieldError::Length { .. })));
        assert!(matches!(consistency_error(&ring, &v), Err(FieldError::GridMismatch { .. })));
        assert!(matches!(consistency_error(&v, &flat), Err(FieldError::Parameter { .. })));
    }
}
