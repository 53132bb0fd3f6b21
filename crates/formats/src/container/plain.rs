//! Files and folders as the system has them: whether they are there, and how they begin.

use std::fs::{File, Metadata};
use std::io::Read;
use std::path::Path;

use crate::FormatError;
use crate::limits::HEAD;

/// What the system knows of a file or folder that must be there.
pub(crate) fn existing(path: &Path) -> Result<Metadata, FormatError> {
    let kind = std::fs::metadata(path)
        .map_err(|source| FormatError::Read { path: path.into(), source })?;
    if kind.is_file() || kind.is_dir() {
        return Ok(kind);
    }
    // a pipe would be waited for, a device may have no end
    let what = "is no file but a pipe or a device; save what comes out of it to a file".into();
    Err(FormatError::Unsupported { path: path.into(), what })
}

/// The first bytes of a file, fewer if it is shorter.
pub(crate) fn head_of(path: &Path) -> Result<Vec<u8>, FormatError> {
    existing(path)?;
    let mut head = Vec::with_capacity(HEAD);
    File::open(path)
        .and_then(|file| file.take(HEAD as u64).read_to_end(&mut head))
        .map_err(|source| FormatError::Read { path: path.into(), source })?;
    Ok(head)
}
