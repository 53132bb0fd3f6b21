//! The one way out: fields to a file, by the ending of its name.
//!
//! Everything is written beside the target and renamed when complete: whoever looks sees the old
//! file, the new one, or none, never half of one.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir};

use crate::encoding::Encoding;
use crate::pages::Pages;
use crate::whole::{file_beside, folder_beside, keep_names, name_file, name_folder};
use crate::{FieldWriter, FieldsRef, Form, FormatError, Montage, grey, is_remote, montage};

/// Endings that [`write()`] knows.
pub const ENDINGS: [&str; 10] =
    ["npy", "npz", "vti", "tif", "tiff", "zarr", "h5", "dream3d", "raw", "png"];

/// Precision of the numbers in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// Four bytes; what networks compute in. Eight where values differ so little from a large number
    /// that four would lose what they differ by.
    #[default]
    F32,
    /// Eight bytes.
    F64,
    /// One byte: labels, whole numbers from 0 to 255 as they are.
    U8,
    /// Two bytes: whole numbers from 0 to 65535 over [`WriteOptions::range`]. A PNG of this
    /// precision is one field and no montage.
    U16,
}

/// How to write.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WriteOptions {
    /// Whether an existing file may be replaced.
    pub overwrite: bool,
    /// Precision of the numbers; a montage has its own.
    pub precision: Precision,
    /// Values written as 0 and 65535 in [`Precision::U16`], those beyond clipped to them; if
    /// `None`, the smallest and the largest of all values.
    pub range: Option<(f64, f64)>,
    /// Arrangement of a montage; ignored by arrays.
    pub montage: Montage,
}

/// What was written, for the caller to say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Written {
    /// Fields in the file.
    pub count: usize,
    /// Values drawn as black and white in a picture, or written as 0 and 65535.
    pub range: Option<(f64, f64)>,
}

/// Writes fields: `.npy`, `.npz`, `.vti`, `.tif`, `.zarr`, `.h5` and `.raw` as numbers, `.png` as a [`Montage`] to be
/// looked at.
///
/// **Shape**
/// - NPY: `(N, axes…)` for one channel, `(N, C, axes…)` for more, little-endian, C order.
/// - NPZ: the same as array `fields`, and its array `spacing` where the spacing is known.
/// - VTI: an array a field, `field0`, `field1`, …, the last axis being VTK's x; channels are
///   components. Spacing is kept, and the origin lies half a spacing inside the box.
/// - TIFF: a page a field, or a page a slice of one volume; one channel or three; as floats, or
///   16-bit numbers in [`Precision::U16`]. Spacing is written as ImageJ writes it.
/// - Zarr 3 (`.zarr`, a folder): the array of NPY in shards of 16 MiB, with its spacing as attributes.
/// - HDF5 (`.h5`, `.dream3d`): DREAM.3D's layout, an array a field, `field0`, `field1`, …, of shape
///   `(z, y, x, C)` in `/DataContainers/ImageDataContainer/CellData`.
/// - Raw: the numbers of NPY and nothing else, and beside them `NAME.raw.toml`, which says what they are.
/// - PNG in [`Precision::U16`]: one field; [`write_pictures`] writes many.
///
/// **Errors** [`FormatError::UnknownEnding`]; [`FormatError::Exists`] unless
/// [`WriteOptions::overwrite`]; [`FormatError::Write`] where the system refuses;
/// [`FormatError::NonFinite`] for a value that is not finite in the precision asked for;
/// [`FormatError::Empty`] for no field; [`FormatError::Parameter`] for a montage or a range that
/// cannot be, and for channels or fields that the format does not hold.
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Ensemble, Grid};
/// use karhunen_formats::{ReadOptions, WriteOptions, read, write};
/// let fields = Ensemble::zeros(Grid::unit(&[5, 7], Boundary::Neumann)?, 1, 3);
/// let path = std::env::temp_dir().join(format!("zeros-{}.npy", std::process::id()));
/// write(&path, &fields, &WriteOptions { overwrite: true, ..WriteOptions::default() })?;
/// assert_eq!(read(&path, &ReadOptions::default())?.points, [5, 7]);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write<'a>(
    path: impl AsRef<Path>,
    fields: impl Into<FieldsRef<'a>>,
    options: &WriteOptions,
) -> Result<Written, FormatError> {
    let (path, fields) = (path.as_ref(), fields.into());
    let (form, ending) = (fields.form(), ending(path));
    check_form(path, &form, options.overwrite)?;
    let overwrite = options.overwrite;
    if ending == "png" && options.precision != Precision::U16 {
        let picture = montage::draw(path, fields, &options.montage)?;
        place(path, overwrite, |to| picture.encode(path, to))?;
        return Ok(Written { count: picture.shown, range: Some(picture.range) });
    }
    let encoding = Encoding::of(path, fields, options)?;
    if ending == "png" {
        let pages = Pages::of(&form, "a PNG")?;
        if pages.count > 1 {
            return Err(FormatError::Parameter {
                parameter: "fields",
                value: pages.count.to_string(),
                requirement: "a PNG of 16 bits holds one; write one file a field, or .tif".into(),
            });
        }
        place(path, overwrite, |to| grey::write(path, fields, &pages, 0, encoding, to))?;
        return Ok(Written { count: fields.count(), range: encoding.range() });
    }
    let mut writer = FieldWriter::with(path, &form, encoding, overwrite)?;
    writer.push(fields)?;
    writer.finish()
}

