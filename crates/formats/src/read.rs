//! The one way in: a path, and what its content says it is.

use std::fs::{File, Metadata};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::archive::Archive;
use crate::bytes::Bytes;
use crate::content::{Content, HEAD};
use crate::digits::Range;
use crate::input::{Input, head_of};
use crate::raw::RawNote;
use crate::seekable::Seekable;
use crate::tensors::Tensor;
use crate::zarr::Hierarchy;
use crate::zarr_store::Store;
use crate::{
    Address, FormatError, RawFields, ReadOptions, StoredFields, folder, idx, is_remote, mat,
    netcdf, npy, npz, picture, safetensors, tiff_pages, torch, vti,
};

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
    let address = Address::of(name);
    let path = &address.path;
    if is_remote(path) {
        return StoredFields::unfilled(name, options)?.load(options);
    }
    let kind = existing(path)?;
    if kind.is_dir() && Store::is_folder(path) {
        let part = address.part.as_deref();
        return Hierarchy::folder(path).open(name, path, part, options)?.load(options);
    }
    if kind.is_dir() {
        return match &address.part {
            None => folder::read(path, options),
            Some(part) => no_part(path, part, "a folder"),
        };
    }
    if let Some(note) = RawNote::of_address(&address)? {
        let mut fields = note.read(Input::plain(path)?, options)?;
        fields.source = name.into();
        return Ok(fields);
    }
    file(name, &address, options)
}

/// What the system knows of a file or folder that must be there.
pub(crate) fn existing(path: &Path) -> Result<Metadata, FormatError> {
    std::fs::metadata(path).map_err(|source| FormatError::Read { path: path.into(), source })
}

fn no_part(path: &Path, part: &str, what: &str) -> Result<RawFields, FormatError> {
    let what = format!("{what} has no part {part:?} to name behind a colon");
    Err(FormatError::Unsupported { path: path.into(), what })
}

/// A file that is known by its content.
fn file(name: &Path, address: &Address, options: &ReadOptions) -> Result<RawFields, FormatError> {
    let (path, part) = (&*address.path, address.part.as_deref());
    let head = head_of(path)?;
    let content = match Content::of(&head).or_else(|| behind_user_block(path)) {
        Some(content) => content,
        None if head.is_empty() => {
            return Err(FormatError::Empty { path: path.into(), what: "an empty file".into() });
        }
        None => {
            return match part.map(RawNote::parse) {
                Some(Err(what)) => Err(FormatError::Unsupported { path: path.into(), what }),
                _ => Err(FormatError::UnknownContent { path: path.into(), head }),
            };
        }
    };
    match (content, part) {
        (Content::Zip, _) => member(name, address, options),
        (Content::NetCdf, _) => netcdf::read(name, path, part, options),
        (Content::Hdf5, _) => hdf5(name, path, part, options),
        (Content::Mat, _) => mat::read(name, path, part, options),
        (Content::Safetensors, _) => {
            Tensor::open(safetensors::tensors(path)?, name, address, options)?.load(options)
        }
        (Content::OldTorch, _) => Err(torch::old(path)),
        (Content::Xml, _) => vti::read(name, Seekable::file(path)?, part, options),
        (_, Some(part)) => no_part(path, part, "a file of one array"),
        (Content::Idx, None) => idx::read(Input::plain(path)?, options),
        (Content::Npy, None) => npy::read(Input::plain(path)?, options),
        (Content::Gzip, None) => match Input::gzip(path)? {
            (input, Some(Content::Idx)) => idx::read(input, options),
            (input, Some(Content::Npy)) => npy::read(input, options),
            _ => Err(FormatError::Unsupported {
                path: path.into(),
                what: "of gzip files, only those with IDX or NPY inside are read; unpack it".into(),
            }),
        },
        (Content::Tiff, None) => {
            tiff_pages::read(path, &Bytes::open(path, path)?, &file_name(path), options)
        }
        (Content::Png | Content::Jpeg, None) => {
            picture::read(Seekable::file(path)?, content, &file_name(path), options)
        }
    }
}

/// A file in a zip archive.
fn member(name: &Path, address: &Address, options: &ReadOptions) -> Result<RawFields, FormatError> {
    let path = &*address.path;
    let archive = Archive::open(path)?;
    if let Some(hierarchy) = Hierarchy::in_archive(&archive) {
        let part = address.part.as_deref();
        return hierarchy.open(name, path, part, options)?.load(options);
    }
    if let Some(tensors) = torch::tensors(&archive)? {
        return Tensor::open(tensors, name, address, options)?.load(options);
    }
    let member = archive.choose(address.part.as_deref())?;
    let (input, content) = member.open(path, name)?;
    let unpacked = || member.unpack(path, name, options);
    let seekable = |bytes| Seekable::memory(name, bytes);
    match content {
        Some(Content::Npy) => {
            let mut input = input;
            let mut place = npy::place(&mut input)?;
            place.units = npz::units(&archive, path, member, place.shape.len())?;
            place.read(input, options)
        }
        Some(Content::Idx) => idx::read(input, options),
        Some(Content::Xml) => vti::read(name, seekable(unpacked()?), None, options),
        Some(Content::Tiff) => {
            tiff_pages::read(name, &Bytes::Memory(unpacked()?), &member.name, options)
        }
        Some(content @ (Content::Png | Content::Jpeg)) => {
            picture::read(seekable(unpacked()?), content, &member.name, options)
        }
        _ => Err(FormatError::Unsupported {
            path: path.into(),
            what: format!(
                "member {} is none of NPY, IDX, PNG, JPEG, TIFF, VTI; unpack the archive",
                member.name
            ),
        }),
    }
}

/// HDF5 may begin behind a block of the user's: of 512 bytes in every MATLAB 7.3 file.
fn behind_user_block(path: &Path) -> Option<Content> {
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    let places = std::iter::successors(Some(512u64), |at| at.checked_mul(2));
    for at in places.take_while(|at| *at < length) {
        let mut head = [0; HEAD];
        file.seek(SeekFrom::Start(at)).ok()?;
        let read = file.read(&mut head).ok()?;
        if Content::of(&head[..read]) == Some(Content::Hdf5) {
            return Some(Content::Hdf5);
        }
    }
    None
}

#[cfg(feature = "hdf5")]
fn hdf5(
    name: &Path,
    path: &Path,
    part: Option<&str>,
    options: &ReadOptions,
) -> Result<RawFields, FormatError> {
    crate::hdf5::read(name, path, part, options)
}

#[cfg(not(feature = "hdf5"))]
fn hdf5(_: &Path, path: &Path, _: Option<&str>, _: &ReadOptions) -> Result<RawFields, FormatError> {
    let what = "HDF5 and NetCDF-4 are read by the feature hdf5, which this build lacks".into();
    Err(FormatError::Unsupported { path: path.into(), what })
}

/// The last part of a path, for names of fields.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
