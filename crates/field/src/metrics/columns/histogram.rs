//! Column: point values, as the mean over channels and for each channel where there are several.

use super::super::comparison::Comparison;
use super::super::histogram::{PixelValues, mean, standard_deviations};
use super::{Column, Pool, Prepared, Samples};
use crate::FieldError;

struct Histogram {
    reference: PixelValues,
    count: usize,
    /// Standard deviation of the whole pool for each channel, used as unit.
    deviations: Vec<f64>,
    floor: f64,
    floor_by_channel: Vec<f64>,
}

pub(super) fn prepare(pool: &Pool) -> Prepared {
    let pixels = PixelValues::new(pool.fields);
    let deviations = standard_deviations(pool.fields)?;
    // the mean over channels and each of them, in one pass over the values
    let mut floors = pool.splits.floors_of(|x, y| {
        let distances = pixels.distances_within(x, y, &deviations);
        Ok([vec![mean(&distances)], distances].concat())
    })?;
    let floor_by_channel = floors.split_off(1);
    let count = pool.first.len();
    let reference = PixelValues::new(&pool.fields.slice(0..count));
    let floor = floors[0];
    Ok(Some(Box::new(Histogram { reference, count, deviations, floor, floor_by_channel })))
}

impl Column for Histogram {
    fn compare(&self, samples: &Samples, row: &mut Comparison) -> Result<(), FieldError> {
        let reference: Vec<usize> = (0..self.count).collect();
        let pixels = PixelValues::new(samples.fields);
        let distances = pixels.distances(&self.reference, &reference, &self.deviations);
        let several = |values: &[f64]| (values.len() > 1).then(|| values.to_vec());
        row.histogram_distance = mean(&distances);
        row.histogram_distance_floor = self.floor;
        row.histogram_by_channel = several(&distances);
        row.histogram_by_channel_floor = several(&self.floor_by_channel);
        Ok(())
    }
}
