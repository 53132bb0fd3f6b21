//! A Zarr store that several processes write, each the shards of its own fields.
//!
//! One process begins the store in a folder beside its place, and all write into it. Then the first one writes the
//! metadata and gives the folder its name. The files are those that one process would have written. How a store is cut
//! and encoded is in [`crate::write::zarr`].

use std::path::{Path, PathBuf};

use crate::digits::Range;
use crate::write::checks::check_form;
use crate::write::encoding::{Encoding, lost, ranges};
use crate::write::zarr::target::Folder;
use crate::write::zarr::{ZarrWriter, fields_a_shard};
use crate::{FieldsRef, Form, FormatError, Precision};

/// A store in a folder beside its place.
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Ensemble, Grid};
/// use karhunen_formats::{Form, Precision, ReadOptions, Units, ZarrParts, read};
/// let path = std::env::temp_dir().join(format!("by-two-{}.zarr", std::process::id()));
/// let form = Form { points: vec![600, 500], channels: 1, count: 2, units: Units::default() };
/// assert_eq!(ZarrParts::fields_a_shard(&form), 1);
/// let folder = ZarrParts::begin(&path, &form, false)?;
/// let one = Ensemble::zeros(Grid::unit(&[600, 500], Boundary::Neumann)?, 1, 1);
/// for first in [1, 0] {
///     // by two processes, in any order
///     ZarrParts { path: path.clone(), folder: folder.clone(), form: form.clone() }.put(first, &one, Precision::F32)?;
/// }
/// ZarrParts { path: path.clone(), folder, form }.finish(Precision::F32, false)?;
/// assert_eq!(read(&path, &ReadOptions::default())?.count(), 2);
/// # std::fs::remove_dir_all(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ZarrParts {
    /// Where the store will be.
    pub path: PathBuf,
    /// Where it is written.
    pub folder: PathBuf,
    /// All of its fields.
    pub form: Form,
}

impl ZarrParts {
    /// Fields that lie in one file and are written by one process.
    pub fn fields_a_shard(form: &Form) -> usize {
        fields_a_shard(form)
    }

    /// Makes the folder in which a store is written: by one process.
    ///
    /// # Errors
    /// [`FormatError::Exists`] unless it may be replaced; [`FormatError::Write`].
    pub fn begin(path: &Path, form: &Form, overwrite: bool) -> Result<PathBuf, FormatError> {
        check_form(path, form, overwrite)?;
        Ok(Folder::begin(path)?.keep())
    }

    /// The precision of values whose range in each channel is known, smallest and largest of all processes.
    pub fn precision(ranges: &[(f64, f64)]) -> Precision {
        let ranges: Vec<Range> = ranges.iter().map(|(low, high)| Range::of(*low, *high)).collect();
        if lost(&ranges) { Precision::F64 } else { Precision::F32 }
    }

    /// Smallest and largest value of each channel.
    pub fn ranges<'a>(fields: impl Into<FieldsRef<'a>>) -> Vec<(f64, f64)> {
        ranges(fields.into()).into_iter().map(Range::bounds).collect()
    }

    /// Writes fields from number `first` on: whole shards, of which the last one of all may hold fewer fields.
    ///
    /// # Errors
    /// [`FormatError::Write`]; [`FormatError::NonFinite`]; [`FormatError::Parameter`] for 16-bit numbers, whose range
    /// no process knows, and for values that are no bytes in [`Precision::U8`].
    pub fn put<'a>(
        &self,
        first: usize,
        fields: impl Into<FieldsRef<'a>>,
        precision: Precision,
    ) -> Result<(), FormatError> {
        let target = Box::new(Folder::of(self.folder.clone(), &self.path, false));
        let encoding = Encoding::known(precision, None)?;
        ZarrWriter::to(&self.path, &self.form, encoding, target).from(first).put(fields.into())
    }

    /// Writes the metadata and gives the store its name: by one process, when all have written. If that fails, what was
    /// written is removed.
    ///
    /// # Errors
    /// [`FormatError::Exists`] unless it may be replaced; [`FormatError::Write`]; [`FormatError::Parameter`] for 16-bit
    /// numbers.
    pub fn finish(self, precision: Precision, overwrite: bool) -> Result<(), FormatError> {
        let target = Box::new(Folder::of(self.folder.clone(), &self.path, overwrite));
        let finished = Encoding::known(precision, None)
            .and_then(|encoding| ZarrWriter::to(&self.path, &self.form, encoding, target).end());
        if finished.is_err() {
            self.abandon();
        }
        finished
    }

    /// Removes what has been written: by one process, when another one could not.
    pub fn abandon(self) {
        // what cannot be removed cannot be helped
        let _ = std::fs::remove_dir_all(self.folder);
    }
}
