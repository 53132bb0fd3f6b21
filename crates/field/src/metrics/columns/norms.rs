//! Column: energy distance and variance ratio, both from distances in the H-norm.

use super::super::cloud::Cloud;
use super::super::comparison::Comparison;
use super::super::energy::Distances;
use super::super::variance::ratio;
use super::{Column, Pool, Prepared, Samples};
use crate::FieldError;

struct Norms {
    reference: Cloud,
    /// Mean distance among the reference's fields, and their tr Cov.
    spread: f64,
    variance: f64,
    energy_floor: f64,
    variance_floor: f64,
}

pub(super) fn prepare(pool: &Pool) -> Prepared {
    let distances = Distances::among(pool.cloud);
    let energy = pool.splits.floor(|x, y| distances.energy(x, y))?;
    let variance = pool
        .splits
        .floor(|x, y| Ok(ratio(distances.variance(x)?, distances.variance(y)?)?.ln().abs()))?;
    Ok(Some(Box::new(Norms {
        reference: pool.cloud.first(pool.first.len()),
        spread: distances.mean_among(pool.first)?,
        variance: distances.variance(pool.first)?,
        energy_floor: energy.value,
        variance_floor: variance.value,
    })))
}

impl Column for Norms {
    fn compare(&self, samples: &Samples, row: &mut Comparison) -> Result<(), FieldError> {
        let own = Distances::among(samples.cloud);
        let across = Distances::across(samples.cloud, &self.reference).mean();
        let all: Vec<usize> = (0..samples.cloud.count()).collect();
        row.energy_distance = 2.0 * across - own.mean_distinct() - self.spread;
        row.energy_distance_floor = self.energy_floor;
        row.variance_ratio = ratio(own.variance(&all)?, self.variance)?;
        row.variance_ratio_floor = self.variance_floor;
        Ok(())
    }
}
