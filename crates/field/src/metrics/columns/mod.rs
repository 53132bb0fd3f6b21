//! The columns of a table of results. Each has a file and one entry in [`COLUMNS`].
//!
//! A column is prepared from a pool of real fields, which gives its floors. Then it measures rows.

mod cross;
mod histogram;
mod norms;
mod sliced;
mod spectrum;
mod structure;
mod two_point;

use std::cell::OnceCell;

use super::cloud::Cloud;
use super::comparison::{Comparison, ComparisonOptions};
use super::floor::Splits;
use super::segmentation::Segmentation;
use crate::{Ensemble, FieldError};

/// Real fields, including the reference, from which a column takes its floors.
pub(super) struct Pool<'a> {
    /// All fields.
    pub fields: &'a Ensemble,
    /// Their modes.
    pub cloud: &'a Cloud,
    /// Pairs of sets of them, for floors.
    pub splits: &'a Splits,
    /// Indices of the fields that rows are compared with: the first m.
    pub first: &'a [usize],
    /// Options of the comparison.
    pub options: &'a ComparisonOptions,
    /// Phases of all fields, computed on first use.
    pub phases: &'a OnceCell<(Segmentation, Ensemble)>,
}

impl Pool<'_> {
    /// The phases: Otsu's threshold of the pool, and the indicators of the fields above it.
    pub fn phases(&self) -> Result<&(Segmentation, Ensemble), FieldError> {
        if let Some(found) = self.phases.get() {
            return Ok(found);
        }
        let segmentation = Segmentation::otsu(self.fields)?;
        let phase = segmentation.indicator(self.fields)?;
        Ok(self.phases.get_or_init(|| (segmentation, phase)))
    }
}

/// The n samples of a row.
pub(super) struct Samples<'a> {
    /// The fields.
    pub fields: &'a Ensemble,
    /// Their modes.
    pub cloud: &'a Cloud,
    /// Their indicators above the pool's threshold.
    pub phase: &'a Ensemble,
}

/// One statistic, or several that share their preparation.
pub(super) trait Column: Send + Sync {
    /// Measures samples and writes the numbers, with their floors, into the row.
    fn compare(&self, samples: &Samples, row: &mut Comparison) -> Result<(), FieldError>;
}

/// A column ready to measure rows; `None` where it does not apply to such fields.
pub(super) type Prepared = Result<Option<Box<dyn Column>>, FieldError>;

/// All columns.
pub(super) const COLUMNS: [fn(&Pool) -> Prepared; 7] = [
    norms::prepare,
    sliced::prepare,
    spectrum::prepare,
    histogram::prepare,
    cross::prepare,
    two_point::prepare,
    structure::prepare,
];
