//! Fréchet distance of feature vectors: the distance between two Gaussians with the same means and
//! covariances as the features.
//!
//! The features are computed elsewhere. The distance depends on two moments only, and it is biased.
//! For n vectors of one law it is about tr C / n above zero, and more for many dimensions. It
//! should therefore be read in units of its floor at the same n.

use super::eigenvalues::symmetric_eigenvalues;
use crate::FieldError;

/// Mean and covariance of feature vectors.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureMoments {
    mean: Vec<f64>,
    /// Row by row, with n − 1 in the denominator.
    covariance: Vec<f64>,
}

impl FeatureMoments {
    /// Moments of the rows `which` of `[vector, feature]` values.
    ///
    /// # Errors
    /// [`FieldError::TooFew`] below two vectors; [`FieldError::Parameter`] for a value that is not
    /// finite.
    pub fn new(features: &[f64], dim: usize, which: &[usize]) -> Result<Self, FieldError> {
        if which.len() < 2 || dim == 0 {
            let count = which.len().min(dim);
            return Err(FieldError::TooFew { what: "a covariance of features", least: 2, count });
        }
        let rows = || which.iter().map(|&i| &features[i * dim..(i + 1) * dim]);
        if let Some(&value) = rows().flatten().find(|v| !v.is_finite()) {
            return Err(FieldError::Parameter {
                parameter: "feature",
                value,
                requirement: "metrics are defined for finite values only",
            });
        }
        let n = which.len() as f64;
        let mut mean = vec![0.0; dim];
        rows().for_each(|row| mean.iter_mut().zip(row).for_each(|(m, v)| *m += v / n));
        let mut covariance = vec![0.0; dim * dim];
        for row in rows() {
            let centred: Vec<f64> = row.iter().zip(&mean).map(|(v, m)| v - m).collect();
            for (i, a) in centred.iter().enumerate() {
                let line = covariance[i * dim..(i + 1) * dim].iter_mut();
                line.zip(&centred).for_each(|(c, b)| *c += a * b / (n - 1.0));
            }
        }
        Ok(Self { mean, covariance })
    }

    fn dim(&self) -> usize {
        self.mean.len()
    }
}

/// |μ₁ − μ₂|² + tr C₁ + tr C₂ − 2 tr (C₁^½ C₂ C₁^½)^½, the squared Wasserstein distance of N(μ₁, C₁)
/// and N(μ₂, C₂).
///
/// With C₁ = L Lᵀ the last trace is that of (Lᵀ C₂ L)^½, which has the same eigenvalues.
///
/// **Unit** that of the features, squared.
///
/// **Cost** d³ for d features.
///
/// **Source** Dowson & Landau, "The Fréchet distance between multivariate normal distributions"
/// (1982). On features of a network it is the FID of Heusel et al. (2017).
///
/// # Errors
/// [`FieldError::Parameter`] for different numbers of features.
///
/// # Example
/// ```
/// use karhunen_field::metrics::{FeatureMoments, frechet_distance};
/// // one feature: means 1 and 4, standard deviations √2 and 3√2
/// let a = FeatureMoments::new(&[0.0, 2.0], 1, &[0, 1])?;
/// let b = FeatureMoments::new(&[1.0, 7.0], 1, &[0, 1])?;
/// assert!((frechet_distance(&a, &b)? - (9.0 + 8.0)).abs() < 1e-12);
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
pub fn frechet_distance(a: &FeatureMoments, b: &FeatureMoments) -> Result<f64, FieldError> {
    let dim = a.dim();
    if b.dim() != dim {
        return Err(FieldError::Parameter {
            parameter: "number of features",
            value: b.dim() as f64,
            requirement: "must be the same on both sides",
        });
    }
    let apart: f64 = a.mean.iter().zip(&b.mean).map(|(a, b)| (a - b).powi(2)).sum();
    let trace = |c: &[f64]| (0..dim).map(|i| c[i * dim + i]).sum::<f64>();
    let root = cholesky(&a.covariance, dim);
    // Lᵀ C₂ L, with half = C₂ L
    let product = |x: &dyn Fn(usize, usize) -> f64, y: &dyn Fn(usize, usize) -> f64| {
        let entry =
            |flat: usize| (0..dim).map(|k| x(flat / dim, k) * y(k, flat % dim)).sum::<f64>();
        (0..dim * dim).map(entry).collect::<Vec<f64>>()
    };
    let half = product(&|i, k| b.covariance[i * dim + k], &|k, j| root[k * dim + j]);
    let whole = product(&|i, k| root[k * dim + i], &|k, j| half[k * dim + j]);
    let roots: f64 = symmetric_eigenvalues(whole, dim).iter().map(|e| e.max(0.0).sqrt()).sum();
    Ok(apart + trace(&a.covariance) + trace(&b.covariance) - 2.0 * roots)
}

