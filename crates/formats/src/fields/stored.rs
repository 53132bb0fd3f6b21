//! Fields that stay in their file. Blocks are read from it when they are needed.
//!
//! A 2000³ volume of bytes takes 8 GB, and four times as much as `f32`. Patches need none of that
//! memory if values are read in place. This works for formats with uncompressed values at known
//! offsets: raw values, NPY, tensors of a state dict, NetCDF's classic format, uncompressed grey
//! TIFF. NPY and TIFF may be in a zip archive; a packed member is unpacked once and kept in its own
//! type. It also works for Zarr, whose chunks are unpacked one by one. Other formats are read
//! completely, by [`read()`](crate::read()).

use std::cmp::Ordering;
use std::fmt::Debug;
use std::path::{Path, PathBuf};

use crate::FormatError;
use crate::cf::Packing;
use crate::container::bytes::Bytes;
use crate::dtype::{Endian, SourceType};
use crate::fields::stored::places::Places;
use crate::fields::stored::values::FileValues;
use crate::layout::Layout;
use crate::missing::Missing;
use crate::units::{Series, Units};

mod blocks;
pub(crate) mod places;
pub(crate) mod values;

/// Fields whose blocks are read from an open file.
///
/// **Shape** As [`RawFields`](crate::RawFields): item, channel, then axes from slow to fast. A file
/// in Fortran order has the same order of axes as in [`read()`](crate::read()); only its bytes are
/// arranged differently.
///
/// **Cost** One read for each plane of a block if its lines are close in the file, otherwise one
/// for each line. The memory is that of the block and 256 KiB, plus the bytes of a packed archive
/// member. For Zarr, the chunks that a block touches are unpacked, and up to 64 MiB of them are
/// kept for the next block.
///
/// # Example
/// ```
/// use karhunen_formats::{PatchSource, ReadOptions, StoredFields};
/// let path = std::env::temp_dir().join(format!("stored-{}.raw", std::process::id()));
/// std::fs::write(&path, (0..60).collect::<Vec<u8>>())?;
/// let volume = ReadOptions { dim: Some(3), ..ReadOptions::default() };
/// let fields = StoredFields::open(format!("{}:3x4x5:u8", path.display()), &volume)?;
/// let patches = PatchSource::new(&fields, &[0], &[2, 2, 2], 7)?.cut(0..9)?;
/// // neighbours along the slowest axis are 20 values apart, then 5, then 1
/// assert!(patches.fields().all(|p| p[4] == p[0] + 20.0 && p[2] == p[0] + 5.0 && p[1] == p[0] + 1.0));
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct StoredFields {
    pub(crate) values: Values,
    pub(crate) source: PathBuf,
    pub(crate) points: Vec<usize>,
    pub(crate) channels: usize,
    /// Whether the last axis of the array's chunks holds the channels.
    pub(crate) channels_last: bool,
    pub(crate) count: usize,
    pub(crate) dtype: SourceType,
    pub(crate) units: Units,
    pub(crate) items: Vec<String>,
    pub(crate) notes: Vec<String>,
    pub(crate) missing: Missing,
    pub(crate) offset: f64,
    pub(crate) series: Series,
}

/// How values are read.
#[derive(Debug)]
pub(crate) enum Values {
    /// From known offsets of one file.
    InFile(FileValues),
    /// From chunks that are unpacked.
    InChunks(Box<dyn Regions>),
}

/// An array that is read region by region, as one in chunks is.
pub(crate) trait Regions: Debug + Send + Sync {
    /// Lengths of its axes.
    fn shape(&self) -> &[u64];

    /// How stored numbers become values; none if they are values.
    fn packing(&mut self) -> &mut Option<Packing>;

    /// Writes the values of a region of the array to `to`, last axis fastest.
    fn region(&self, start: &[u64], lengths: &[u64], to: &mut [f32]) -> Result<(), FormatError>;
}

impl StoredFields {
    /// Refuses a file whose values do not end at byte `found`, because its shape would be another
    /// one.
    pub(crate) fn ending(self, found: u64) -> Result<Self, FormatError> {
        let (path, expected) = (self.source.clone(), self.end() as u64);
        match expected.cmp(&found) {
            Ordering::Equal => Ok(self),
            Ordering::Less => Err(FormatError::Trailing { path, expected }),
            Ordering::Greater => Err(FormatError::Truncated { path, expected, found }),
        }
    }

    /// Checks the positions of the values against the number of bytes.
    pub(crate) fn new(
        name: &Path,
        bytes: Bytes,
        layout: Layout,
        count: usize,
        (dtype, endian): (SourceType, Endian),
        places: Places,
    ) -> Result<Self, FormatError> {
        let values = FileValues::new(name, bytes, (dtype, endian), places);
        let found = values.length()?;
        let fields = Self::of(name, layout, count, dtype, Values::InFile(values));
        let expected = fields.end();
        if expected > u128::from(found) {
            let expected = expected.min(u64::MAX.into()) as u64;
            return Err(FormatError::Truncated { path: name.into(), expected, found });
        }
        Ok(fields)
    }

    /// Opens an array in chunks.
    pub(crate) fn chunked(
        name: &Path,
        layout: Layout,
        count: usize,
        dtype: SourceType,
        chunks: Box<dyn Regions>,
    ) -> Self {
        Self::of(name, layout, count, dtype, Values::InChunks(chunks))
    }

    fn of(name: &Path, layout: Layout, count: usize, dtype: SourceType, values: Values) -> Self {
        let Layout { channels, points, channels_last, note } = layout;
        Self {
            values,
            source: name.into(),
            points,
            channels,
            channels_last,
            count,
            dtype,
            missing: Missing::Refused,
            offset: 0.0,
            series: Series::Unknown,
            units: Units::default(),
            items: Vec::new(),
            notes: note.into_iter().collect(),
        }
    }

    /// Notes for the user on guesses.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    pub(crate) fn notes_mut(&mut self) -> &mut Vec<String> {
        &mut self.notes
    }

    /// Sets the names of the fields.
    pub(crate) fn name_fields(&mut self, names: Vec<String>) {
        self.items = names;
    }

    /// Sets how stored numbers become values; none if they are values.
    pub(crate) fn set_packing(&mut self, packing: Option<Packing>) {
        match &mut self.values {
            Values::InFile(file) => file.packing = packing,
            Values::InChunks(chunks) => *chunks.packing() = packing,
        }
    }

    /// The offset after the last value; 0 if values are in many files.
    fn end(&self) -> u128 {
        match &self.values {
            Values::InFile(values) => {
                let size = self.dtype.size();
                values.places.end(self.count, self.channels, &self.points, size)
            }
            Values::InChunks(_) => 0,
        }
    }
}
