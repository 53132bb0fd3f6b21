//! Files that are there whole or not at all, also after a crash of the machine: written beside their name,
//! forced to the disk, renamed, and the name forced to the disk as well.

use std::fs::{File, Permissions};
use std::io::{self, Write as _};
use std::path::Path;

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
    let folder = folder_of(path);
    let mut builder = tempfile::Builder::new();
    builder.prefix(".karhunen-").suffix(".part");
    if let Some(ordinary) = ordinary_permissions(0o666) {
        builder.permissions(ordinary);
    }
    // its own name means nothing to anybody
    let mut file = builder.tempfile_in(folder).map_err(unnamed)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
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
pub(crate) fn unnamed(error: io::Error) -> io::Error {
    match error.get_ref() {
        Some(_) => error.kind().into(),
        None => error,
    }
}

/// What a new file is usually allowed, before the user's mask; temporary files are private.
#[cfg(unix)]
pub(crate) fn ordinary_permissions(mode: u32) -> Option<Permissions> {
    use std::os::unix::fs::PermissionsExt;
    Some(Permissions::from_mode(mode))
}

#[cfg(not(unix))]
pub(crate) fn ordinary_permissions(_mode: u32) -> Option<Permissions> {
    None
}
