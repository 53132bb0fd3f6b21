//! Reads one file of a folder as one field.

use std::path::Path;

use crate::archive::Archive;
use crate::bytes::Bytes;
use crate::content::Content;
use crate::input::Input;
use crate::layout::Layout;
use crate::placed::Placed;
use crate::read::file_name;
use crate::seekable::Seekable;
use crate::{FormatError, RawFields, ReadOptions, npy, npz, picture, tiff_pages, vti};

/// Whether a file may hold one array that is one field.
pub(crate) fn is_array(content: Content, name: &str) -> bool {
    match content {
        Content::Npy => true,
        // of the archives, only NumPy's
        Content::Zip => name.to_ascii_lowercase().ends_with(".npz"),
        Content::Xml => name.to_ascii_lowercase().ends_with(".vti"),
        _ => false,
    }
}

/// Reads all files of a folder in the same way as the first.
pub(crate) struct Read<'a> {
    options: &'a ReadOptions,
    /// Whether a TIFF is a volume whose pages are slices.
    volumes: Option<bool>,
}

impl<'a> Read<'a> {
    pub(crate) fn new(options: &'a ReadOptions) -> Self {
        Self { options, volumes: None }
    }

    /// Reads the field of a file.
    pub(crate) fn one(&mut self, file: &Path, content: Content) -> Result<RawFields, FormatError> {
        let flat =
            ReadOptions { dim: self.options.dim.filter(|d| *d != 3), ..self.options.clone() };
        let fields = match content {
            Content::Tiff => self.tiff(file, &flat)?,
            Content::Npy => Self::array(npy_of(file)?, self.options)?,
            Content::Zip => Self::array(npz_of(file)?, self.options)?,
            Content::Xml => vti::read(file, Seekable::file(file)?, None, self.options)?,
            _ => picture::read(Seekable::file(file)?, content, &file_name(file), &flat)?,
        };
        match fields.count() {
            1 => Ok(fields),
            n => Err(FormatError::Unsupported {
                path: file.into(),
                what: format!(
                    "{n} fields in a file of a folder, where each is one; read it by itself"
                ),
            }),
        }
    }

    fn tiff(&mut self, file: &Path, flat: &ReadOptions) -> Result<RawFields, FormatError> {
        let bytes = Bytes::open(file, file)?;
        let read =
            |options: &ReadOptions| tiff_pages::read(file, &bytes, &file_name(file), options);
        if self.volumes != Some(true) {
            let fields = read(flat)?;
            if fields.count() == 1 || self.volumes.is_some() || flat.dim == Some(2) {
                self.volumes = Some(false);
                return Ok(fields);
            }
        }
        self.volumes = Some(true);
        read(&ReadOptions { dim: Some(3), ..flat.clone() })
    }

    fn array(
        (input, place): (Input<'_>, Placed),
        options: &ReadOptions,
    ) -> Result<RawFields, FormatError> {
        let layout = Layout::of_one(input.path, &place.shape, options)?;
        place.read_as(layout, input, options)
    }
}

fn npy_of(file: &Path) -> Result<(Input<'_>, Placed), FormatError> {
    let mut input = Input::plain(file)?;
    let place = npy::place(&mut input)?;
    Ok((input, place))
}

fn npz_of(file: &Path) -> Result<(Input<'_>, Placed), FormatError> {
    let archive = Archive::open(file)?;
    let member = archive.choose(None)?;
    let (mut input, content) = member.open(file, file)?;
    if content != Some(Content::Npy) {
        return Err(FormatError::Unsupported {
            path: file.into(),
            what: format!("member {} is no NPY array", member.name),
        });
    }
    let mut place = npy::place(&mut input)?;
    place.units = npz::units(&archive, file, member, place.shape.len())?;
    Ok((input, place))
}
