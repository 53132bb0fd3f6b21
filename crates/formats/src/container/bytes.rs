//! The bytes of fields that are read by part: of an open file, of an unpacked archive
//! member, or of an object in a bucket.
//!
//! A packed member of an archive cannot be read from the middle. It is unpacked once and kept in
//! its stored type: a volume of bytes takes one byte a value instead of the four of `f32`.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::FormatError;
#[cfg(feature = "cloud")]
use crate::container::bucket::Bucket;

/// The source of blocks.
#[derive(Debug)]
pub(crate) enum Bytes {
    /// An open file.
    File(File),
    /// Unpacked bytes in memory.
    Memory(Vec<u8>),
    /// An object in a bucket, and its length.
    #[cfg(feature = "cloud")]
    Object(Bucket, u64),
}

impl Bytes {
    /// Opens a file; `name` is its name in messages.
    pub(crate) fn open(name: &Path, path: &Path) -> Result<Self, FormatError> {
        let failed = |source| FormatError::Read { path: name.into(), source };
        Ok(Self::File(File::open(path).map_err(failed)?))
    }

    /// Number of bytes.
    pub(crate) fn length(&self) -> io::Result<u64> {
        match self {
            Self::File(file) => Ok(file.metadata()?.len()),
            Self::Memory(bytes) => Ok(bytes.len() as u64),
            #[cfg(feature = "cloud")]
            Self::Object(_, length) => Ok(*length),
        }
    }

    /// Fills `to` with the bytes from `offset` on.
    pub(crate) fn read_at(&self, offset: u64, to: &mut [u8]) -> io::Result<()> {
        match self {
            Self::File(file) => read_exact_at(file, to, offset),
            Self::Memory(bytes) => {
                let from = usize::try_from(offset).ok();
                let range = from.and_then(|from| Some(from..from.checked_add(to.len())?));
                let found = range.and_then(|range| bytes.get(range));
                to.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
                Ok(())
            }
            #[cfg(feature = "cloud")]
            Self::Object(bucket, _) => {
                let bytes = bucket.part("", offset, to.len() as u64).map_err(io::Error::other)?;
                if bytes.len() != to.len() {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                to.copy_from_slice(&bytes);
                Ok(())
            }
        }
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

/// On Windows one call may read only a part, so it is repeated.
#[cfg(windows)]
fn read_exact_at(file: &File, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
    use std::os::windows::fs::FileExt;
    while !bytes.is_empty() {
        match file.seek_read(bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => {
                bytes = &mut bytes[n..];
                offset += n as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}
