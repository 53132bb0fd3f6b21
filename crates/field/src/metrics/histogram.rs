//! Distance between the one-point distributions (histograms of values).
//!
//! The distance is exact: there are no bins whose width would matter. All values are sorted once,
//! each with the number of its field. Any split of the fields then costs one pass and no further
//! sorting.

use super::{check, check_pair};
use crate::{Ensemble, FieldError};

/// 1-Wasserstein distance ∫ |F_x(v) − F_y(v)| dv between the distributions of point values. It is
/// given in units of the reference's standard deviation (over points and fields) and averaged over
/// channels.
///
/// A shift of all values by one standard deviation gives 1. No sample is rescaled.
///
/// **Cost** sorting the (n + m) N values of each channel.
///
/// # Errors
/// [`FieldError::TooFew`] without fields; [`FieldError::GridMismatch`] or [`FieldError::Length`]
/// for different grids or channels; [`FieldError::Parameter`] for a reference with a constant
/// channel or values that are not finite.
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Ensemble, Grid, metrics::histogram_distance};
/// let grid = Grid::unit(&[4], Boundary::Neumann)?;
/// let x = Ensemble::new(grid, 1, vec![0.0, 0.0, 0.0, 2.0])?;
/// let y = Ensemble::new(grid, 1, vec![0.0, 2.0, 2.0, 0.0])?; // standard deviation 1
/// assert!((histogram_distance(&x, &y)? - 0.5).abs() < 1e-12); // a quarter of the mass moves by 2
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
pub fn histogram_distance(x: &Ensemble, reference: &Ensemble) -> Result<f64, FieldError> {
    let what = "histogram distance";
    check_pair(x, reference, what)?;
    check(x, what, 1)?;
    check(reference, what, 1)?;
    let (x, y) = (PixelValues::new(x), PixelValues::new(reference));
    Ok(mean(&x.distances(&y, &y.all(), &standard_deviations(reference)?)))
}

/// Point values of each channel in rising order, each with the number of its field.
#[derive(Debug, Clone)]
pub(super) struct PixelValues {
    channels: Vec<Vec<(f64, u32)>>,
    fields: usize,
}

impl PixelValues {
    pub fn new(fields: &Ensemble) -> Self {
        let channels = (0..fields.channels)
            .map(|channel| {
                let mut values: Vec<(f64, u32)> = channel_values(fields, channel)
                    .enumerate()
                    .map(|(at, v)| (v, (at / fields.grid.len()) as u32))
                    .collect();
                values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
                values
            })
            .collect();
        Self { channels, fields: fields.count() }
    }

    /// Indices of all fields.
    pub fn all(&self) -> Vec<usize> {
        (0..self.fields).collect()
    }

    /// Distance of each channel between all these fields and the fields in `set` of another
    /// ensemble.
    pub fn distances(&self, other: &PixelValues, set: &[usize], deviations: &[f64]) -> Vec<f64> {
        let own = self.weights(&self.all());
        let theirs = other.weights(set);
        let pairs = self.channels.iter().zip(&other.channels);
        let distances = pairs.zip(deviations).map(|((x, y), deviation)| {
            let (mut x, mut y) = (x.iter().peekable(), y.iter().peekable());
            let merged = std::iter::from_fn(|| match (x.peek(), y.peek()) {
                (Some(a), Some(b)) if a.0 <= b.0 => x.next().map(|v| (v.0, own[v.1 as usize])),
                (Some(_), None) => x.next().map(|v| (v.0, own[v.1 as usize])),
                _ => y.next().map(|v| (v.0, -theirs[v.1 as usize])),
            });
            area_between(merged) / deviation
        });
        distances.collect()
    }

    /// Distance of each channel between two sets of these fields, by indices that may repeat.
    pub fn distances_within(&self, x: &[usize], y: &[usize], deviations: &[f64]) -> Vec<f64> {
        let (positive, negative) = (self.weights(x), self.weights(y));
        let signed: Vec<f64> = positive.iter().zip(&negative).map(|(p, q)| p - q).collect();
        let distances = self.channels.iter().zip(deviations).map(|(values, deviation)| {
            area_between(values.iter().map(|v| (v.0, signed[v.1 as usize]))) / deviation
        });
        distances.collect()
    }

