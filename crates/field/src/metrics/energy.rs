//! Energy distance with the Riesz kernel ‖x − y‖, and the matrix of distances behind it.
//!
//! All pairs of n and m fields are computed by blocked matrix products, ‖x‖² + ‖y‖² − 2⟨x, y⟩, so
//! the cost is that of a matrix product. This expansion suffers cancellation. Fields are therefore
//! centred on a common mean first, and pairs that are close relative to their size are recomputed
//! from their difference. Equal fields thus have distance zero exactly. From one matrix of
//! distances, the energy distance of any split of its fields is a sum over index sets, so floors
//! cost almost nothing.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, Axis, Slice};

use super::check_pair;
use super::cloud::Cloud;
use crate::{Ensemble, FieldError};

/// Rows of a tile: its operands stay in cache while the product runs.
const TILE: usize = 256;

/// Squared distances below this part of ‖x‖² + ‖y‖² have lost six digits to cancellation.
const CANCELLED: f64 = 1e-6;

/// Unbiased estimate of the energy distance between two laws on functions.
///
/// 2 E‖X − Y‖ − E‖X − X′‖ − E‖Y − Y′‖ with ‖f‖² = Σ_channels mean f². Expectations are averages
/// over all pairs of different fields (a U-statistic). For equal laws its mean is zero, so it can
/// be negative. Compare it with a [`super::Floor`], not with zero.
///
/// **Unit** that of the field. **Cost** (n + m)² C M multiplications for M modes: 2000 fields a
/// side at 64² take seconds.
///
/// # Errors
/// [`FieldError::TooFew`] below two fields a side; [`FieldError::GridMismatch`] or
/// [`FieldError::Length`] for different grids or channels; [`FieldError::Parameter`] for values
/// that are not finite.
///
/// **Source** Székely & Rizzo, "Energy statistics", J. Stat. Plan. Inference 143 (2013).
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Ensemble, Grid, metrics::energy_distance};
/// let grid = Grid::unit(&[2], Boundary::Neumann)?;
/// let x = Ensemble::new(grid, 1, vec![0.0, 0.0, 1.0, 1.0])?; // the constants 0 and 1
/// let y = Ensemble::new(grid, 1, vec![4.0, 4.0, 6.0, 6.0])?; // the constants 4 and 6
/// // 2 · (4 + 6 + 3 + 5)/4 − 1 − 2
/// assert!((energy_distance(&x, &y)? - 6.0).abs() < 1e-12);
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
pub fn energy_distance(x: &Ensemble, y: &Ensemble) -> Result<f64, FieldError> {
    let what = "energy distance";
    check_pair(x, y, what)?;
    let (x, y) = (Cloud::new(x, what, 2)?, Cloud::new(y, what, 2)?);
    let across = Distances::across(&x, &y).mean();
    Ok(2.0 * across - Distances::among(&x).mean_distinct() - Distances::among(&y).mean_distinct())
}

/// H-norm distances ‖xᵢ − yⱼ‖ between the fields of two ensembles, or among those of one.
#[derive(Debug, Clone)]
pub struct Distances {
    values: Array2<f64>,
}

impl Distances {
    /// All distances among the fields of one ensemble.
    ///
    /// # Errors
    /// [`FieldError::TooFew`] below two fields; [`FieldError::Parameter`] for values that are not
    /// finite.
    pub fn within(fields: &Ensemble) -> Result<Self, FieldError> {
        Ok(Self::among(&Cloud::new(fields, "distances", 2)?))
    }

    /// All distances from the fields of `x` (rows) to those of `y` (columns).
    ///
    /// # Errors
    /// As [`energy_distance`], but one field a side is enough.
    pub fn between(x: &Ensemble, y: &Ensemble) -> Result<Self, FieldError> {
        check_pair(x, y, "distances")?;
        Ok(Self::across(&Cloud::new(x, "distances", 1)?, &Cloud::new(y, "distances", 1)?))
    }

    /// Number of fields of the first and of the second ensemble.
    pub fn shape(&self) -> (usize, usize) {
        self.values.dim()
    }

    /// ‖xᵢ − yⱼ‖.
    ///
    /// # Panics
    /// If an index reaches past the last field.
    pub fn get(&self, i: usize, j: usize) -> f64 {
        self.values[[i, j]]
    }

    /// [`energy_distance`] between two sets of fields of one ensemble, given by their indices,
    /// which may repeat. Meant for splits of one pool.
    ///
    /// **Cost** (n + m)² additions.
    ///
    /// # Errors
    /// [`FieldError::TooFew`] if a set has fewer than two indices.
    ///
    /// # Panics
    /// If an index reaches past the last field.
    pub fn energy(&self, x: &[usize], y: &[usize]) -> Result<f64, FieldError> {
        Ok(2.0 * self.total(x, y) / (x.len() * y.len()) as f64
            - self.mean_among(x)?
            - self.mean_among(y)?)
    }

