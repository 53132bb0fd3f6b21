//! A Zarr store that several processes write, each the shards of its own fields.
//!
//! One process begins the store in a folder beside its place, all write into it, and the first one says what the array is
//! and gives it its name. The files are those that one process would have written.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::digits::Range;
use crate::encoding::{Encoding, lost};
use crate::write::{check_form, staged_folder};
use crate::zarr_write::{Folder, Target, ZarrWriter, fields_a_shard};
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

/// A folder that another process gives its name.
struct Shared(PathBuf);

impl Target for Shared {
    fn put(&mut self, key: &str, bytes: Vec<u8>) -> Result<(), FormatError> {
        let failed = |source| FormatError::Write { path: self.0.clone(), source };
        let file = self.0.join(key);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let mut file = std::fs::File::create(file).map_err(failed)?;
        file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(failed)
    }

    fn place(self: Box<Self>) -> Result<(), FormatError> {
        Ok(())
    }
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
        Ok(staged_folder(path)?.keep())
    }

    /// The precision of values whose range in each channel is known, smallest and largest of all processes.
    pub fn precision(ranges: &[(f64, f64)]) -> Precision {
        let ranges: Vec<Range> = ranges.iter().map(|(low, high)| Range::of(*low, *high)).collect();
        if lost(&ranges) { Precision::F64 } else { Precision::F32 }
    }

    /// Smallest and largest value of each channel.
    pub fn ranges<'a>(fields: impl Into<FieldsRef<'a>>) -> Vec<(f64, f64)> {
        let fields = fields.into();
        let plane = fields.field_len() / fields.channels();
        let mut ranges = vec![Range::new(); fields.channels()];
        (0..fields.len()).for_each(|i| ranges[i / plane % fields.channels()].take(fields.value(i)));
        ranges.into_iter().map(Range::bounds).collect()
    }

    /// Writes fields from number `first` on, which begin a shard and end one, or are the last.
    ///
    /// # Errors
    /// [`FormatError::Write`]; [`FormatError::NonFinite`].
    pub fn put<'a>(
        &self,
        first: usize,
        fields: impl Into<FieldsRef<'a>>,
        precision: Precision,
    ) -> Result<(), FormatError> {
        let target = Box::new(Shared(self.folder.clone()));
        let encoding = encoding(precision);
        ZarrWriter::to(&self.path, &self.form, encoding, target).from(first).put(fields.into())
    }

    /// Says what the array is and gives the store its name: by one process, when all have written.
    ///
    /// # Errors
    /// [`FormatError::Exists`] unless it may be replaced; [`FormatError::Write`].
    pub fn finish(self, precision: Precision, overwrite: bool) -> Result<(), FormatError> {
        let Self { path, folder, form } = self;
        let target = Box::new(Folder::of(folder, &path, overwrite));
        ZarrWriter::to(&path, &form, encoding(precision), target).end()
    }

    /// Removes what has been written: by one process, when another one could not.
    pub fn abandon(self) {
        // what cannot be removed cannot be helped
        let _ = std::fs::remove_dir_all(self.folder);
    }
}

fn encoding(precision: Precision) -> Encoding {
    match precision {
        Precision::F64 => Encoding::F64,
        Precision::U8 => Encoding::U8,
        Precision::F32 | Precision::U16 => Encoding::F32,
    }
}
