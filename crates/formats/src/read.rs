//! The one way in: a path, and what its content says it is.

use std::path::Path;

use crate::content::Content;
use crate::input::{Input, head_of};
use crate::picture::Picture;
use crate::{FormatError, RawFields, ReadOptions, folder, idx, npy, picture, tiff_pages};

/// Reads fields from a file or a folder of pictures.
///
/// - IDX and NPY, plain or in gzip: many fields. What the axes mean is decided by
///   [`ReadOptions`]; by default `(N, axis0, …)`, a four-axis NPY being `(N, C, H, W)` if its
///   second axis is at most 4 and `(N, D, H, W)` otherwise, a five-axis one `(N, C, D, H, W)`.
/// - PNG, JPEG: one field. TIFF: one field a page. Grey has one channel, RGB three; alpha is
///   dropped if every pixel is opaque.
/// - A folder: its PNG, JPEG and one-page TIFF files in natural order (`img2` before `img10`).
///   Hidden files are skipped; subfolders and other files are named in the notes. A picture with
///   exactly the values of an earlier one is dropped. Where most names differ by one number only
///   (`img001.png`, `img002.png`, …) the folder is a stack: numbers become positions, and
///   pictures without one are left out, since they may repeat a slice; the notes name both.
/// - With `dim = 3`, a folder or a TIFF is one volume, its slices the slowest axis; duplicates
///   stay, and a stack with holes is refused.
///
/// **Unit** The file's own: nothing is scaled to [0, 1].
///
/// **Errors** Any [`FormatError`] about reading: sizes beyond the limit, files that are longer or
/// shorter than they say, shapes that do not agree, values that are not finite.
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
    let path = path.as_ref();
    options.check()?;
    let kind = std::fs::metadata(path)
        .map_err(|source| FormatError::Read { path: path.into(), source })?;
    if kind.is_dir() {
        return folder::read(path, options);
    }
    let head = head_of(path)?;
    let unknown = |head| Err(FormatError::UnknownContent { path: path.into(), head });
    let unsupported =
        |what: &str| Err(FormatError::Unsupported { path: path.into(), what: what.into() });
    match Content::of(&head) {
        Some(Content::Idx) => idx::read(Input::plain(path)?, options),
        Some(Content::Npy) => npy::read(Input::plain(path)?, options),
        Some(Content::Gzip) => match Input::gzip(path)? {
            (input, Some(Content::Idx)) => idx::read(input, options),
            (input, Some(Content::Npy)) => npy::read(input, options),
            _ => {
                unsupported("of gzip files, only those with IDX or NPY inside are read; unpack it")
            }
        },
        Some(Content::Zip) => unsupported("zip archives (.npz too) are not read; unpack it"),
        Some(content @ (Content::Png | Content::Jpeg)) => {
            let picture = picture::read(path, content, options)?;
            pictures(path, vec![(file_name(path), picture)], options)
        }
        Some(Content::Tiff) => {
            let pages = tiff_pages::read(path, options)?;
            let name = file_name(path);
            let several = pages.len() > 1;
            let named = pages.into_iter().enumerate().map(|(page, picture)| {
                (if several { format!("{name}#{page}") } else { name.clone() }, picture)
            });
            pictures(path, named.collect(), options)
        }
        None if head.is_empty() => {
            Err(FormatError::Empty { path: path.into(), what: "an empty file".into() })
        }
        None => unknown(head),
    }
}

/// Pictures of one shape as fields, or as one volume if `dim = 3`.
pub(crate) fn pictures(
    path: &Path,
    pictures: Vec<(String, Picture)>,
    options: &ReadOptions,
) -> Result<RawFields, FormatError> {
    let refuse = |shape: [usize; 3], requirement: String| {
        Err(FormatError::Layout {
            path: path.into(),
            shape: shape.map(|n| n as u64).into(),
            requirement,
        })
    };
    let (first_name, first) = &pictures[0];
    let (channels, dtype) = (first.channels, first.dtype);
    let points = vec![first.height, first.width];
    let shape = [channels, first.height, first.width];
    if let Some(asked) = options.channels.filter(|&c| c != channels) {
        return refuse(shape, format!("channels = {asked} asked for, {channels} found"));
    }
    if options.dim == Some(1) {
        return refuse(shape, "pictures have dim 2, a stack of them 3, not 1".into());
    }
    let place = |name: &str| path.with_file_name(name);
    for (name, picture) in &pictures {
        Picture::agree((&place(first_name), first), (&place(name), picture))?;
    }
    let count =
        options.admit(path, shape.map(|n| n as u64).into_iter().chain([pictures.len() as u64]))?;
    let mut values = Vec::with_capacity(count);
    let mut items = Vec::with_capacity(pictures.len());
    for (name, picture) in pictures {
        values.extend(picture.values);
        items.push(name);
    }
    let mut fields = RawFields::array(path, points, channels, values, dtype)?;
    fields.items = items;
    Ok(if options.dim == Some(3) { fields.into_volume() } else { fields })
}

/// The last part of a path, for names of fields.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
