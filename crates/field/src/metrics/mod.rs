//! Metrics: the distance of one ensemble of functions from another, and descriptors of structure.
//!
//! All numbers are properties of functions, not of pixels. Inner products are means over points, so
//! a metric means the same on every grid. Random directions are nested: they are given mode by
//! mode.
//!
//! | statistic | sensitive to | zero for |
//! |---|---|---|
//! | [`energy_distance`] | the whole law, in the H-norm | equal laws (unbiased: may be negative) |
//! | [`sliced_wasserstein`] | laws of linear functionals at every scale | equal laws, infinitely many fields |
//! | [`spectrum_log_error`] | second moments, scale by scale | equal spectra |
//! | [`cross_channel_error`] | correlation of channels, scale by scale | equal correlations |
//! | [`histogram_distance`] | point values | equal one-point laws |
//! | [`two_point_error`] | geometry after a threshold | equal two-point functions |
//! | [`variance_ratio`] | tr Cov | (one) equal variances |
//! | [`descriptor_errors`] | lineal paths, chords, surface, topology, fractions after a threshold | equal descriptors |
//!
//! Descriptors of one structure, in units of the box. They take zeros and ones, as made by
//! [`Segmentation`] or [`Phases`]: [`volume_fraction`], [`two_point_correlation`] and
//! [`two_point_along`] a direction, [`cluster_function`], [`lineal_path`], [`chord_lengths`],
//! [`specific_surface`], [`euler_number`], [`percolation`], [`local_thickness`],
//! [`effective_diffusivity`].
//!
//! * For grey fields: [`radial_spectrum`], [`structure_function`].
//! * For an ensemble alone: [`vendi_score`].
//! * For samples and their training fields: [`memorisation()`], [`MostAlike`].
//! * For samples of one seed on two grids: [`consistency_error`].
//! * For features and classes predicted by a classifier: [`frechet_distance`],
//!   [`ReadingReference`].
//!
//! None of the statistics is zero at finite n, not even between two sets of real fields.
//! [`Reference`] therefore measures the [`Floor`] of each statistic, its value between two sets of
//! real fields, and [`Comparison`] reports both.
//!
//! Statistics based on norms (energy, sliced, variance) sum over channels, so channels of different
//! units must be normalised first. [`cross_channel_error`] compares pairs of channels. The others
//! are computed channel by channel. Statistics of modes use the modes that the grid holds; pixel
//! statistics use point values as they are.
//!
//! The classifier itself is in crate `net`. This module has no plots.

mod auc;
mod chords;
mod cloud;
mod clusters;
mod columns;
mod comparison;
mod consistency;
mod correlation;
mod cross;
mod curve;
mod descriptors;
mod diffusivity;
mod directional;
mod eigenvalues;
mod energy;
mod euler;
mod floor;
mod frechet;
mod histogram;
mod lags;
mod lineal_path;
mod local_thickness;
mod mask;
mod memorisation;
mod percolation;
mod phases;
mod posterior;
mod readings;
mod reference;
mod runs;
mod segmentation;
mod sliced;
mod spectrum;
mod structure_function;
mod surface;
mod two_point;
mod variance;
mod vendi;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod golden_materials;
#[cfg(test)]
mod golden_phases;
#[cfg(test)]
mod oracle;

pub use auc::auc;
pub use chords::{ChordLengths, Chords, chord_lengths};
pub use clusters::{cluster_function, cluster_sizes};
pub use comparison::{Comparison, ComparisonOptions, compare};
pub use consistency::consistency_error;
pub use correlation::MostAlike;
pub use cross::{CrossSpectrum, cross_channel_error, cross_spectrum};
pub use curve::{Curve, DirectionalCurve};
pub use descriptors::{DescriptorErrors, descriptor_errors};
pub use diffusivity::effective_diffusivity;
pub use directional::two_point_along;
pub use energy::{Distances, energy_distance};
pub use euler::{Connectivity, euler_density, euler_number};
pub use floor::{Floor, FloorKind, Splits, shuffled};
pub use frechet::{FeatureMoments, frechet_distance};
pub use histogram::histogram_distance;
pub use lineal_path::lineal_path;
pub use local_thickness::local_thickness;
pub use mask::volume_fraction;
pub use memorisation::{Memorisation, Verdict, memorisation};
pub use percolation::{Percolation, percolation};
pub use phases::{Phases, multi_otsu_thresholds};
pub use posterior::{Estimate, PosteriorCheck, PosteriorQuality};
pub use readings::{ReadingComparison, ReadingReference, Readings};
pub use reference::Reference;
pub use segmentation::{Segmentation, otsu_threshold};
pub use sliced::sliced_wasserstein;
pub use spectrum::{Spectrum, radial_spectrum, spectrum_log_error};
pub use structure_function::structure_function;
pub use surface::specific_surface;
pub use two_point::{TwoPoint, two_point_correlation, two_point_error};
pub use variance::variance_ratio;
pub use vendi::vendi_score;

use crate::{Ensemble, FieldError};

/// Refuses ensembles too small for a statistic, and NaN or infinite values.
fn check(fields: &Ensemble, what: &'static str, least: usize) -> Result<(), FieldError> {
    if fields.count() < least {
        return Err(FieldError::TooFew { what, least, count: fields.count() });
    }
    match fields.values.iter().find(|v| !v.is_finite()) {
        Some(&value) => Err(FieldError::Parameter {
            parameter: "field value",
            value,
            requirement: "metrics are defined for finite values only",
        }),
        None => Ok(()),
    }
}

/// Refuses pairs of ensembles with different grids or channels.
fn check_pair(x: &Ensemble, y: &Ensemble, what: &'static str) -> Result<(), FieldError> {
    if !x.grid.same_box(&y.grid) || x.grid.points() != y.grid.points() {
        return Err(FieldError::GridMismatch { what, left: x.grid, right: y.grid });
    }
    if x.channels != y.channels {
        return Err(FieldError::Length {
            values: x.field_len(),
            channels: y.channels,
            grid: x.grid,
        });
    }
    Ok(())
}
