//! One row of a table of results: every statistic with its floor.

use serde::{Deserialize, Serialize};

use super::floor::{FloorKind, LEAST_SPLITS};
use super::reference::Reference;
use crate::{Ensemble, FieldError};

/// Options of a comparison. The defaults suit tables of results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ComparisonOptions {
    /// Pairs of sets of real fields used for each floor, at least 20.
    pub splits: usize,
    /// Random directions of the sliced Wasserstein distance.
    pub directions: usize,
    /// Seed of directions and splits.
    pub seed: u64,
    /// Number of real fields that each ensemble is compared with. By default the number of samples.
    pub reference_count: Option<usize>,
    /// Largest |ω| seen in training ([`crate::Grid::band`] of the finest trained grid). It splits
    /// the spectrum's error into a part below and a part beyond.
    pub trained_band: Option<f64>,
}

impl Default for ComparisonOptions {
    fn default() -> Self {
        Self {
            splits: 2 * LEAST_SPLITS,
            directions: 256,
            seed: 0,
            reference_count: None,
            trained_band: None,
        }
    }
}

/// Statistics of samples against a reference, each with its floor. The floor of a statistic is the
/// 95 % quantile of the same statistic between two sets of real fields of the same sizes.
///
/// In JSON it is a flat object with these names as keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Samples compared, n.
    pub count: usize,
    /// Real fields they were compared with, m.
    pub reference_count: usize,
    /// Grid of both.
    pub grid: String,
    /// How the sets behind the floors were drawn.
    pub floor_kind: FloorKind,
    /// [`super::energy_distance`]; may be negative.
    pub energy_distance: f64,
    /// Its floor.
    pub energy_distance_floor: f64,
    /// [`super::sliced_wasserstein`].
    pub sliced_wasserstein: f64,
    /// Its floor.
    pub sliced_wasserstein_floor: f64,
    /// [`super::spectrum_log_error`], below the trained band if one is given.
    pub spectrum_log_error: f64,
    /// Its floor.
    pub spectrum_log_error_floor: f64,
    /// The same beyond the trained band; `None` without a band or if the grid ends there.
    pub spectrum_log_error_beyond: Option<f64>,
    /// Its floor.
    pub spectrum_log_error_beyond_floor: Option<f64>,
    /// [`super::histogram_distance`].
    pub histogram_distance: f64,
    /// Its floor.
    pub histogram_distance_floor: f64,
    /// The same for each channel; `None` if there is only one.
    pub histogram_by_channel: Option<Vec<f64>>,
    /// Their floors.
    pub histogram_by_channel_floor: Option<Vec<f64>>,
    /// [`super::cross_channel_error`]; `None` if there is only one channel.
    pub cross_channel_error: Option<f64>,
    /// Its floor.
    pub cross_channel_error_floor: Option<f64>,
    /// [`super::two_point_error`].
    pub two_point_error: f64,
    /// Its floor.
    pub two_point_error_floor: f64,
    /// [`super::variance_ratio`]; the ideal value is 1.
    pub variance_ratio: f64,
    /// Floor of |ln ratio|.
    pub variance_ratio_floor: f64,
    /// Lineal paths of both phases, [`super::DescriptorErrors::lineal_path_error`].
    pub lineal_path_error: f64,
    /// Its floor.
    pub lineal_path_error_floor: f64,
    /// Chord lengths of both phases, [`super::DescriptorErrors::chord_length_distance`].
    pub chord_length_distance: f64,
    /// Its floor.
    pub chord_length_distance_floor: f64,
    /// [`super::specific_surface`] divided by that of the reference; the ideal value is 1. `None`
    /// if the real fields have no interface.
    pub specific_surface_ratio: Option<f64>,
    /// Floor of |ln ratio|; `None` if sets of real fields without interface leave it unbounded.
    pub specific_surface_ratio_floor: Option<f64>,
    /// |difference| of [`super::euler_density`].
    pub euler_density_difference: f64,
    /// Its floor.
    pub euler_density_difference_floor: f64,
    /// |difference| of [`super::volume_fraction`].
    pub volume_fraction_difference: f64,
    /// Its floor.
    pub volume_fraction_difference_floor: f64,
}

impl Comparison {
    /// A row in which no column has been measured yet.
    pub(super) fn unmeasured(
        count: usize,
        reference_count: usize,
        grid: String,
        floor_kind: FloorKind,
    ) -> Self {
        let none = f64::NAN;
        Self {
            count,
            reference_count,
            grid,
            floor_kind,
            energy_distance: none,
            energy_distance_floor: none,
            sliced_wasserstein: none,
            sliced_wasserstein_floor: none,
            spectrum_log_error: none,
            spectrum_log_error_floor: none,
            spectrum_log_error_beyond: None,
            spectrum_log_error_beyond_floor: None,
            histogram_distance: none,
            histogram_distance_floor: none,
            histogram_by_channel: None,
            histogram_by_channel_floor: None,
            cross_channel_error: None,
            cross_channel_error_floor: None,
            two_point_error: none,
            two_point_error_floor: none,
            variance_ratio: none,
            variance_ratio_floor: none,
            lineal_path_error: none,
            lineal_path_error_floor: none,
            chord_length_distance: none,
            chord_length_distance_floor: none,
            specific_surface_ratio: None,
            specific_surface_ratio_floor: None,
            euler_density_difference: none,
            euler_density_difference_floor: none,
            volume_fraction_difference: none,
            volume_fraction_difference_floor: none,
        }
    }
}

/// Compares one ensemble with a reference. For several rows create one [`Reference`] and reuse it.
///
/// # Errors
/// As [`Reference::new`] and [`Reference::compare`].
pub fn compare(
    samples: &Ensemble,
    reference: &Ensemble,
    options: &ComparisonOptions,
) -> Result<Comparison, FieldError> {
    Reference::new(reference, samples.count(), options)?.compare(samples)
}
