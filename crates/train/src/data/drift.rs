//! Similarity of neighbours: whether fields form a series, and along which axis they drift least.
//!
//! A few thousand values at fixed pseudo-random places are read, whatever the size of the data.
//! Missing values are ignored.

use karhunen_field::ModeNoise;
use karhunen_field::noise::stream;
use karhunen_formats::{FieldSource, FormatError};

/// Pairs of fields that are compared.
const PAIRS: usize = 64;
/// With fewer fields, a series cannot be told from chance.
const FEWEST: usize = 8;
/// Neighbours are alike if their mean square difference is below this part of that of distant
/// fields.
const ALIKE: f64 = 0.5;
/// Number of lines along the last axis that are read, and their largest length.
const LINES: usize = 256;
const LINE: usize = 256;
/// Parts of an axis whose means and deviations are compared.
const PARTS: usize = 8;

/// Whether fields resemble the next field of their source more than distant ones: the mean square
/// difference of neighbours is below half of that of fields far apart.
///
/// # Errors
/// Errors while reading.
pub(crate) fn neighbours_are_alike(fields: &dyn FieldSource) -> Result<bool, FormatError> {
    let count = fields.count();
    if count < FEWEST {
        return Ok(false);
    }
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|&item| fields.position(item));
    let looked = |item: usize| -> Result<Vec<f32>, FormatError> {
        let mut values = Vec::new();
        for (corner, size) in lines(fields.points(), 8) {
            fields.block(item, &corner, &size, &mut values)?;
        }
        Ok(values)
    };
    let (mut near, mut far) = (0.0, 0.0);
    let pairs = PAIRS.min(count - 1);
    for pair in 0..pairs {
        let at = pair * (count - 1) / pairs;
        let here = looked(order[at])?;
        let (next, distant) = (looked(order[at + 1])?, looked(order[(at + count / 2) % count])?);
        for (own, (next, distant)) in here.iter().zip(next.iter().zip(&distant)) {
            let square = |other: &f32| f64::from(own - other).powi(2);
            if !(own.is_nan() || next.is_nan() || distant.is_nan()) {
                near += square(next);
                far += square(distant);
            }
        }
    }
    Ok(near < ALIKE * far)
}

/// The axis among `axes` along which the mean and the deviation of its parts vary least.
///
/// # Errors
/// Errors while reading.
pub(crate) fn steadiest(fields: &dyn FieldSource, axes: &[usize]) -> Result<usize, FormatError> {
    let points = fields.points();
    let mut sums = vec![[[0.0f64; 3]; PARTS]; points.len()];
    let items = fields.count().min(4);
    for item in 0..items {
        for (corner, size) in lines(points, LINES / items) {
            let mut values = Vec::new();
            fields.block(item, &corner, &size, &mut values)?;
            let along = size.iter().rposition(|n| *n > 1).unwrap_or(0);
            for (i, value) in values.iter().enumerate().filter(|(_, v)| !v.is_nan()) {
                let value = f64::from(*value);
                for (axis, sums) in sums.iter_mut().enumerate() {
                    let at = corner[axis] + if axis == along { i % size[along] } else { 0 };
                    let sum = &mut sums[at * PARTS / points[axis]];
                    sum[0] += 1.0;
                    sum[1] += value;
                    sum[2] += value * value;
                }
            }
        }
    }
    let drift = |axis: usize| {
        let parts = sums[axis].iter().filter(|s| s[0] > 1.0);
        let moments: Vec<(f64, f64)> = parts
            .map(|[n, sum, square]| (sum / n, (square / n - (sum / n).powi(2)).max(0.0).sqrt()))
            .collect();
        let spread = |of: &dyn Fn(&(f64, f64)) -> f64| {
            let mean = moments.iter().map(of).sum::<f64>() / moments.len() as f64;
            moments.iter().map(|m| (of(m) - mean).powi(2)).sum::<f64>() / moments.len() as f64
        };
        spread(&|m| m.0) + spread(&|m| m.1)
    };
    let least = axes.iter().copied().min_by(|a, b| drift(*a).total_cmp(&drift(*b)));
    Ok(least.unwrap_or(0))
}

/// Corners and sizes of lines at fixed pseudo-random places, along the last axis that has an extent.
fn lines(points: &[usize], count: usize) -> Vec<(Vec<usize>, Vec<usize>)> {
    let along = points.iter().rposition(|n| *n > 1).unwrap_or(0);
    (0..count)
        .map(|line| {
            let u = ModeNoise::new(0).uniforms(points.len(), line as u64, stream::PATCHES);
            let size: Vec<usize> = (0..points.len())
                .map(|a| if a == along { LINE.min(points[a]) } else { 1 })
                .collect();
            let place = |a: usize| {
                let places = points[a] - size[a] + 1;
                ((u[a] * places as f64) as usize).min(places - 1)
            };
            ((0..points.len()).map(place).collect(), size)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use karhunen_formats::{RawFields, Series, SourceType, Units};

    use super::*;

    fn fields(points: &[usize], count: usize, values: Vec<f32>) -> RawFields {
        RawFields {
            points: points.into(),
            channels: 1,
            values,
            offset: 0.0,
            dtype: SourceType::F32,
            source: PathBuf::from("a"),
            items: vec![],
            positions: (0..count as u64).collect(),
            series: Series::Unknown,
            units: Units::default(),
            notes: vec![],
        }
    }

    #[test]
    fn a_series_is_told_from_independent_fields() {
        let noise = ModeNoise::new(1).uniforms(40 * 64, 0, stream::PATCHES);
        let noise: Vec<f32> = noise.iter().map(|u| *u as f32).collect();
        assert!(!neighbours_are_alike(&fields(&[8, 8], 40, noise)).unwrap());
        let drifting = |i: usize| ((i / 64) as f32 / 9.0).sin() + ((i % 64) as f32).cos();
        let series = fields(&[8, 8], 40, (0..40 * 64).map(drifting).collect());
        assert!(neighbours_are_alike(&series).unwrap());
    }

    #[test]
    fn the_axis_without_the_drift_is_found() {
        for drifting in 0..3 {
            let points = [24usize, 20, 28];
            let value = |i: usize| {
                let at = [i / 560, i / 28 % 20, i % 28];
                let u = ModeNoise::new(2).uniforms(1, i as u64, stream::PATCHES)[0];
                (u + 3.0 * at[drifting] as f64 / points[drifting] as f64) as f32
            };
            let volume = fields(&points, 1, (0..24 * 20 * 28).map(value).collect());
            let found = steadiest(&volume, &[0, 1, 2]).unwrap();
            assert_ne!(found, drifting);
            // of the two axes, the other one
            let other = (drifting + 1) % 3;
            assert_eq!(steadiest(&volume, &[drifting, other]).unwrap(), other);
        }
    }
}
