//! Ratio of the variance of an ensemble to that of the reference.

use super::check_pair;
use super::cloud::Cloud;
use crate::{Ensemble, FieldError};

/// tr Cov of an ensemble divided by tr Cov of the reference.
///
/// The trace is the mean point-wise variance, summed over channels (n − 1 in the denominator). The
/// ideal ratio is 1. The distance from it is |ln ratio|, which treats half and double alike.
///
/// **Cost** one transform a field.
///
/// # Errors
/// [`FieldError::TooFew`] below two fields a side; [`FieldError::GridMismatch`] or
/// [`FieldError::Length`] for different grids or channels; [`FieldError::Parameter`] for a
/// reference without variance or values that are not finite.
pub fn variance_ratio(x: &Ensemble, reference: &Ensemble) -> Result<f64, FieldError> {
    let what = "variance ratio";
    check_pair(x, reference, what)?;
    let (x, reference) = (Cloud::new(x, what, 2)?, Cloud::new(reference, what, 2)?);
    ratio(trace(&x), trace(&reference))
}

pub(super) fn ratio(x: f64, reference: f64) -> Result<f64, FieldError> {
    if reference > 0.0 {
        return Ok(x / reference);
    }
    Err(FieldError::Parameter {
        parameter: "variance of the reference",
        value: reference,
        requirement: "a ratio needs reference fields that differ from one another",
    })
}

/// tr Cov, about the mean field.
fn trace(fields: &Cloud) -> f64 {
    let mean = fields.mean();
    let squares: f64 = fields
        .coefficients
        .rows()
        .into_iter()
        .map(|row| row.iter().zip(&mean).map(|(v, m)| (v - m) * (v - m)).sum::<f64>())
        .sum();
    squares / (fields.count() - 1) as f64
}

#[cfg(test)]
mod tests {
    use super::super::oracle;
    use super::*;
    use crate::Boundary;

    #[test]
    fn is_the_square_of_a_factor_whatever_the_shift() {
        let x = oracle::rough(&[5, 4], Boundary::Periodic, 0..7);
        let ratio = variance_ratio(&oracle::affine(&x, 3.0, 11.0), &x).unwrap();
        assert!((ratio - 9.0).abs() < 1e-11);
    }

    #[test]
    fn trace_is_the_mean_pointwise_variance() {
        let x = oracle::rough(&[6, 5], Boundary::Neumann, 0..8);
        let points = x.grid.len();
        let mut total = 0.0;
        for at in 0..points {
            let values: Vec<f64> = x.fields().map(|f| f[at]).collect();
            let mean = values.iter().sum::<f64>() / 8.0;
            total += values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 7.0;
        }
        let cloud = Cloud::new(&x, "test", 2).unwrap();
        assert!((trace(&cloud) - total / points as f64).abs() < 1e-13);
    }

    #[test]
    fn needs_a_reference_that_varies() {
        let x = oracle::rough(&[4], Boundary::Neumann, 0..3);
        let still = Ensemble::zeros(x.grid, 1, 3);
        assert!(matches!(variance_ratio(&x, &still), Err(FieldError::Parameter { .. })));
    }
}
