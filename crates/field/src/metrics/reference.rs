//! Real fields prepared for comparison: floors are computed once, and rows are compared many times.
//!
//! **Sizes.** n samples are compared with m real fields (m = n by default). Of R real fields a
//! random pool of n + m is kept. Its first m are the fields that every row is compared with. The
//! floors are the same statistics between random disjoint sets of n and m from the pool. If R < n +
//! m, all R fields are the pool and the sets are drawn with replacement. The report then says so; a
//! smaller n or m avoids it.
//!
//! Otsu's threshold, φ(1 − φ) and the histograms' unit come from the whole pool, so that all rows
//! and all splits are measured alike. [`super::columns`] holds the statistics.

use std::cell::OnceCell;

use super::cloud::Cloud;
use super::columns::{COLUMNS, Column, Pool, Samples};
use super::comparison::{Comparison, ComparisonOptions};
use super::floor::{FloorKind, Splits, shuffled};
use super::segmentation::Segmentation;
use super::{check, check_pair};
use crate::{Ensemble, FieldError};

/// Real fields with all quantities that do not depend on the samples compared with them.
///
/// **Cost** memory: the pool three times over and its matrix of distances; time: one comparison
/// plus the floors.
pub struct Reference {
    count: usize,
    kind: FloorKind,
    fields: Ensemble,
    segmentation: Segmentation,
    columns: Vec<Box<dyn Column>>,
}

