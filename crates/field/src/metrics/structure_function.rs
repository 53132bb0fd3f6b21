//! Structure functions S_p(r) = E|f(x + r) − f(x)|^p of grey fields: variograms and related
//! functions.
//!
//! Increments depend on neither a threshold nor the mean, and they are what turbulence and
//! geostatistics compare. S₂ here is twice the variogram. It is not the two-point correlation,
//! which has the same symbol.

use super::check;
use super::curve::DirectionalCurve;
use super::directional::along;
use crate::{Ensemble, FieldError};

/// S_p(r) = mean |f(x + r) − f(x)|^p over fields and over all places, along every axis and averaged
/// over axes.
///
/// p is `order`. p = 2 gives twice the variogram, S₂(r) = 2 (C(0) − C(r)) for a covariance C. The
/// ratio S₄ / S₂² is 3 for Gaussian increments and larger for intermittent ones. Increments stay
/// inside windows and wrap along periodic axes (up to half of them).
///
/// **Unit** that of the field to the power p, distances those of the box. **Cost** points times lags
/// a field and axis.
///
/// # Errors
/// [`FieldError::TooFew`] without fields; [`FieldError::Parameter`] unless 0 < p < ∞, or for values
/// that are not finite.
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Ensemble, Grid, metrics::structure_function};
/// let grid = Grid::unit(&[4], Boundary::Neumann)?;
/// let ramp = Ensemble::new(grid, 1, vec![0.0, 1.0, 2.0, 3.0])?;
/// assert_eq!(structure_function(&ramp, 3.0)?.along[0].values[0], [0.0, 1.0, 8.0, 27.0]);
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
pub fn structure_function(fields: &Ensemble, order: f64) -> Result<DirectionalCurve, FieldError> {
    if !(order.is_finite() && order > 0.0) {
        return Err(FieldError::Parameter {
            parameter: "order",
            value: order,
            requirement: "the order of a structure function is positive and finite",
        });
    }
    check(fields, "structure function", 1)?;
    let curves = (0..fields.grid.dim()).map(|axis| {
        let mut step = vec![0; fields.grid.dim()];
        step[axis] = 1;
        if order == 2.0 {
            along(fields, &step, |a, b| (b - a) * (b - a))
        } else {
            along(fields, &step, |a, b| (b - a).abs().powf(order))
        }
    });
    Ok(DirectionalCurve::new(&fields.grid, curves.collect::<Result<_, _>>()?))
}

#[cfg(test)]
mod tests {
    use super::super::oracle;
    use super::*;
    use crate::noise::stream;
    use crate::prior::{self, Matern, Prior};
    use crate::{Boundary, Grid};

    #[test]
    fn gaussian_fields_have_twice_the_variogram_and_gaussian_moments() {
        let grid = Grid::unit(&[16, 15], Boundary::Periodic).unwrap();
        let matern = Matern::new(1.7, 0.2, 1.5).unwrap();
        let fields = prior::sample(&matern, grid, 1, 5, 0..3000, stream::START);
        let [one, two, four] = [1.0, 2.0, 4.0].map(|p| structure_function(&fields, p).unwrap());
        for axis in 0..2 {
            for lag in 1..=7 {
                let x = lag as f64 / grid.axes()[axis].points as f64 * 2.0 * std::f64::consts::PI;
                // C(0) − C(r) = Σ λ_k (1 − cos ω·r), with k and −k as separate terms
                let expected: f64 = grid
                    .modes()
                    .map(|m| {
                        matern.eigenvalue(&m) * 2.0 * (1.0 - (f64::from(m.wave[axis]) * x).cos())
                    })
                    .sum();
                let value = |f: &DirectionalCurve| f.along[axis].values[0][lag];
                // a few hundred correlated places in each of 3000 fields
                assert!((value(&two) / expected - 1.0).abs() < 0.04, "{axis} {lag}");
                assert!((value(&four) / value(&two).powi(2) / 3.0 - 1.0).abs() < 0.03);
                let mean = (2.0 / std::f64::consts::PI * value(&two)).sqrt();
                assert!((value(&one) / mean - 1.0).abs() < 0.01);
            }
        }
        assert!(two.average.distance.windows(2).all(|d| d[0] < d[1]));
    }

    #[test]
    fn every_box_starts_at_zero_and_ignores_offsets() {
        for axes in oracle::boxes() {
            let grid = Grid::new(&axes).unwrap();
            let values = oracle::normals(3 * grid.len(), 8);
            let fields = Ensemble::new(grid, 1, values).unwrap();
            let here = structure_function(&fields, 2.0).unwrap();
            let there = structure_function(&oracle::affine(&fields, 1.0, 40.0), 2.0).unwrap();
            assert_eq!(here.along.len(), axes.len());
            for (a, b) in here.along.iter().zip(&there.along) {
                assert_eq!(a.values[0][0], 0.0);
                assert!(a.values[0].iter().zip(&b.values[0]).all(|(a, b)| (a - b).abs() < 1e-11));
            }
        }
        let flat = Ensemble::zeros(Grid::unit(&[3], Boundary::Neumann).unwrap(), 1, 1);
        for order in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(structure_function(&flat, order), Err(FieldError::Parameter { .. })));
        }
    }
}