/// Lower triangular L with L Lᵀ = C for a covariance, which may be singular. A direction that the
/// others span gets a column of zeros.
fn cholesky(c: &[f64], dim: usize) -> Vec<f64> {
    let mut l = vec![0.0; dim * dim];
    let largest = (0..dim).map(|i| c[i * dim + i]).fold(0.0, f64::max);
    for j in 0..dim {
        let dot =
            |l: &[f64], i: usize| -> f64 { (0..j).map(|k| l[i * dim + k] * l[j * dim + k]).sum() };
        let pivot = c[j * dim + j] - dot(&l, j);
        // only rounding remains of a variance that the other directions explain
        if pivot <= dim as f64 * f64::EPSILON * largest {
            continue;
        }
        let diagonal = pivot.sqrt();
        for i in j..dim {
            l[i * dim + j] = (c[i * dim + j] - dot(&l, i)) / diagonal;
        }
    }
    l
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::super::oracle;
    use super::*;

    /// Square roots of eigenvalues that are rounding errors of sums near 10.
    const ROUNDING: f64 = 1e-7;

    fn all(features: &[f64], dim: usize) -> FeatureMoments {
        let which: Vec<usize> = (0..features.len() / dim).collect();
        FeatureMoments::new(features, dim, &which).unwrap()
    }

    #[test]
    fn covariances_that_commute_have_the_closed_form() {
        // diagonal covariances: the squared means plus Σ (√c₁ − √c₂)²
        let with = |variances: &[f64], mean: f64| FeatureMoments {
            mean: vec![mean; variances.len()],
            covariance: (0..variances.len().pow(2))
                .map(|f| {
                    let (i, j) = (f / variances.len(), f % variances.len());
                    if i == j { variances[i] } else { 0.0 }
                })
                .collect(),
        };
        let (a, b) = (with(&[4.0, 0.0, 9.0], 1.0), with(&[1.0, 2.0, 0.25], -1.0));
        let expected = 12.0 + 1.0 + 2.0 + 6.25;
        for found in [frechet_distance(&a, &b), frechet_distance(&b, &a)] {
            assert!((found.unwrap() - expected).abs() < ROUNDING);
        }
        // rotating both changes nothing
        let turned = |m: &FeatureMoments| {
            let (s, c) = 0.7f64.sin_cos();
            let r = [c, -s, 0.0, s, c, 0.0, 0.0, 0.0, 1.0];
            let turn = |i: usize, j: usize| {
                (0..9).map(|f| r[i * 3 + f / 3] * m.covariance[f] * r[j * 3 + f % 3]).sum::<f64>()
            };
            let mean =
                (0..3).map(|i| (0..3).map(|k| r[i * 3 + k] * m.mean[k]).sum::<f64>()).collect();
            FeatureMoments { mean, covariance: (0..9).map(|f| turn(f / 3, f % 3)).collect() }
        };
        let found = frechet_distance(&turned(&a), &turned(&b)).unwrap();
        assert!((found - expected).abs() < ROUNDING, "{found}");
    }

    #[test]
    fn it_vanishes_between_equals_and_is_symmetric_where_covariances_are_singular() {
        // 5 vectors of 8 features: rank 4
        let a = all(&oracle::normals(40, 1), 8);
        let b = all(&oracle::normals(40, 2), 8);
        assert!(frechet_distance(&a, &a).unwrap().abs() < ROUNDING);
        let (one, other) = (frechet_distance(&a, &b).unwrap(), frechet_distance(&b, &a).unwrap());
        assert!(one > 0.1 && (one - other).abs() < ROUNDING, "{one} {other}");
        assert!(FeatureMoments::new(&[1.0, 2.0], 2, &[0]).is_err());
        assert!(FeatureMoments::new(&[1.0, f64::NAN], 1, &[0, 1]).is_err());
        assert!(frechet_distance(&a, &all(&oracle::normals(10, 2), 2)).is_err());
    }

    #[derive(Deserialize)]
    struct Golden {
        dim: usize,
        x: Vec<f64>,
        y: Vec<f64>,
        frechet_distance: f64,
    }

    /// golden/features.py, by SciPy's matrix square root.
    #[test]
    fn it_agrees_with_scipys_matrix_root() {
        let text = include_str!("../../../../golden/features.json");
        let golden: Golden = serde_json::from_str(text).unwrap();
        let (x, y) = (all(&golden.x, golden.dim), all(&golden.y, golden.dim));
        let found = frechet_distance(&x, &y).unwrap();
        assert!((found - golden.frechet_distance).abs() < ROUNDING, "{found}");
    }
}