    /// tr Cov of a set of fields: ½ mean ‖xᵢ − xⱼ‖² over its pairs, which is the unbiased sample
    /// variance.
    ///
    /// # Errors
    /// [`FieldError::TooFew`] if the set has fewer than two indices.
    ///
    /// # Panics
    /// If an index reaches past the last field.
    pub fn variance(&self, set: &[usize]) -> Result<f64, FieldError> {
        let pairs = ordered_pairs(set.len())?;
        let squares: f64 = set
            .iter()
            .map(|&i| {
                let row = self.values.row(i);
                set.iter().map(|&j| row[j] * row[j]).sum::<f64>()
            })
            .sum();
        Ok(0.5 * squares / pairs)
    }

    pub(super) fn among(x: &Cloud) -> Self {
        Self::tiled(x, x, &x.mean(), true)
    }

    pub(super) fn across(x: &Cloud, y: &Cloud) -> Self {
        Self::tiled(x, y, &y.mean(), false)
    }

    /// Mean over all pairs of two different ensembles.
    pub(super) fn mean(&self) -> f64 {
        self.values.sum() / self.values.len() as f64
    }

    /// Mean over the pairs of different fields of one ensemble.
    pub(super) fn mean_distinct(&self) -> f64 {
        let n = self.values.nrows();
        self.values.sum() / (n * (n - 1)) as f64
    }

    pub(super) fn mean_among(&self, set: &[usize]) -> Result<f64, FieldError> {
        Ok(self.total(set, set) / ordered_pairs(set.len())?)
    }

    fn total(&self, x: &[usize], y: &[usize]) -> f64 {
        x.iter()
            .map(|&i| {
                let row = self.values.row(i);
                y.iter().map(|&j| row[j]).sum::<f64>()
            })
            .sum()
    }

    /// The blocked product. With `symmetric` only the tiles on and above the diagonal are computed.
    fn tiled(x: &Cloud, y: &Cloud, centre: &[f64], symmetric: bool) -> Self {
        let mut values = Array2::zeros((x.count(), y.count()));
        for top in (0..x.count()).step_by(TILE) {
            let rows = Tile::new(x, top, centre);
            for left in (if symmetric { top } else { 0 }..y.count()).step_by(TILE) {
                let columns = Tile::new(y, left, centre);
                let mut band = values.slice_axis_mut(Axis(0), rows.place);
                let mut target = band.slice_axis_mut(Axis(1), columns.place);
                general_mat_mul(-2.0, &rows.centred, &columns.centred.t(), 0.0, &mut target);
                for ((i, j), value) in target.indexed_iter_mut() {
                    let size = rows.squares[i] + columns.squares[j];
                    let square = size + *value;
                    *value = if square > CANCELLED * size {
                        square.sqrt()
                    } else {
                        let (a, b) = (x.field(top + i), y.field(left + j));
                        a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
                    };
                }
            }
        }
        if symmetric {
            for i in 0..values.nrows() {
                for j in 0..i {
                    values[[i, j]] = values[[j, i]];
                }
            }
        }
        Self { values }
    }
}

/// n(n − 1), or an error if there are no pairs.
fn ordered_pairs(n: usize) -> Result<f64, FieldError> {
    if n < 2 {
        return Err(FieldError::TooFew { what: "a mean over pairs", least: 2, count: n });
    }
    Ok((n * (n - 1)) as f64)
}

/// Some rows of a cloud minus a common centre, with their squared norms.
struct Tile {
    place: Slice,
    centred: Array2<f64>,
    squares: Vec<f64>,
}

