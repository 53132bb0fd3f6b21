//! Column: correlation of channels, where there are several.

use super::super::comparison::Comparison;
use super::super::cross::Products;
use super::super::spectrum::mean_rows;
use super::{Column, Pool, Prepared, Samples};
use crate::FieldError;

struct Cross {
    products: Products,
    reference: Vec<f64>,
    floor: f64,
}

pub(super) fn prepare(pool: &Pool) -> Prepared {
    if pool.fields.channels == 1 {
        return Ok(None);
    }
    let products = Products::new(pool.cloud)?;
    let rows = products.rows(pool.cloud)?;
    let floor = pool.splits.floor(|x, y| {
        let (x, y) = (mean_rows(&rows, Some(x)), mean_rows(&rows, Some(y)));
        Ok(products.error(&x, &y))
    })?;
    let reference = mean_rows(&rows, Some(pool.first));
    Ok(Some(Box::new(Cross { products, reference, floor: floor.value })))
}

impl Column for Cross {
    fn compare(&self, samples: &Samples, row: &mut Comparison) -> Result<(), FieldError> {
        let own = mean_rows(&self.products.rows(samples.cloud)?, None);
        row.cross_channel_error = Some(self.products.error(&own, &self.reference));
        row.cross_channel_error_floor = Some(self.floor);
        Ok(())
    }
}
