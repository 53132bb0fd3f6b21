//! Column: two-point functions of the phases.

use super::super::comparison::Comparison;
use super::super::spectrum::mean_rows;
use super::super::two_point::PairCounter;
use super::{Column, Pool, Prepared, Samples};
use crate::FieldError;

struct TwoPoint {
    counter: PairCounter,
    reference: Vec<f64>,
    units: Vec<f64>,
    floor: f64,
}

pub(super) fn prepare(pool: &Pool) -> Prepared {
    let (_, phase) = pool.phases()?;
    let counter = PairCounter::new(&pool.fields.grid);
    let correlations = counter.correlations(phase);
    let units = counter.units(&mean_rows(&correlations, None))?;
    let floor = pool.splits.floor(|x, y| {
        let (x, y) = (mean_rows(&correlations, Some(x)), mean_rows(&correlations, Some(y)));
        Ok(counter.error(&x, &y, &units))
    })?;
    let reference = mean_rows(&correlations, Some(pool.first));
    Ok(Some(Box::new(TwoPoint { counter, reference, units, floor: floor.value })))
}

impl Column for TwoPoint {
    fn compare(&self, samples: &Samples, row: &mut Comparison) -> Result<(), FieldError> {
        let own = mean_rows(&self.counter.correlations(samples.phase), None);
        row.two_point_error = self.counter.error(&own, &self.reference, &self.units);
        row.two_point_error_floor = self.floor;
        Ok(())
    }
}