/// Refuses fields that the format of a name cannot hold, before they are made: `count` fields of
/// dimension `dim` with `channels` channels, written by [`write()`] with its default options.
///
/// # Errors
/// [`FormatError::UnknownEnding`]; [`FormatError::Empty`] for no field; [`FormatError::Parameter`]
/// for channels or fields that a TIFF does not hold.
pub fn check_shape(
    path: &Path,
    dim: usize,
    channels: usize,
    count: usize,
) -> Result<(), FormatError> {
    let ending = ending(path);
    if !ENDINGS.contains(&ending.as_str()) {
        return Err(FormatError::UnknownEnding { path: path.into() });
    }
    if count == 0 {
        return Err(FormatError::Empty { path: path.into(), what: "no field to write".into() });
    }
    match ending.as_str() {
        "tif" | "tiff" => Pages::admit(dim, channels, count, "a TIFF"),
        _ => Ok(()),
    }
}

/// Writes a folder of 16-bit PNG files: one a field, or one a slice of a single volume.
///
/// Files are named `field0.png`, `field1.png`, …, with as many digits as the last one needs, so that
/// [`read()`](crate::read()) finds a stack. All share one range, [`WriteOptions::range`]. The folder
/// appears when it is complete.
///
/// **Errors** As [`write()`]; [`FormatError::Exists`] also with [`WriteOptions::overwrite`], since
/// a folder is not replaced.
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Ensemble, Grid};
/// use karhunen_formats::{ReadOptions, WriteOptions, read, write_pictures};
/// let values = (0..24).map(f64::from).collect();
/// let fields = Ensemble::new(Grid::unit(&[2, 3], Boundary::Neumann)?, 1, values)?;
/// let folder = std::env::temp_dir().join(format!("pictures-{}", std::process::id()));
/// let written = write_pictures(&folder, &fields, &WriteOptions::default())?;
/// assert_eq!(written.range, Some((0.0, 23.0)));
/// let back = read(&folder, &ReadOptions::default())?;
/// assert_eq!((back.count(), back.values[23]), (4, 65535.0));
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_pictures<'a>(
    folder: impl AsRef<Path>,
    fields: impl Into<FieldsRef<'a>>,
    options: &WriteOptions,
) -> Result<Written, FormatError> {
    let (folder, fields) = (folder.as_ref(), fields.into());
    check(folder, fields.len(), false)?;
    let options = WriteOptions { precision: Precision::U16, ..options.clone() };
    let encoding = Encoding::of(folder, fields, &options)?;
    let pages = Pages::of(&fields.form(), "a folder of pictures")?;
    let failed = |source| FormatError::Write { path: folder.into(), source };
    let fresh = staged_folder(folder)?;
    let digits = (pages.count - 1).to_string().len();
    for page in 0..pages.count {
        let file = fresh.path().join(format!("field{page:0digits$}.png"));
        let mut to = BufWriter::new(File::create(file).map_err(failed)?);
        grey::write(folder, fields, &pages, page, encoding, &mut to)?;
        to.flush().map_err(failed)?;
        to.get_ref().sync_all().map_err(failed)?;
    }
    keep_names(fresh.path()).map_err(failed)?;
    name_folder(fresh.path(), folder).map_err(failed)?;
    Ok(Written { count: fields.count(), range: encoding.range() })
}

