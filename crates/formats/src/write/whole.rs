//! Files and folders that exist completely or not at all, also after a crash of the machine.
//!
//! They are written beside their place under a temporary name, forced to the disk, and renamed. Then the new name is
//! forced to the disk as well. What is written into them is the business of the writers of the formats.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use tempfile::{Builder, NamedTempFile, TempDir};

/// Writes a small file in one go; one that is there keeps what it holds until the new one is complete.
///
/// # Errors
/// What the system says; nothing under that name has changed then, but for a failure to force the new name
/// to the disk.
///
/// # Example
/// ```
/// use karhunen_formats::write_whole;
/// let path = std::env::temp_dir().join(format!("whole-{}.json", std::process::id()));
/// write_whole(&path, b"{}")?;
/// assert_eq!(std::fs::read(&path)?, b"{}");
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = file_beside(path)?;
    file.write_all(bytes)?;
    name_file(file, path, true)
}

/// A new file beside its place; gone with this value unless [`name_file`] gives it its name. Its
/// errors do not tell its temporary name.
pub(crate) struct Beside(NamedTempFile);

impl io::Write for Beside {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.as_file_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.as_file_mut().flush()
    }
}

/// A new file beside `path`.
pub(crate) fn file_beside(path: &Path) -> io::Result<Beside> {
    builder(0o666).tempfile_in(folder_of(path)).map(Beside).map_err(unnamed)
}

/// A new folder beside its place; gone with this value unless it is renamed.
pub(crate) fn folder_beside(path: &Path) -> io::Result<TempDir> {
    builder(0o777).tempdir_in(folder_of(path)).map_err(unnamed)
}

/// Forces a complete file to the disk and gives it its name.
///
/// # Errors
/// `AlreadyExists` unless what is there may be replaced; what the system says.
pub(crate) fn name_file(file: Beside, path: &Path, replace: bool) -> io::Result<()> {
    let Beside(file) = file;
    file.as_file().sync_all()?;
    let named = if replace { file.persist(path) } else { file.persist_noclobber(path) };
    named.map_err(|e| e.error)?;
    keep_names(folder_of(path))
}

/// Gives a complete folder its name; nothing may lie there.
pub(crate) fn name_folder(fresh: &Path, path: &Path) -> io::Result<()> {
    fs::rename(fresh, path)?;
    keep_names(folder_of(path))
}

/// Forces the names in a folder, and in all folders below it, to the disk.
pub(crate) fn keep_all_names(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            keep_all_names(&entry.path())?;
        }
    }
    keep_names(folder)
}

/// Forces the names in a folder to the disk: a file that was renamed is found under its new name after a
/// crash of the machine. Where folders cannot be forced there is nothing to do.
///
/// # Errors
/// What the system says.
pub fn keep_names(folder: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    match File::open(folder)?.sync_all() {
        Err(e) if matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
            Ok(())
        }
        forced => forced,
    }
}

/// The folder a path lies in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// The system's error without the name of a temporary file, which its user does not know.
fn unnamed(error: io::Error) -> io::Error {
    match error.get_ref() {
        Some(_) => error.kind().into(),
        None => error,
    }
}

/// Names of temporary files, with the permissions of ordinary ones before the user's mask: temporary files are
/// private otherwise.
fn builder(mode: u32) -> Builder<'static, 'static> {
    let mut builder = Builder::new();
    builder.prefix(".karhunen-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(mode));
    }
    #[cfg(not(unix))]
    let _ = mode;
    builder
}