impl std::fmt::Debug for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reference")
            .field("grid", &self.fields.grid)
            .field("count", &self.count)
            .field("reference_count", &self.fields.count())
            .field("floor_kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl Reference {
    /// Prepares real fields for rows of `count` samples each.
    ///
    /// # Errors
    /// [`FieldError::TooFew`] below two samples, real fields, or `reference_count`;
    /// [`FieldError::Parameter`] for fewer than 20 splits, no direction, values that are not
    /// finite, a trained band with no shell below it, or a constant channel.
    pub fn new(
        real: &Ensemble,
        count: usize,
        options: &ComparisonOptions,
    ) -> Result<Self, FieldError> {
        check(real, "a reference", 2)?;
        let wanted = options.reference_count.unwrap_or(count).min(real.count());
        let mut order = shuffled(real.count(), options.seed, u64::MAX);
        order.truncate(count.saturating_add(wanted));
        let splits = Splits::new(order.len(), count, wanted, options.splits, options.seed)?;

        let fields = real.select(&order);
        let cloud = Cloud::new(&fields, "a reference", 2)?;
        let first: Vec<usize> = (0..wanted).collect();
        let phases = OnceCell::new();
        let pool = Pool {
            fields: &fields,
            cloud: &cloud,
            splits: &splits,
            first: &first,
            options,
            phases: &phases,
        };
        let mut columns = Vec::new();
        for prepare in COLUMNS {
            columns.extend(prepare(&pool)?);
        }
        let segmentation = pool.phases()?.0.clone();
        let (kind, fields) = (splits.kind(), fields.slice(0..wanted));
        Ok(Self { count, kind, fields, segmentation, columns })
    }

    /// Number n of samples of every row.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The m real fields that every row is compared with.
    pub fn fields(&self) -> &Ensemble {
        &self.fields
    }

    /// Compares the first n fields of an ensemble.
    ///
    /// # Errors
    /// [`FieldError::TooFew`] if there are fewer; [`FieldError::GridMismatch`] or
    /// [`FieldError::Length`] for different grids or channels; [`FieldError::Parameter`] for
    /// values that are not finite.
    pub fn compare(&self, samples: &Ensemble) -> Result<Comparison, FieldError> {
        let what = "a comparison with this reference";
        check_pair(samples, &self.fields, what)?;
        check(samples, what, self.count)?;
        let samples = samples.slice(0..self.count);
        let cloud = Cloud::new(&samples, what, self.count)?;

        let phase = self.segmentation.indicator(&samples)?;
        let samples = Samples { fields: &samples, cloud: &cloud, phase: &phase };
        let grid = self.fields.grid.to_string();
        let mut row = Comparison::unmeasured(self.count, self.fields.count(), grid, self.kind);
        self.columns.iter().try_for_each(|column| column.compare(&samples, &mut row))?;
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use crate::prior;
    use crate::{Boundary, Ensemble, FieldError, Grid, noise::stream};

    const POINTS: [usize; 2] = [14, 11];

    fn real(indices: std::ops::Range<u64>) -> Ensemble {
        oracle::rough(&POINTS, Boundary::Neumann, indices)
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-11
    }

    #[test]
    fn one_row_equals_the_statistics_one_by_one() {
        let band = 6.5 * std::f64::consts::PI;
        let options = ComparisonOptions {
            reference_count: Some(25),
            trained_band: Some(band),
            directions: 33,
            seed: 9,
            ..Default::default()
        };
        let reference = Reference::new(&real(0..80), 15, &options).unwrap();
        let samples = oracle::affine(&real(500..520), 1.2, 0.1);
        let row = reference.compare(&samples).unwrap();
        let (x, y) = (samples.slice(0..15), reference.fields());
        assert_eq!((row.count, row.reference_count, row.grid.as_str()), (15, 25, "14x11"));
        assert_eq!(row.floor_kind, FloorKind::Disjoint);
        assert!(close(row.energy_distance, energy_distance(&x, y).unwrap()));
        assert!(close(row.sliced_wasserstein, sliced_wasserstein(&x, y, 33, 9).unwrap()));
        assert!(close(row.variance_ratio, variance_ratio(&x, y).unwrap()));
        let spectrum = |band| spectrum_log_error(&x, y, Some(band)).unwrap();
        assert!(close(row.spectrum_log_error, spectrum((0.0, band))));
        assert!(close(row.spectrum_log_error_beyond.unwrap(), spectrum((band, f64::INFINITY))));
        // threshold and unit come from the pool, so results agree up to its sampling error
        let histogram = histogram_distance(&x, y).unwrap();
        assert!((row.histogram_distance / histogram - 1.0).abs() < 0.3);
        assert!((row.two_point_error / two_point_error(&x, y).unwrap() - 1.0).abs() < 0.3);
        let structure = descriptor_errors(&x, y).unwrap();
        assert!((row.lineal_path_error / structure.lineal_path_error - 1.0).abs() < 0.3);
        assert!((row.chord_length_distance / structure.chord_length_distance - 1.0).abs() < 0.3);
        let ratio = row.specific_surface_ratio.unwrap() / structure.specific_surface_ratio.unwrap();
        assert!((ratio - 1.0).abs() < 0.1);
    }

    #[test]
    fn the_same_law_is_at_the_floor_and_white_noise_is_not() {
        let reference = Reference::new(&real(0..400), 200, &ComparisonOptions::default()).unwrap();
        let same = reference.compare(&real(1000..1200)).unwrap();
        let law = oracle::PowerLaw { decay: 0.0, end: f64::INFINITY };
        let white = prior::sample(&law, real(0..1).grid, 1, 3, 0..200, stream::START);
        // white noise with the variance of the data
        let raw = variance_ratio(&white, &real(0..400)).unwrap();
        let other = reference.compare(&oracle::affine(&white, raw.sqrt().recip(), 0.0)).unwrap();
        // 2.5 times a 95 % quantile is 4.9 standard errors: false alarm about 1e-5 and below; the
        // energy distance behaves like a square
        let (margin, square) = (2.5, 2.5 * 2.5);
        let json = [&same, &other].map(|row| serde_json::to_value(row).unwrap());
        let number = |row: usize, key: &str| json[row][key].as_f64().unwrap();
        for (name, margin) in [
            ("energy_distance", square),
            ("sliced_wasserstein", margin),
            ("spectrum_log_error", margin),
            ("two_point_error", margin),
            ("lineal_path_error", margin),
            ("chord_length_distance", margin),
            ("euler_density_difference", margin),
        ] {
            let floor = number(0, &format!("{name}_floor"));
            let (same, other) = (number(0, name), number(1, name));
            assert!(floor > 0.0 && same < margin * floor, "{name}: {same} {floor}");
            assert!(other > margin * floor, "{name}: {other} {floor}");
        }
        assert!(same.variance_ratio.ln().abs() < margin * same.variance_ratio_floor);
        let surface = |row: &Comparison| row.specific_surface_ratio.unwrap().ln().abs();
        let floor = same.specific_surface_ratio_floor.unwrap();
        assert!(surface(&same) < margin * floor && surface(&other) > margin * floor);
        let fraction = same.volume_fraction_difference;
        assert!(fraction < margin * same.volume_fraction_difference_floor);
        assert!(same.histogram_distance < margin * same.histogram_distance_floor);
    }

    #[test]
    fn rows_are_flat_json_with_fixed_keys() {
        let options = ComparisonOptions { directions: 4, ..Default::default() };
        let row = compare(&real(90..96), &real(0..12), &options).unwrap();
        let json = serde_json::to_value(&row).unwrap();
        let mut keys: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
        keys.sort_unstable();
        let mut expected = vec!["count", "reference_count", "grid", "floor_kind"];
        let statistics = [
            ("energy_distance", "energy_distance_floor"),
            ("sliced_wasserstein", "sliced_wasserstein_floor"),
            ("spectrum_log_error", "spectrum_log_error_floor"),
            ("spectrum_log_error_beyond", "spectrum_log_error_beyond_floor"),
            ("histogram_distance", "histogram_distance_floor"),
            ("histogram_by_channel", "histogram_by_channel_floor"),
            ("cross_channel_error", "cross_channel_error_floor"),
            ("two_point_error", "two_point_error_floor"),
            ("variance_ratio", "variance_ratio_floor"),
            ("lineal_path_error", "lineal_path_error_floor"),
            ("chord_length_distance", "chord_length_distance_floor"),
            ("specific_surface_ratio", "specific_surface_ratio_floor"),
            ("euler_density_difference", "euler_density_difference_floor"),
            ("volume_fraction_difference", "volume_fraction_difference_floor"),
        ];
        expected.extend(statistics.iter().flat_map(|(name, floor)| [*name, *floor]));
        expected.sort_unstable();
        assert_eq!(keys, expected);
        assert_eq!(json["floor_kind"], "disjoint");
        assert!(json["spectrum_log_error_beyond"].is_null());
        assert_eq!(serde_json::from_value::<Comparison>(json).unwrap(), row);
    }

    #[test]
    fn channels_are_told_apart_and_compared_with_one_another() {
        // channel 1 is channel 0 plus half of another field
        let pair = |first: u64, own: f64| {
            let g = oracle::rough(&[9, 8], Boundary::Neumann, first..first + 240);
            let mut fields = Ensemble { channels: 2, ..g };
            for field in fields.values.chunks_exact_mut(144) {
                let (a, b) = field.split_at_mut(72);
                b.iter_mut().zip(a.iter()).for_each(|(b, a)| *b = own * a + 0.5 * *b);
            }
            fields
        };
        let options = ComparisonOptions { directions: 8, ..Default::default() };
        let reference = Reference::new(&pair(0, 1.0), 60, &options).unwrap();
        let same = reference.compare(&pair(5000, 1.0)).unwrap();
        let (error, floor) =
            (same.cross_channel_error.unwrap(), same.cross_channel_error_floor.unwrap());
        // as elsewhere 2.5 times a 95 % quantile
        assert!(error > 0.0 && error < 2.5 * floor, "{error} {floor}");
        // independent channels of the same spectra: 1 / √1.25 of the correlation is missing
        let mut apart = pair(5000, 1.0);
        let other = pair(9000, 1.0);
        for (field, other) in apart.values.chunks_exact_mut(144).zip(other.fields()) {
            field[72..].copy_from_slice(&other[72..]);
        }
        let apart = reference.compare(&apart).unwrap();
        let missing = apart.cross_channel_error.unwrap();
        assert!((missing - 0.8_f64.sqrt()).abs() < 0.1, "{missing}");
        assert!(apart.spectrum_log_error < 2.5 * apart.spectrum_log_error_floor);
        let by_channel = same.histogram_by_channel.unwrap();
        assert!(close(same.histogram_distance, (by_channel[0] + by_channel[1]) / 2.0));
        assert_eq!(same.histogram_by_channel_floor.unwrap().len(), 2);
    }

    #[test]
    fn too_few_real_fields_are_bootstrapped_and_said_so() {
        let options = ComparisonOptions { directions: 8, ..Default::default() };
        let row = compare(&real(90..102), &real(0..15), &options).unwrap();
        assert_eq!((row.count, row.reference_count), (12, 12));
        assert_eq!(row.floor_kind, FloorKind::Bootstrap);
        let fewer = compare(&real(90..102), &real(0..7), &options).unwrap();
        assert_eq!((fewer.count, fewer.reference_count), (12, 7));
    }

    #[test]
    fn fields_of_one_phase_each_have_no_surface_to_compare() {
        let grid = Grid::unit(&[4, 3], Boundary::Neumann).unwrap();
        let fields = oracle::constants(grid, &oracle::normals(60, 2));
        let options = ComparisonOptions { directions: 4, ..Default::default() };
        let row = compare(&oracle::constants(grid, &oracle::normals(20, 3)), &fields, &options);
        let json = serde_json::to_value(row.unwrap()).unwrap();
        assert!(json["specific_surface_ratio"].is_null());
        assert!(json["specific_surface_ratio_floor"].is_null());
        assert_eq!(json["euler_density_difference_floor"].as_f64().map(f64::is_finite), Some(true));
        assert!(serde_json::from_value::<Comparison>(json).is_ok());
    }

    #[test]
    fn refuses_rows_that_are_too_short_or_elsewhere() {
        let options = ComparisonOptions { directions: 4, ..Default::default() };
        let reference = Reference::new(&real(0..20), 10, &options).unwrap();
        let short = reference.compare(&real(50..59));
        assert!(matches!(short, Err(FieldError::TooFew { least: 10, count: 9, .. })));
        let elsewhere = reference.compare(&oracle::rough(&[14, 12], Boundary::Neumann, 0..10));
        assert!(matches!(elsewhere, Err(FieldError::GridMismatch { .. })));
        let band = ComparisonOptions { trained_band: Some(0.0), ..options };
        assert!(matches!(
            Reference::new(&real(0..20), 10, &band),
            Err(FieldError::Parameter { .. })
        ));
    }
}
