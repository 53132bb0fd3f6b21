//! Writes files and folders under a temporary name and renames them when they are complete and on the disk.
//!
//! Not here: single small files (`karhunen_formats::write_whole`). Those of this module have temporary names of their
//! own, so that what a killed process left is recognised.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use karhunen_formats::keep_names;

use crate::TrainError;

/// Writes a file that is on the disk when this returns.
pub(crate) fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    let mut file = fs::File::create(path).map_err(unwritten(path))?;
    file.write_all(bytes).map_err(unwritten(path))?;
    file.sync_all().map_err(unwritten(path))
}

/// Gives what was written beside its name, and forces the name to the disk.
pub(crate) fn name(beside: &Path, path: &Path) -> Result<(), TrainError> {
    fs::rename(beside, path).map_err(unwritten(path))?;
    let above = path.parent().filter(|above| !above.as_os_str().is_empty());
    let above = above.unwrap_or(Path::new("."));
    keep_names(above).map_err(unwritten(above))
}

/// The error of a place that cannot be written.
pub(crate) fn unwritten(path: &Path) -> impl FnOnce(std::io::Error) -> TrainError + use<> {
    let path = path.to_path_buf();
    move |source| TrainError::Write { path, source }
}
