//! One open array file, plain, in gzip or in an archive: a header in small pieces, then all values.
//!
//! Lengths are checked as early as they can be known: those of a plain file before any value is
//! read; those of a compressed one while decompressing, which stops where the header says the
//! values end. A header can therefore neither claim memory that its file does not fill, nor can a
//! small file unpack without end.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::cf::Packing;
use crate::dtype::{Endian, SourceType};
use crate::limits::{DEFLATE_RATIO, HEAD};
use crate::{FormatError, ReadOptions};

/// Numbers decoded at a time.
const CHUNK: usize = 1 << 16;

/// An array file that is being read.
pub(crate) struct Input<'a> {
    pub(crate) path: &'a Path,
    reader: Box<dyn Read>,
    /// Bytes handed out so far.
    offset: u64,
    /// Bytes of a plain file.
    length: Option<u64>,
    /// Bytes there can be at most.
    at_most: u64,
}

impl<'a> Input<'a> {
    /// Opens a file that is not compressed.
    pub(crate) fn plain(path: &'a Path) -> Result<Self, FormatError> {
        let failed = |source| FormatError::Read { path: path.into(), source };
        let file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let reader = Box::new(BufReader::new(file));
        Ok(Self { path, reader, offset: 0, length: Some(length), at_most: length })
    }

    /// Opens a gzip file; also the first bytes of what is inside.
    pub(crate) fn gzip(path: &'a Path) -> Result<(Self, Vec<u8>), FormatError> {
        let failed = |source| FormatError::Read { path: path.into(), source };
        let file = File::open(path).map_err(failed)?;
        let at_most = file.metadata().map_err(failed)?.len().saturating_mul(DEFLATE_RATIO);
        Self::unpacking(path, BufReader::new(MultiGzDecoder::new(BufReader::new(file))), at_most)
    }

    /// What comes out of a decompressor, at most so many bytes; also the first of them.
    pub(crate) fn unpacking(
        path: &'a Path,
        mut unpacked: impl Read + 'static,
        at_most: u64,
    ) -> Result<(Self, Vec<u8>), FormatError> {
        let mut head = Vec::with_capacity(HEAD);
        let read = unpacked.by_ref().take(HEAD as u64).read_to_end(&mut head);
        match read {
            Ok(_) => {}
            // what could be unpacked is judged like any short file
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {}
            Err(source) => return Err(FormatError::Read { path: path.into(), source }),
        }
        let reader = Box::new(Cursor::new(head.clone()).chain(unpacked));
        Ok((Self { path, reader, offset: 0, length: None, at_most }, head))
    }

    /// Passes over `count` bytes that are no values.
    pub(crate) fn skip(&mut self, count: u64) -> Result<(), FormatError> {
        let expected = self.offset.saturating_add(count);
        let mut bytes = vec![0; CHUNK];
        while self.offset < expected {
            let length = (expected - self.offset).min(CHUNK as u64) as usize;
            self.fill(&mut bytes[..length], expected)?;
        }
        Ok(())
    }

    /// Where the next byte stands.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next `count` bytes of a header.
    pub(crate) fn header(&mut self, count: usize) -> Result<Vec<u8>, FormatError> {
        let mut bytes = vec![0; count];
        let expected = self.offset + count as u64;
        self.fill(&mut bytes, expected)?;
        Ok(bytes)
    }

    /// A [`FormatError::Header`] at `offset`.
    pub(crate) fn bad_header(&self, offset: u64, what: impl Into<String>) -> FormatError {
        FormatError::Header { path: self.path.into(), offset, what: what.into() }
    }

    /// All values of an array of `shape` in double precision, NaN among them; no values for an empty one.
    pub(crate) fn wide_values(
        &mut self,
        shape: &[u64],
        dtype: SourceType,
        endian: Endian,
        options: &ReadOptions,
    ) -> Result<Vec<f64>, FormatError> {
        if shape.contains(&0) {
            return Ok(Vec::new());
        }
        let count = options.admit(self.path, shape.iter().copied())?;
        let expected = self.offset.saturating_add(count as u64 * dtype.size() as u64);
        if expected > self.at_most {
            let found = self.at_most;
            return Err(FormatError::Truncated { path: self.path.into(), expected, found });
        }
        Ok(dtype.decode_wide(&self.header(count * dtype.size())?, endian))
    }

    /// All values of an array of `shape`, which must end where the file ends.
    pub(crate) fn values(
        mut self,
        shape: &[u64],
        dtype: SourceType,
        endian: Endian,
        options: &ReadOptions,
    ) -> Result<Vec<f32>, FormatError> {
        let count = options.admit(self.path, shape.iter().copied())?;
        let expected = self.offset.saturating_add(count as u64 * dtype.size() as u64);
        if expected > self.at_most {
            // a gzip file that cannot hold this much is unpacked to say how much it does hold
            let found = match self.length {
                Some(length) => length,
                None => self.offset + self.rest()?,
            };
            return Err(FormatError::Truncated { path: self.path.into(), expected, found });
        }
        if self.length.is_some_and(|length| length > expected) {
            return Err(FormatError::Trailing { path: self.path.into(), expected });
        }
        let mut values = Vec::new();
        values.try_reserve_exact(count).map_err(|e| FormatError::Read {
            path: self.path.into(),
            source: io::Error::new(io::ErrorKind::OutOfMemory, e),
        })?;
        let mut bytes = vec![0; count.min(CHUNK) * dtype.size()];
        while values.len() < count {
            let length = (count - values.len()).min(CHUNK) * dtype.size();
            self.fill(&mut bytes[..length], expected)?;
            match Packing::less(None, options.offset) {
                None => dtype.decode(&bytes[..length], endian, &mut values),
                Some(less) => less.decode(&bytes[..length], (dtype, endian), &mut values),
            }
        }
        // reaching the end also makes gzip verify its checksum, which may be missing
        match self.read(&mut [0]) {
            Ok(0) => Ok(values),
            Ok(_) => Err(FormatError::Trailing { path: self.path.into(), expected }),
            Err(source) => Err(FormatError::Read { path: self.path.into(), source }),
        }
    }

    fn fill(&mut self, bytes: &mut [u8], expected: u64) -> Result<(), FormatError> {
        let mut filled = 0;
        while filled < bytes.len() {
            match self.read_some(&mut bytes[filled..])? {
                0 => {
                    let found = self.offset;
                    return Err(FormatError::Truncated { path: self.path.into(), expected, found });
                }
                n => filled += n,
            }
        }
        Ok(())
    }

    /// Bytes up to the end, read and forgotten.
    fn rest(&mut self) -> Result<u64, FormatError> {
        let (mut bytes, start) = (vec![0; CHUNK], self.offset);
        while self.read_some(&mut bytes)? > 0 {}
        Ok(self.offset - start)
    }

    /// Some bytes; 0 at the end, also where a gzip stream breaks off.
    fn read_some(&mut self, bytes: &mut [u8]) -> Result<usize, FormatError> {
        match self.read(bytes) {
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
            read => read.map_err(|source| FormatError::Read { path: self.path.into(), source }),
        }
    }

    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.reader.read(bytes) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                read => {
                    self.offset += *read.as_ref().unwrap_or(&0) as u64;
                    return read;
                }
            }
        }
    }
}
