//! Fields that stay in their file. Blocks are read from it when they are needed.
//!
//! A 2000³ volume of bytes takes 8 GB, and four times as much as `f32`. Patches need none of that
//! memory if values are read in place. This works for formats with uncompressed values at known
//! offsets: raw values, NPY, tensors of a state dict, NetCDF's classic format, uncompressed grey
//! TIFF. NPY and TIFF may be in a zip archive; a packed member is unpacked once and kept in its own
//! type. It also works for Zarr, whose chunks are unpacked one by one. Other formats are read
//! completely, by [`read()`](crate::read()).

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use crate::archive::Archive;
use crate::blocks::FileValues;
use crate::bytes::Bytes;
use crate::cf::Packing;
use crate::content::Content;
use crate::dtype::{Endian, SourceType};
use crate::input::{Input, head_of};
use crate::layout::Layout;
use crate::placed::Placed;
use crate::places::Places;
use crate::raw::RawNote;
use crate::read::{existing, file_name};
use crate::tensors::Tensor;
use crate::zarr::Hierarchy;
use crate::zarr_chunks::Chunks;
use crate::zarr_store::Store;
use crate::{
    Address, FormatError, Missing, ReadOptions, Series, Units, is_remote, netcdf, npy, npz,
    safetensors, tiff_places, torch,
};

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
    InChunks(Box<Chunks>),
}