impl Tile {
    fn new(cloud: &Cloud, from: usize, centre: &[f64]) -> Self {
        let place = Slice::from(from..cloud.count().min(from + TILE));
        let mut centred = cloud.coefficients.slice_axis(Axis(0), place).to_owned();
        for mut row in centred.rows_mut() {
            row.iter_mut().zip(centre).for_each(|(v, c)| *v -= c);
        }
        let squares = centred.rows().into_iter().map(|r| r.dot(&r)).collect();
        Self { place, centred, squares }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{oracle, variance_ratio};
    use super::*;
    use crate::{Boundary, Grid, resample};

    /// E|Z| for Z ~ N(mean, 2): the mean distance of two unit normals whose means differ by `mean`.
    fn mean_distance(mean: f64) -> f64 {
        let pi = std::f64::consts::PI;
        2.0 / pi.sqrt() * (-0.25 * mean * mean).exp() + mean * libm::erf(0.5 * mean)
    }

    #[test]
    fn is_unbiased_for_two_gaussians_of_one_degree_of_freedom() {
        let grid = Grid::unit(&[2], Boundary::Neumann).unwrap();
        for shift in [0.0, 1.0] {
            let repeats = 4000;
            let values: Vec<f64> = (0..repeats)
                .map(|i| {
                    let (x, y) = (oracle::normals(3, 2 * i), oracle::normals(4, 2 * i + 1));
                    let y: Vec<f64> = y.iter().map(|v| v + shift).collect();
                    energy_distance(&oracle::constants(grid, &x), &oracle::constants(grid, &y))
                        .unwrap()
                })
                .collect();
            let n = repeats as f64;
            let mean = values.iter().sum::<f64>() / n;
            let square = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
            let expected = 2.0 * mean_distance(shift) - 2.0 * mean_distance(0.0);
            // 4.5 standard errors: false alarm below 1e-5
            assert!((mean - expected).abs() < 4.5 * (square / n).sqrt(), "{mean} {expected}");
            assert!(values.iter().any(|v| *v < 0.0), "a U-statistic of a few fields is negative");
        }
    }

    #[test]
    fn blocked_distances_equal_direct_ones_beyond_a_tile_and_far_from_zero() {
        let x = oracle::affine(
            &oracle::rough(&[7, 3], Boundary::Neumann, 0..TILE as u64 + 13),
            1.0,
            1e5,
        );
        let y = oracle::affine(&oracle::rough(&[7, 3], Boundary::Neumann, 900..905), 1.0, 1e5);
        for (a, b, distances) in [
            (&x, &x, Distances::within(&x).unwrap()),
            (&x, &y, Distances::between(&x, &y).unwrap()),
        ] {
            assert_eq!(distances.shape(), (a.count(), b.count()));
            let mut largest = 0.0_f64;
            for (i, f) in a.fields().enumerate() {
                for (j, g) in b.fields().enumerate() {
                    let square: f64 = f.iter().zip(g).map(|(f, g)| (f - g).powi(2)).sum();
                    let direct = (square / a.grid.len() as f64).sqrt();
                    largest = largest.max((distances.get(i, j) - direct).abs());
                }
            }
            assert!(largest < 1e-9, "values of 1e5 leave rounding of 1e-11: {largest}");
        }
    }

    #[test]
    fn equal_fields_have_distance_zero_exactly() {
        let x = oracle::rough(&[9], Boundary::Periodic, 0..4);
        let distances = Distances::between(&x, &oracle::reversed(&x)).unwrap();
        for i in 0..4 {
            assert_eq!(distances.get(i, 3 - i), 0.0);
        }
    }

    #[test]
    fn does_not_depend_on_order_or_grid() {
        for boundary in [Boundary::Neumann, Boundary::Periodic] {
            let (x, y) =
                (oracle::rough(&[7, 5], boundary, 0..6), oracle::rough(&[7, 5], boundary, 50..59));
            let y = oracle::affine(&y, 1.5, 0.1);
            let here = energy_distance(&x, &y).unwrap();
            let turned = energy_distance(&oracle::reversed(&x), &oracle::reversed(&y)).unwrap();
            assert!((here - turned).abs() < 1e-13);
            for points in [[14, 10], [8, 13]] {
                let fine = x.grid.with_points(&points).unwrap();
                let refine = |f| resample::spectral(f, fine).unwrap();
                let there = energy_distance(&refine(&x), &refine(&y)).unwrap();
                assert!((here - there).abs() < 1e-12, "{boundary} {points:?}: {here} {there}");
            }
        }
    }

    #[test]
    fn splits_of_one_matrix_equal_ensembles_of_their_own() {
        let pool = oracle::rough(&[5, 4], Boundary::Neumann, 0..20);
        let (x, y) = ([3, 19, 4, 4, 7], [0, 11, 2, 7]);
        let distances = Distances::within(&pool).unwrap();
        let alone = energy_distance(&pool.select(&x), &pool.select(&y)).unwrap();
        assert!((distances.energy(&x, &y).unwrap() - alone).abs() < 1e-13);
        let ratio = distances.variance(&x).unwrap() / distances.variance(&y).unwrap();
        let direct = variance_ratio(&pool.select(&x), &pool.select(&y)).unwrap();
        assert!((ratio - direct).abs() < 1e-12);
        assert!(matches!(distances.energy(&x, &[1]), Err(FieldError::TooFew { .. })));
    }

    #[test]
    fn refuses_what_cannot_be_compared() {
        let x = oracle::rough(&[5], Boundary::Neumann, 0..3);
        let other = oracle::rough(&[6], Boundary::Neumann, 0..3);
        assert!(matches!(energy_distance(&x, &other), Err(FieldError::GridMismatch { .. })));
        let one = x.slice(0..1);
        assert!(matches!(energy_distance(&x, &one), Err(FieldError::TooFew { count: 1, .. })));
        let two = Ensemble::zeros(x.grid, 2, 3);
        assert!(matches!(energy_distance(&x, &two), Err(FieldError::Length { .. })));
        let mut broken = x.clone();
        broken.values[7] = f64::NAN;
        assert!(matches!(energy_distance(&broken, &x), Err(FieldError::Parameter { .. })));
    }
}
