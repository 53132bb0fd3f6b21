//! The one way in: an address, and what lies there.
//!
//! What lies there is looked up in the table of formats, [`FORMATS`]; what is done with it is the
//! business of its format.

use std::path::Path;

use crate::address::{Address, is_remote};
use crate::container::plain::{existing, head_of};
use crate::digits::Range;
use crate::fields::opened::Opened;
use crate::fields::source::FieldSource;
use crate::fields::stored::StoredFields;
use crate::format::FORMATS;
use crate::format::entry::{Found, Place, Seen, Wanted, find, whole_only};
use crate::format::raw::RawNote;
use crate::{FormatError, RawFields, ReadOptions};

/// Reads fields from a file, a part of a file, or a folder of pictures.
///
/// - IDX and NPY, plain or in gzip: many fields. What the axes mean is decided by
///   [`ReadOptions`]; by default `(N, axis0, …)`, a four-axis NPY being `(N, C, H, W)` if its
///   second axis is at most 4 and `(N, D, H, W)` otherwise, a five-axis one `(N, C, D, H, W)`.
/// - NPZ: one array by name (`run.npz:density`), or the only one beside `spacing`; read as NPY.
/// - Raw values: `scan.raw:400x400x400:u16:le`, slowest axis first, or with a file
///   `scan.raw.toml` beside it (`shape`, `dtype`, `endian`, `order`, `skip`, `spacing`, `unit`);
///   read as NPY. In the name also `:F`, `:skip=512`, `:spacing=2x2x2`, `:unit=um`.
/// - NetCDF, classic and 4, and HDF5: one variable or dataset by name (`flow.nc:t`,
///   `sim.h5:/fields/rho`), or the only one of two axes or more; read as NPY. Packed values are
///   unpacked, missing ones refused, evenly spaced coordinates become the spacing.
/// - MATLAB 5 (`.mat`): one variable by name (`darcy.mat:coeff`), or the only one of two axes or more;
///   axes as MATLAB's `size` tells them. Files of `-v7.3` are HDF5, in the same order.
/// - Zarr, versions 2 and 3, a folder or a zip: one array by its path (`scan.zarr:images/0`), or the
///   only one of two axes or more; read as NPY. Chunks that were never written have the fill value.
///   Spacing is read from OME-NGFF, coordinates, or the attribute `spacing`.
/// - State dicts, PyTorch's `.pt` (nothing in them is run) and safetensors: one tensor of real numbers
///   by name (`darcy.pt:x`), or the only one of two axes or more; read as NPY.
/// - VTI: one array of points or cells by name (`flow.vti:p`), the only one, or a series
///   `field0`, `field1`, …; `[Z, Y, X]`, flat boxes `[Y, X]`; with `dim = 2` a box is a stack.
/// - PNG, JPEG: one field. TIFF: one field a page; where ImageJ, OME or tifffile name axes, channels
///   become channels, times and slices fields. Grey has one channel, RGB three; alpha is dropped if
///   every pixel is opaque; of a palette the numbers are read. Orientations are followed.
/// - Zip: any of these files by name (`scan.zip:stack.tif`), or the only one, except NetCDF and
///   HDF5.
/// - A folder: its PNG, JPEG and TIFF files in natural order (`img2` before `img10`); of a folder
///   without pictures, its NPY, NPZ and VTI files of one array. Each file is one field, a TIFF of many
///   pages a volume. Hidden files are skipped; subfolders and other files are named in the notes, and
///   so are files with exactly the values of an earlier one. Where most names differ by one number
///   only (`img001.png`, `img002.png`, …) the folder is a stack: numbers become positions, and
///   files without one are left out, since they may repeat a slice; the notes name both.
/// - With `dim = 3`, a folder of pictures is one volume, its slices the slowest axis, and so is a TIFF
///   (of several times, one a time); a stack with holes is refused.
///
/// **Unit** The file's own: nothing is scaled to [0, 1]. Spacing and units are kept beside the
/// values where a file tells them.
///
/// **Choosing** A volume of which only patches are wanted need not be read at all:
/// [`StoredFields`](crate::StoredFields).
///
/// **Errors** Any [`FormatError`] about reading: sizes beyond the limit, files that are longer or
/// shorter than they say, shapes that do not agree, values that are infinite, values that are missing
/// unless [`ReadOptions::missing`] says what becomes of them.
///
/// # Example
/// ```
/// use karhunen_formats::{ReadOptions, read};
/// let path = std::env::temp_dir().join(format!("two-fields-{}.idx", std::process::id()));
/// // unsigned bytes, two axes: 2 fields of 3 points
/// std::fs::write(&path, [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 10, 20, 30, 40, 50, 255])?;
/// let fields = read(&path, &ReadOptions::default())?;
/// assert_eq!((fields.count(), &fields.points[..]), (2, &[3][..]));
/// assert_eq!(fields.values[5], 255.0);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read(path: impl AsRef<Path>, options: &ReadOptions) -> Result<RawFields, FormatError> {
    options.check()?;
    fine(path.as_ref(), options)?.treat_missing(options.missing)
}