impl StoredFields {
    /// Opens a file without reading its values.
    ///
    /// # Errors
    /// [`FormatError::Unsupported`] for a format that cannot be read by part; otherwise the errors
    /// of [`read()`](crate::read()). [`ReadOptions::limit_bytes`] applies to a packed member, and
    /// to one chunk of an array in chunks, because nothing else is loaded.
    pub fn open(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Self, FormatError> {
        options.check()?;
        let mut fields = Self::unfilled(path.as_ref(), options)?;
        fields.missing = options.missing;
        fields.offset = match options.offset {
            0.0 => fields.probed()?,
            offset => offset,
        };
        fields.subtract(fields.offset);
        Ok(fields)
    }

    /// A file whose missing values and digits nobody has looked at.
    pub(crate) fn unfilled(name: &Path, options: &ReadOptions) -> Result<Self, FormatError> {
        let address = Address::of(name);
        let path = &address.path;
        if is_remote(path) {
            return Self::remote(name, &address, options);
        }
        let kind = existing(path)?;
        let part = address.part.as_deref();
        let whole = || FormatError::Unsupported {
            path: name.into(),
            what:
                "only raw values, uncompressed NPY, NPZ and TIFF, state dicts, classic NetCDF and \
                   Zarr can be read by part; read it whole"
                    .into(),
        };
        if kind.is_dir() {
            return match Store::is_folder(path) {
                true => Hierarchy::folder(path).open(name, path, part, options),
                false => Err(whole()),
            };
        }
        if let Some(note) = RawNote::of_address(&address)? {
            let bytes = Bytes::open(name, path)?;
            return Self::placed(name, bytes, note.place(), options)?.ending(kind.len());
        }
        match Content::of(&head_of(path)?) {
            Some(Content::Npy) if part.is_none() => {
                let place = npy::place(&mut Input::plain(path)?)?;
                Self::placed(name, Bytes::open(name, path)?, place, options)?.ending(kind.len())
            }
            Some(Content::Zip) => {
                let archive = Archive::open(path)?;
                if let Some(hierarchy) = Hierarchy::in_archive(&archive) {
                    return hierarchy.open(name, path, part, options);
                }
                if let Some(tensors) = torch::tensors(&archive)? {
                    return Tensor::open(tensors, name, &address, options);
                }
                Self::member(name, &address, &archive, options)?.ok_or_else(whole)
            }
            Some(Content::Safetensors) => {
                Tensor::open(safetensors::tensors(path)?, name, &address, options)
            }
            Some(Content::OldTorch) => Err(torch::old(path)),
            Some(Content::NetCdf) => netcdf::open(name, path, part, options),
            Some(Content::Tiff) if part.is_none() => {
                tiff_places::open(path, Bytes::open(path, path)?, &file_name(path), options)
            }
            _ => Err(whole()),
        }
    }

    /// Fields in a bucket or on a server: an NPY file by its ending, else Zarr.
    #[cfg(feature = "cloud")]
    fn remote(name: &Path, address: &Address, options: &ReadOptions) -> Result<Self, FormatError> {
        let (path, part) = (&*address.path, address.part.as_deref());
        if crate::write::ending(path) != "npy" {
            return Hierarchy::remote(path)?.open(name, path, part, options);
        }
        if let Some(part) = part {
            let known = Vec::new();
            return Err(FormatError::Part { path: path.into(), part: part.into(), known });
        }
        let bucket = crate::cloud::Bucket::open(path)?;
        let nothing = || FormatError::Bucket { path: path.into(), what: "nothing is there".into() };
        if !bucket.has("")? {
            return Err(nothing());
        }
        let length = bucket.length("")?.ok_or_else(nothing)?;
        let head = bucket.part("", 0, length.min(npy::HEAD_AT_MOST))?;
        let place = npy::place(&mut Input::unpacking(path, std::io::Cursor::new(head), length)?.0)?;
        Self::placed(name, Bytes::Object(bucket, length), place, options)?.ending(length)
    }

    /// Refused: this program knows no buckets.
    #[cfg(not(feature = "cloud"))]
    fn remote(_: &Path, address: &Address, _: &ReadOptions) -> Result<Self, FormatError> {
        crate::address::check(&address.path)?;
        Err(crate::write::without_cloud(&address.path))
    }

    /// Opens a member of a zip archive; none if its format cannot be read by part.
    fn member(
        name: &Path,
        address: &Address,
        archive: &Archive,
        options: &ReadOptions,
    ) -> Result<Option<Self>, FormatError> {
        let path = &*address.path;
        let member = archive.choose(address.part.as_deref())?;
        let (mut input, content) = member.open(path, name)?;
        match content {
            Some(Content::Npy) => {
                let mut place = npy::place(&mut input)?;
                place.units = npz::units(archive, path, member, place.shape.len())?;
                if member.deflated {
                    let bytes = member.unpack(path, name, options)?;
                    let found = bytes.len() as u64;
                    return Self::placed(name, Bytes::Memory(bytes), place, options)?
                        .ending(found)
                        .map(Some);
                }
                place.start = place.start.saturating_add(member.start);
                let bytes = Bytes::open(name, path)?;
                Self::placed(name, bytes, place, options)?.ending(member.end()).map(Some)
            }
            Some(Content::Tiff) => {
                let bytes = Bytes::Memory(member.unpack(path, name, options)?);
                tiff_places::open(name, bytes, &member.name, options).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Opens an array with contiguous values.
    fn placed(
        name: &Path,
        bytes: Bytes,
        place: Placed,
        options: &ReadOptions,
    ) -> Result<Self, FormatError> {
        let layout = Layout::of(name, &place.shape, options)?;
        let (sample, channel, axes) = layout.split(&place.strides());
        let places = Places::Strided { start: place.start, sample, channel, axes };
        let (count, units) = (layout.count(&place.shape), layout.units(place.units));
        let mut fields =
            Self::new(name, bytes, layout, count, (place.dtype, place.endian), places)?;
        fields.units = units;
        Ok(fields)
    }

    /// Refuses a file whose values do not end at byte `found`, because its shape would be another
    /// one.
    fn ending(self, found: u64) -> Result<Self, FormatError> {
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
    pub(crate) fn chunked(name: &Path, layout: Layout, count: usize, chunks: Chunks) -> Self {
        let dtype = chunks.meta.dtype;
        Self::of(name, layout, count, dtype, Values::InChunks(Box::new(chunks)))
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
            Values::InChunks(chunks) => chunks.packing = packing,
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
