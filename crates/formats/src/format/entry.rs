//! What a format is to the rest of this crate, and what is handed to it.
//!
//! A format has a [`Format`]: how it is recognised, how it is opened, and where its files may lie.
//! Containers (archives, gzip, folders) have one too. They find the formats of what is in them by
//! the table that [`Found`] carries, so neither knows of the other.

use std::path::Path;

use crate::container::bytes::Bytes;
use crate::container::input::Input;
use crate::container::seekable::Seekable;
use crate::container::zip::archive::{Archive, Member};
use crate::fields::opened::Opened;
use crate::names::file_name;
use crate::{FormatError, ReadOptions};

/// Opens what was found. Missing values are NaN, and [`ReadOptions::offset`] alone is subtracted.
type Open = fn(&Found<'_>, &ReadOptions) -> Result<Opened, FormatError>;

/// One line of the table of formats.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Format {
    /// Its name in messages. No two formats have the same.
    pub(crate) name: &'static str,
    /// Whether what is seen is of this format.
    pub(crate) recognise: fn(&Seen<'_>) -> bool,
    /// Opens it.
    pub(crate) open: Open,
    /// What it is called in messages if nothing in it can be named behind a colon.
    pub(crate) one: Option<&'static str>,
    /// Whether blocks can be read while other values stay in the file. A format may still refuse
    /// some of its files.
    pub(crate) by_part: bool,
    /// The containers in which it is read.
    pub(crate) packed: Packed,
    /// What a file of a folder is.
    pub(crate) in_folder: InFolder,
}

/// Containers in which a format is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packed {
    /// None: it is a file or a folder.
    No,
    /// Zip archives, from which it is unpacked into memory.
    InZip,
    /// Zip archives and gzip: it is read from the first byte to the last.
    InStreams,
}

/// What a file is in a folder, each file of which is one field. The endings are in small letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InFolder {
    /// No field.
    No,
    /// A picture, and so is everything with these endings.
    Picture(&'static [&'static str]),
    /// A picture, or a volume of as many slices as it has pages.
    Pages(&'static [&'static str]),
    /// An array if it has one of these endings, or whatever its ending if there are none.
    Array(&'static [&'static str]),
}

/// What a format is recognised by.
#[derive(Debug)]
pub(crate) enum Seen<'a> {
    /// The first bytes of a file, at most [`HEAD`](crate::limits::HEAD), also of one in a container.
    Head(&'a [u8]),
    /// A file whose first bytes are those of no format.
    File(&'a Path),
    /// The directory of an archive.
    Archive(&'a Archive<'a>),
    /// A folder.
    Folder(&'a Path),
    /// An address in a bucket or on a server.
    #[cfg(feature = "cloud")]
    Remote(&'a Path),
}

/// Whether all values are wanted, or blocks of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of them, now.
    All,
    /// Blocks, later: values stay in their file. A format whose values cannot stay refuses.
    Blocks,
}

/// Something of a known format, and where it lies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found<'a> {
    /// What the user wrote: the source of the fields, and the name in messages.
    pub(crate) name: &'a Path,
    /// The file or folder.
    pub(crate) path: &'a Path,
    /// The part that was named behind a colon.
    pub(crate) part: Option<&'a str>,
    /// How its bytes are reached.
    pub(crate) place: Place<'a>,
    /// Whether it is one field of a folder.
    pub(crate) alone: bool,
    /// What is wanted of it.
    pub(crate) wanted: Wanted,
    /// The formats of what may lie in it.
    pub(crate) table: &'static [Format],
}

/// How bytes are reached.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place<'a> {
    /// They are those of a file.
    File,
    /// They come out of a gzip file.
    Gzip,
    /// They are a file of an archive.
    Member(&'a Archive<'a>, &'a Member),
    /// They are several files of an archive.
    Archive(&'a Archive<'a>),
    /// They are in files of a folder.
    Folder,
    /// They are in a bucket or on a server.
    #[cfg(feature = "cloud")]
    Remote,
}

/// The format of what is seen.
pub(crate) fn find(table: &'static [Format], seen: &Seen<'_>) -> Option<&'static Format> {
    table.iter().find(|format| (format.recognise)(seen))
}

impl Format {
    /// A format of files with named parts, which are read whole and from the disk alone.
    pub(crate) const fn new(
        name: &'static str,
        recognise: fn(&Seen<'_>) -> bool,
        open: Open,
    ) -> Self {
        let (packed, in_folder) = (Packed::No, InFolder::No);
        Self { name, recognise, open, one: None, by_part: false, packed, in_folder }
    }

    /// Whether both are the same format.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.name == other.name
    }

    /// Opens a file or a folder, if what is wanted of it can be had.
    pub(crate) fn admit(
        &self,
        found: &Found<'_>,
        options: &ReadOptions,
    ) -> Result<Opened, FormatError> {
        let no_part = found.part.zip(self.one);
        match (found.wanted, no_part) {
            (Wanted::Blocks, Some(_)) => Err(whole_only(found.name)),
            (Wanted::Blocks, None) if !self.by_part => Err(whole_only(found.name)),
            (Wanted::All, Some((part, one))) => Err(FormatError::Unsupported {
                path: found.path.into(),
                what: format!("{one} has no part {part:?} to name behind a colon"),
            }),
            _ => (self.open)(found, options),
        }
    }
}

impl<'a> Found<'a> {
    /// The bytes from the first to the last.
    pub(crate) fn input(&self) -> Result<Input<'a>, FormatError> {
        match self.place {
            Place::Gzip => Ok(Input::gzip(self.path)?.0),
            Place::Member(_, member) => Ok(member.open(self.path, self.name)?.0),
            _ => Input::plain(self.path),
        }
    }

    /// The bytes of a file in any order, unpacked if it lies in an archive.
    pub(crate) fn seekable(&self, options: &ReadOptions) -> Result<Seekable<'a>, FormatError> {
        match self.place {
            Place::Member(_, member) => {
                Ok(Seekable::memory(self.name, member.unpack(self.path, self.name, options)?))
            }
            _ => Seekable::file(self.path),
        }
    }

    /// The bytes from which values are read, unpacked if the file lies in an archive.
    pub(crate) fn bytes(&self, options: &ReadOptions) -> Result<Bytes, FormatError> {
        match self.place {
            Place::Member(_, member) => {
                Ok(Bytes::Memory(member.unpack(self.path, self.name, options)?))
            }
            _ => Bytes::open(self.name, self.path),
        }
    }

    /// Bytes of which as few as possible are in memory, and where the file begins and ends in them.
    pub(crate) fn stay(&self, options: &ReadOptions) -> Result<(Bytes, u64, u64), FormatError> {
        let failed = |source| FormatError::Read { path: self.path.into(), source };
        match self.place {
            Place::Member(_, member) if !member.deflated => {
                Ok((Bytes::open(self.name, self.path)?, member.start, member.end()))
            }
            _ => {
                let bytes = self.bytes(options)?;
                let end = bytes.length().map_err(failed)?;
                Ok((bytes, 0, end))
            }
        }
    }

    /// The name of the file, after which pictures are named.
    pub(crate) fn label(&self) -> String {
        match self.place {
            Place::Member(_, member) => member.name.clone(),
            _ => file_name(self.path),
        }
    }
}

/// The error for values that cannot stay in their file.
pub(crate) fn whole_only(name: &Path) -> FormatError {
    FormatError::Unsupported {
        path: name.into(),
        what: "only raw values, uncompressed NPY, NPZ and TIFF, state dicts, classic NetCDF and \
               Zarr can be read by part; read it whole"
            .into(),
    }
}