/// Opens the fields that [`read()`] reads. They stay in their file if its format allows it; others are read.
///
/// **Cost** That of [`StoredFields::open`], or that of [`read()`].
///
/// **Errors** Those of [`read()`].
///
/// # Example
/// ```
/// use karhunen_formats::{ReadOptions, open};
/// let path = std::env::temp_dir().join(format!("opened-{}.raw", std::process::id()));
/// std::fs::write(&path, (0..60).collect::<Vec<u8>>())?;
/// let volume = ReadOptions { dim: Some(3), ..ReadOptions::default() };
/// let fields = open(format!("{}:3x4x5:u8", path.display()), &volume)?;
/// let mut line = Vec::new();
/// fields.block(0, &[2, 0, 0], &[1, 1, 5], &mut line)?;
/// assert_eq!(line, [40.0, 41.0, 42.0, 43.0, 44.0]);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn open(
    path: impl AsRef<Path>,
    options: &ReadOptions,
) -> Result<Box<dyn FieldSource>, FormatError> {
    opened(path.as_ref(), options).map(Opened::boxed)
}

/// As [`open`], of either kind.
pub(crate) fn opened(name: &Path, options: &ReadOptions) -> Result<Opened, FormatError> {
    match StoredFields::open(name, options) {
        Ok(fields) => Ok(Opened::Stored(fields)),
        // a format that is only read completely, or an unknown one: the reader decides
        Err(FormatError::Unsupported { .. }) => read(name, options).map(Opened::Memory),
        Err(error) => Err(error),
    }
}

impl StoredFields {
    /// Opens a file without reading its values.
    ///
    /// # Errors
    /// [`FormatError::Unsupported`] for a format that cannot be read by part; otherwise the errors
    /// of [`read()`](crate::read()). [`ReadOptions::limit_bytes`] applies to what is loaded: a packed
    /// member, one chunk of an array in chunks, and, of doubles and wide integers, one slice of a
    /// field, from which the offset is estimated.
    pub fn open(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Self, FormatError> {
        options.check()?;
        let name = path.as_ref();
        match find_and_open(name, Wanted::Blocks, options)? {
            Opened::Stored(fields) => fields.treated(options),
            Opened::Memory(_) => Err(whole_only(name)),
        }
    }
}

/// As [`fields`], with an offset where single precision would lose the values' digits.
fn fine(name: &Path, options: &ReadOptions) -> Result<RawFields, FormatError> {
    let mut read = fields(name, options)?;
    if options.offset != 0.0 {
        read.offset = options.offset;
        return Ok(read);
    }
    let mut range = Range::new();
    range.extend(&read.values);
    let Some(offset) = range.offset(read.dtype) else { return Ok(read) };
    drop(read.values);
    let mut again = fields(name, &ReadOptions { offset, ..options.clone() })?;
    again.offset = offset;
    Ok(again)
}

/// As [`read`], missing values being NaN.
fn fields(name: &Path, options: &ReadOptions) -> Result<RawFields, FormatError> {
    find_and_open(name, Wanted::All, options)?.load(options)
}

/// Finds what lies at an address, and has its format open it. Missing values are NaN.
fn find_and_open(
    name: &Path,
    wanted: Wanted,
    options: &ReadOptions,
) -> Result<Opened, FormatError> {
    let address = Address::of(name);
    let (path, part) = (&*address.path, address.part.as_deref());
    let place = Place::File;
    let found = Found { name, path, part, place, alone: false, wanted, table: FORMATS };
    if is_remote(path) {
        return remote(found, options);
    }
    if existing(path)?.is_dir() {
        let found = Found { place: Place::Folder, ..found };
        let format = find(FORMATS, &Seen::Folder(path));
        return format.ok_or_else(|| whole_only(name))?.admit(&found, options);
    }
    // raw values have no content to be known by
    if let Some(note) = RawNote::of_address(&address)? {
        return note.open(&found, options);
    }
    let head = head_of(path)?;
    match find(FORMATS, &Seen::Head(&head)).or_else(|| find(FORMATS, &Seen::File(path))) {
        Some(format) => format.admit(&found, options),
        None => Err(unknown(&found, head)),
    }
}

/// The error for a file of no known format.
fn unknown(found: &Found<'_>, head: Vec<u8>) -> FormatError {
    let path = found.path.into();
    match found.part.map(RawNote::parse) {
        _ if found.wanted == Wanted::Blocks => whole_only(found.name),
        _ if head.is_empty() => FormatError::Empty { path, what: "an empty file".into() },
        Some(Err(what)) => FormatError::Unsupported { path, what },
        _ => FormatError::UnknownContent { path, head },
    }
}

/// Fields in a bucket or on a server.
#[cfg(feature = "cloud")]
fn remote(found: Found<'_>, options: &ReadOptions) -> Result<Opened, FormatError> {
    let found = Found { place: Place::Remote, ..found };
    let format = find(FORMATS, &Seen::Remote(found.path));
    (format.ok_or_else(|| whole_only(found.name))?.open)(&found, options)
}

/// Refused: this program knows no buckets.
#[cfg(not(feature = "cloud"))]
fn remote(found: Found<'_>, _: &ReadOptions) -> Result<Opened, FormatError> {
    crate::address::check(found.path)?;
    Err(crate::address::without_cloud(found.path))
}
