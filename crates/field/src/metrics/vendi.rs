//! Vendi score: the effective number of different fields in an ensemble.
//!
//! It measures diversity only: it needs no reference and says nothing about quality. Collapsed or
//! copied samples score low, even where distances between means of many fields do not detect them.

use super::eigenvalues::symmetric_eigenvalues;
use super::energy::Distances;
use crate::{Ensemble, FieldError};

/// exp(−Σ λᵢ ln λᵢ), where λ are the eigenvalues of K/n with the kernel Kᵢⱼ = exp(−‖fᵢ − fⱼ‖² / (2
/// h²)).
///
/// ‖·‖ is the H-norm (mean over points, sum over channels), so the score does not depend on the
/// grid; h is `bandwidth`. The score is 1 for n equal fields, and n for fields much farther from
/// one another than h. An ensemble of k equally large groups of fields, far from one another,
/// scores k.
///
/// **Unit** h has the unit of the field. **Cost** n² C M for the distances and 4n³/3 for the
/// eigenvalues: a second or two at n = 1000. **Choosing** Use the same h for everything compared,
/// such as half the root mean square distance of two real fields. Use the same n too, because the
/// score grows with it.
///
/// # Errors
/// [`FieldError::TooFew`] below two fields; [`FieldError::Parameter`] unless 0 < h < ∞, or for values
/// that are not finite.
///
/// **Source** Friedman & Dieng, "The Vendi score: a diversity evaluation metric for machine learning",
/// TMLR (2023).
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Ensemble, Grid, metrics::vendi_score};
/// let grid = Grid::unit(&[1], Boundary::Neumann)?;
/// let fields = Ensemble::new(grid, 1, vec![0.0, 0.0, 50.0, 50.0])?;
/// assert!((vendi_score(&fields, 1.0)? - 2.0).abs() < 1e-9);
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
pub fn vendi_score(fields: &Ensemble, bandwidth: f64) -> Result<f64, FieldError> {
    if !(bandwidth.is_finite() && bandwidth > 0.0) {
        return Err(FieldError::Parameter {
            parameter: "bandwidth",
            value: bandwidth,
            requirement: "the kernel's width is positive and finite",
        });
    }
    let distances = Distances::within(fields)?;
    let n = fields.count();
    let kernel = (0..n * n)
        .map(|flat| {
            let ratio = distances.get(flat / n, flat % n) / bandwidth;
            (-0.5 * ratio * ratio).exp() / n as f64
        })
        .collect();
    let entropy: f64 = symmetric_eigenvalues(kernel, n)
        .into_iter()
        .filter(|l| *l > 0.0) // rounding makes zeros slightly positive or negative
        .map(|l| -l * l.ln())
        .sum();
    Ok(entropy.exp())
}

#[cfg(test)]
mod tests {
    use super::super::oracle;
    use super::*;
    use crate::{Boundary, Grid};

    #[test]
    fn counts_groups() {
        let grid = Grid::unit(&[3, 2], Boundary::Neumann).unwrap();
        for groups in [1, 2, 5] {
            let values: Vec<f64> = (0..20).map(|i| 1e3 * f64::from(i % groups)).collect();
            let score = vendi_score(&oracle::constants(grid, &values), 1.0).unwrap();
            assert!((score - f64::from(groups)).abs() < 1e-9, "{groups}: {score}");
        }
    }

    #[test]
    fn equal_distances_have_a_closed_form() {
        // fields √2 n e_k are all at distance d from one another
        let n = 7;
        let grid = Grid::unit(&[n], Boundary::Neumann).unwrap();
        let mut fields = Ensemble::zeros(grid, 1, n);
        (0..n).for_each(|i| fields.values[i * n + i] = 1.0);
        let distance = (2.0 / n as f64).sqrt();
        let k = (-0.5 * (distance / 0.4_f64).powi(2)).exp();
        let (one, rest) = ((1.0 + (n - 1) as f64 * k) / n as f64, (1.0 - k) / n as f64);
        let expected = (-one * one.ln() - (n - 1) as f64 * rest * rest.ln()).exp();
        assert!((vendi_score(&fields, 0.4).unwrap() - expected).abs() < 1e-11);
    }

    #[test]
    fn does_not_depend_on_order_and_falls_with_the_bandwidth() {
        let x = oracle::rough(&[5, 4], Boundary::Periodic, 0..25);
        let here = vendi_score(&x, 0.3).unwrap();
        assert!((here - vendi_score(&oracle::reversed(&x), 0.3).unwrap()).abs() < 1e-10);
        assert!(vendi_score(&x, 0.6).unwrap() < here && here < 25.0);
        for bandwidth in [0.0, f64::NAN, -1.0] {
            assert!(matches!(vendi_score(&x, bandwidth), Err(FieldError::Parameter { .. })));
        }
        assert!(matches!(vendi_score(&x.slice(0..1), 1.0), Err(FieldError::TooFew { .. })));
    }
}
