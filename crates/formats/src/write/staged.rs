//! Files and folders beside the place where they will be: whoever looks sees the old one, the new one, or
//! none, never half of one.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::FormatError;
use crate::write::whole::{Beside, file_beside, folder_beside, name_file};

/// Runs `fill` on a new file beside `path` and gives it that name once it is complete.
pub(crate) fn place(
    path: &Path,
    overwrite: bool,
    fill: impl FnOnce(&mut BufWriter<Beside>) -> Result<(), FormatError>,
) -> Result<(), FormatError> {
    let mut staged = Staged::new(path, overwrite)?;
    fill(&mut staged.buffer)?;
    staged.place()
}

/// A file beside the place where it will be; gone with this value unless it is placed.
pub(crate) struct Staged {
    pub(crate) buffer: BufWriter<Beside>,
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
