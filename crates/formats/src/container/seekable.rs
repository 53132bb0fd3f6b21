//! A file, or an unpacked archive member, for decoders that seek.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Seek};
use std::path::Path;

use crate::FormatError;

/// The trait that decoders of pictures need.
pub(crate) trait ReadSeek: BufRead + Seek {}

impl<T: BufRead + Seek> ReadSeek for T {}

/// An open file with its length.
pub(crate) struct Seekable<'a> {
    /// The path for messages.
    pub(crate) path: &'a Path,
    pub(crate) reader: Box<dyn ReadSeek>,
    pub(crate) length: u64,
}

impl<'a> Seekable<'a> {
    /// Opens a file.
    pub(crate) fn file(path: &'a Path) -> Result<Self, FormatError> {
        let failed = |source| FormatError::Read { path: path.into(), source };
        let file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        Ok(Self { path, reader: Box::new(BufReader::new(file)), length })
    }

    /// The unpacked bytes of an archive member.
    pub(crate) fn memory(path: &'a Path, bytes: Vec<u8>) -> Self {
        let length = bytes.len() as u64;
        Self { path, reader: Box::new(Cursor::new(bytes)), length }
    }

    /// All bytes; an error if there are more than `limit`.
    pub(crate) fn bytes(mut self, limit: u64) -> Result<Vec<u8>, FormatError> {
        let Self { path, length, .. } = self;
        if length > limit {
            return Err(FormatError::TooLarge { path: path.into(), bytes: length.into(), limit });
        }
        let mut bytes = Vec::new();
        self.reader
            .read_to_end(&mut bytes)
            .map_err(|source| FormatError::Read { path: path.into(), source })?;
        Ok(bytes)
    }
}