    /// Weight of a value of each field when the fields in `set` share the mass 1.
    fn weights(&self, set: &[usize]) -> Vec<f64> {
        let points = self.channels[0].len() / self.fields;
        let mut weights = vec![0.0; self.fields];
        let one = 1.0 / (set.len() * points) as f64;
        set.iter().for_each(|&i| weights[i] += one);
        weights
    }
}

/// Standard deviation over points and fields of each channel.
///
/// # Errors
/// [`FieldError::Parameter`] for a constant channel.
pub(super) fn standard_deviations(fields: &Ensemble) -> Result<Vec<f64>, FieldError> {
    let count = (fields.count() * fields.grid.len()) as f64;
    (0..fields.channels)
        .map(|channel| {
            let mean = channel_values(fields, channel).sum::<f64>() / count;
            let square = channel_values(fields, channel).map(|v| (v - mean).powi(2)).sum::<f64>();
            let deviation = (square / count).sqrt();
            if deviation > 0.0 {
                return Ok(deviation);
            }
            Err(FieldError::Parameter {
                parameter: "standard deviation of the reference",
                value: deviation,
                requirement: "a channel that is constant gives histograms no unit",
            })
        })
        .collect()
}

/// Point values of one channel, field by field.
pub(super) fn channel_values(fields: &Ensemble, channel: usize) -> impl Iterator<Item = f64> + '_ {
    let points = fields.grid.len();
    fields.fields().flat_map(move |f| f[channel * points..(channel + 1) * points].iter().copied())
}

/// ∫ |F(v)| dv of the step function that jumps by each weight at its value. Values are rising.
fn area_between(steps: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (mut level, mut at, mut area) = (0.0_f64, None, 0.0);
    for (value, weight) in steps {
        area += level.abs() * (value - at.unwrap_or(value));
        level += weight;
        at = Some(value);
    }
    area
}

/// Mean over channels.
pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::super::oracle;
    use super::*;
    use crate::Boundary;

    #[test]
    fn a_shift_by_one_standard_deviation_costs_one() {
        let x = oracle::rough(&[8, 5], Boundary::Neumann, 0..6);
        let deviation = standard_deviations(&x).unwrap()[0];
        let moved = oracle::affine(&x, 1.0, -2.0 * deviation);
        assert!((histogram_distance(&moved, &x).unwrap() - 2.0).abs() < 1e-12);
        assert_eq!(histogram_distance(&oracle::reversed(&x), &x).unwrap(), 0.0);
    }

    #[test]
    fn channels_count_alike_whatever_their_units() {
        let x = oracle::rough(&[6], Boundary::Neumann, 0..8);
        // fields 2i and 2i + 1 become two channels, the second scaled by 1/1000
        let pair = |scale: f64, shift: f64| {
            let mut values = x.values.clone();
            for field in values.chunks_exact_mut(12) {
                field[6..].iter_mut().for_each(|v| *v = scale * (*v + shift));
            }
            Ensemble::new(x.grid, 2, values).unwrap()
        };
        let reference = pair(1e-3, 0.0);
        let unit = 1e3 * standard_deviations(&reference).unwrap()[1];
        let moved = histogram_distance(&pair(1e-3, unit), &reference).unwrap();
        assert!((moved - 0.5).abs() < 1e-12, "{moved}");
    }

    #[test]
    fn splits_of_one_sorting_equal_ensembles_of_their_own() {
        let pool = oracle::rough(&[5, 3], Boundary::Periodic, 0..12);
        let (x, y) = ([1, 4, 9, 9, 2], [0, 11, 4]);
        let reference = pool.select(&y);
        let unit = standard_deviations(&reference).unwrap();
        let split = mean(&PixelValues::new(&pool).distances_within(&x, &y, &unit));
        let alone = histogram_distance(&pool.select(&x), &reference).unwrap();
        assert!((split - alone).abs() < 1e-13);
    }

    #[test]
    fn a_constant_reference_has_no_unit() {
        let x = oracle::rough(&[4], Boundary::Neumann, 0..2);
        let flat = Ensemble::zeros(x.grid, 1, 2);
        assert!(matches!(histogram_distance(&x, &flat), Err(FieldError::Parameter { .. })));
    }
}
