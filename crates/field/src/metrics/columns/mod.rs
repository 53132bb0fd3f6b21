//! The columns of a table: one file each, and one line in [`COLUMNS`].
//!
//! A column is prepared from a pool of real fields, with its floors, and then measures rows.

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

/// Real fields from which a column takes its floors, and the reference among them.
pub(super) struct Pool<'a> {
    /// All of them.
    pub fields: &'a Ensemble,
    /// Their modes.
    pub cloud: &'a Cloud,
    /// Pairs of sets of them, for floors.
    pub splits: &'a Splits,
    /// Those that rows are compared with: the first m.
    pub first: &'a [usize],
    /// What a comparison may choose.
    pub options: &'a ComparisonOptions,
    /// The phases of all of them, once they are asked for.
    pub phases: &'a OnceCell<(Segmentation, Ensemble)>,
}

impl Pool<'_> {
    /// The phases: Otsu's threshold of the pool, and where fields are above it.
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
    /// Where they are above the pool's threshold.
    pub phase: &'a Ensemble,
}

/// One statistic, or several that share their preparation.
pub(super) trait Column: Send + Sync {
    /// Measures samples and writes the numbers, with their floors, into the row.
    fn compare(&self, samples: &Samples, row: &mut Comparison) -> Result<(), FieldError>;
}

/// A column ready to measure rows; none where it has nothing to say of such fields.
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