/// What to say of an address where there is no way to it.
#[cfg(not(feature = "cloud"))]
pub(crate) fn without_cloud(path: &Path) -> FormatError {
    let what = "this program was built without `--features cloud`, which knows buckets and servers";
    FormatError::Bucket { path: path.into(), what: what.into() }
}

/// The ending of a name, in small letters.
pub(crate) fn ending(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase()
}

/// Refuses what the format of a name could not hold, and a file in the way.
pub(crate) fn check_form(path: &Path, form: &Form, overwrite: bool) -> Result<(), FormatError> {
    if !ENDINGS.contains(&ending(path).as_str()) {
        return Err(FormatError::UnknownEnding { path: path.into() });
    }
    if !(1..=3).contains(&form.points.len()) {
        return Err(FormatError::Parameter {
            parameter: "points",
            value: format!("{:?}", form.points),
            requirement: "fields have 1 to 3 axes".into(),
        });
    }
    if is_remote(path) {
        crate::address::check(path)?;
        #[cfg(not(feature = "cloud"))]
        return Err(without_cloud(path));
        #[cfg(feature = "cloud")]
        if ending(path) != "zarr" {
            let what = "only Zarr is written to buckets; end the name in .zarr".into();
            return Err(FormatError::Bucket { path: path.into(), what });
        }
    }
    check(path, form.len(), overwrite)
}

/// Refuses what no format could write.
fn check(path: &Path, values: usize, overwrite: bool) -> Result<(), FormatError> {
    if values == 0 {
        return Err(FormatError::Empty { path: path.into(), what: "no field to write".into() });
    }
    if !overwrite && path.exists() {
        return Err(FormatError::Exists { path: path.into() });
    }
    Ok(())
}

/// Runs `fill` on a new file beside `path` and gives it that name once it is complete.
pub(crate) fn place(
    path: &Path,
    overwrite: bool,
    fill: impl FnOnce(&mut BufWriter<NamedTempFile>) -> Result<(), FormatError>,
) -> Result<(), FormatError> {
    let mut staged = Staged::new(path, overwrite)?;
    fill(&mut staged.buffer)?;
    staged.place()
}

/// A file beside the place where it will be; gone with this value unless it is placed.
pub(crate) struct Staged {
    pub(crate) buffer: BufWriter<NamedTempFile>,
    pub(crate) path: PathBuf,
    pub(crate) overwrite: bool,
}

impl Staged {
    /// A new file for a place.
    pub(crate) fn new(path: &Path, overwrite: bool) -> Result<Self, FormatError> {
        let failed = |source| FormatError::Write { path: path.into(), source };
        let file = file_beside(path).map_err(failed)?;
        Ok(Self { buffer: BufWriter::new(file), path: path.into(), overwrite })
    }

    /// Gives the file its name.
    pub(crate) fn place(self) -> Result<(), FormatError> {
        let Self { mut buffer, path, overwrite } = self;
        let failed = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::AlreadyExists => FormatError::Exists { path: path.clone() },
            _ => FormatError::Write { path: path.clone(), source },
        };
        buffer.flush().map_err(failed)?;
        let (file, _) = buffer.into_parts();
        name_file(file, &path, overwrite).map_err(failed)
    }
}

/// A folder beside the place where it will be; gone with this value unless it is placed.
pub(crate) fn staged_folder(path: &Path) -> Result<TempDir, FormatError> {
    folder_beside(path).map_err(|source| FormatError::Write { path: path.into(), source })
}
