//! Column: descriptors of the phases, that is lineal paths, chords, surface, topology, fractions.

use super::super::comparison::Comparison;
use super::super::descriptors::{Descriptors, Units};
use super::super::spectrum::mean_rows;
use super::{Column, Pool, Prepared, Samples};
use crate::FieldError;

struct Structure {
    descriptors: Descriptors,
    reference: Vec<f64>,
    units: Vec<Units>,
    /// In the order of [`super::super::DescriptorErrors::distances`].
    floors: [f64; 5],
}

pub(super) fn prepare(pool: &Pool) -> Prepared {
    let (_, phase) = pool.phases()?;
    let descriptors = Descriptors::new(&pool.fields.grid);
    let rows = descriptors.rows(phase)?;
    let units = descriptors.units(&mean_rows(&rows, None))?;
    let floors = pool.splits.floors(|x, y| {
        let (x, y) = (mean_rows(&rows, Some(x)), mean_rows(&rows, Some(y)));
        Ok(descriptors.errors(&x, &y, &units).distances())
    })?;
    let reference = mean_rows(&rows, Some(pool.first));
    Ok(Some(Box::new(Structure { descriptors, reference, units, floors })))
}

impl Column for Structure {
    fn compare(&self, samples: &Samples, row: &mut Comparison) -> Result<(), FieldError> {
        let own = mean_rows(&self.descriptors.rows(samples.phase)?, None);
        let errors = self.descriptors.errors(&own, &self.reference, &self.units);
        let [lineal_path, chord_length, surface, euler, fraction] = self.floors;
        row.lineal_path_error = errors.lineal_path_error;
        row.lineal_path_error_floor = lineal_path;
        row.chord_length_distance = errors.chord_length_distance;
        row.chord_length_distance_floor = chord_length;
        row.specific_surface_ratio = errors.specific_surface_ratio;
        row.specific_surface_ratio_floor = Some(surface).filter(|floor| floor.is_finite());
        row.euler_density_difference = errors.euler_density_difference;
        row.euler_density_difference_floor = euler;
        row.volume_fraction_difference = errors.volume_fraction_difference;
        row.volume_fraction_difference_floor = fraction;
        Ok(())
    }
}
