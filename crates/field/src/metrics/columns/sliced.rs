//! Column: sliced Wasserstein distance.

use super::super::comparison::Comparison;
use super::super::sliced::{Projections, SortedProjections};
use super::{Column, Pool, Prepared, Samples};
use crate::FieldError;

struct Sliced {
    reference: SortedProjections,
    directions: usize,
    seed: u64,
    floor: f64,
}

pub(super) fn prepare(pool: &Pool) -> Prepared {
    let (directions, seed) = (pool.options.directions, pool.options.seed);
    let projections = Projections::new(pool.cloud, directions, seed)?;
    let floor =
        pool.splits.floor(|x, y| Ok(projections.sorted(x).distance(&projections.sorted(y))))?.value;
    let reference = projections.sorted(pool.first);
    Ok(Some(Box::new(Sliced { reference, directions, seed, floor })))
}

impl Column for Sliced {
    fn compare(&self, samples: &Samples, row: &mut Comparison) -> Result<(), FieldError> {
        let own = Projections::new(samples.cloud, self.directions, self.seed)?.all_sorted();
        row.sliced_wasserstein = own.distance(&self.reference);
        row.sliced_wasserstein_floor = self.floor;
        Ok(())
    }
}
