//! Column: error of the spectrum, below the trained band and beyond it.

use super::super::comparison::Comparison;
use super::super::spectrum::{Shells, mean_rows};
use super::{Column, Pool, Prepared, Samples};
use crate::FieldError;

struct Spectrum {
    shells: Shells,
    reference: Vec<f64>,
    within: (f64, f64),
    floor: f64,
    /// The band beyond training, if the grid has one, and its floor.
    beyond: Option<((f64, f64), f64)>,
}

pub(super) fn prepare(pool: &Pool) -> Prepared {
    let shells = Shells::new(&pool.fields.grid)?;
    let powers = shells.powers(pool.cloud)?;
    let floor = |band| -> Result<f64, FieldError> {
        let floor = pool.splits.floor(|x, y| {
            let (x, y) = (mean_rows(&powers, Some(x)), mean_rows(&powers, Some(y)));
            shells.log_error(&x, &y, band)
        })?;
        Ok(floor.value)
    };
    let (within, beyond) = bands(pool.options.trained_band, &shells);
    let own = floor(within)?;
    let beyond = match beyond {
        Some(band) => Some((band, floor(band)?)),
        None => None,
    };
    let reference = mean_rows(&powers, Some(pool.first));
    Ok(Some(Box::new(Spectrum { shells, reference, within, floor: own, beyond })))
}

/// The bands of the spectrum's error: the trained one, and the one beyond if it holds any shell.
fn bands(trained: Option<f64>, shells: &Shells) -> ((f64, f64), Option<(f64, f64)>) {
    match trained {
        None => ((0.0, f64::INFINITY), None),
        Some(band) => {
            let beyond = shells.frequency.last().is_some_and(|&highest| highest >= band);
            ((0.0, band), beyond.then_some((band, f64::INFINITY)))
        }
    }
}

impl Column for Spectrum {
    fn compare(&self, samples: &Samples, row: &mut Comparison) -> Result<(), FieldError> {
        let power = mean_rows(&self.shells.powers(samples.cloud)?, None);
        row.spectrum_log_error = self.shells.log_error(&power, &self.reference, self.within)?;
        row.spectrum_log_error_floor = self.floor;
        if let Some((band, floor)) = self.beyond {
            let error = self.shells.log_error(&power, &self.reference, band)?;
            row.spectrum_log_error_beyond = Some(error);
            row.spectrum_log_error_beyond_floor = Some(floor);
        }
        Ok(())
    }
}
