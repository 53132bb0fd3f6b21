//! The one way out: fields to a file, by the ending of its name.
//!
//! Everything is written beside the target and renamed when complete: whoever looks sees the old
//! file, the new one, or none, never half of one.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::FormatError;
use crate::address::ending;
use crate::limits::ENDINGS;
use crate::write::checks::{check, check_form};
use crate::write::encoding::Encoding;
use crate::write::fields::FieldsRef;
use crate::write::options::{Precision, WriteOptions, Written};
use crate::write::pages::Pages;
use crate::write::staged::{place, staged_folder};
use crate::write::whole::{keep_names, name_folder};
use crate::write::writer::FieldWriter;

mod checks;
mod encoding;
pub(crate) mod fields;
pub(crate) mod form;
mod hdf5;
pub(crate) mod mesh;
pub(crate) mod montage;
pub(crate) mod npy;
mod npz;
pub(crate) mod options;
mod pages;
mod png;
mod raw;
pub(crate) mod staged;
mod tiff;
mod vti;
pub(crate) mod whole;
pub(crate) mod writer;
pub(crate) mod zarr;

/// Writes fields: `.npy`, `.npz`, `.vti`, `.tif`, `.zarr`, `.h5` and `.raw` as numbers, `.png` as a [`Montage`](crate::Montage) to be
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
        place(path, overwrite, |to| png::write(path, fields, &pages, 0, encoding, to))?;
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
        png::write(folder, fields, &pages, page, encoding, &mut to)?;
        to.flush().map_err(failed)?;
        to.get_ref().sync_all().map_err(failed)?;
    }
    keep_names(fresh.path()).map_err(failed)?;
    name_folder(fresh.path(), folder).map_err(failed)?;
    Ok(Written { count: fields.count(), range: encoding.range() })
}
