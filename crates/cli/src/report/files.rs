//! Output files of fields.

use std::ops::Range;
use std::path::{Path, PathBuf};

use karhunen::Ensemble;
use karhunen::formats::{self, ENDINGS, Precision};
use karhunen::output::{self, Output};
use karhunen::training::lock::Lock;

use crate::failure::Failure;

/// Refuses an existing file, an unknown ending, a place no folder can be made in, or a file that
/// another process is making, before any work is done; the name is this process's while the lock is held.
///
/// A name that holds `{index}` stands for one file a field, of `indices`.
pub fn claim(path: &Path, indices: &Range<u64>, force: bool) -> Result<Lock, Failure> {
    check(path, &names(path, indices), force)?;
    Ok(Lock::output(path)?)
}

/// The same for files of these `names`, whatever their ending.
pub fn claim_names(path: &Path, names: &[PathBuf], force: bool) -> Result<Lock, Failure> {
    check_place(path, names, force)?;
    Ok(Lock::output(path)?)
}

/// The same for part of the files that a name stands for, or for another file that becomes a part of it: what is locked
/// is a name of the part alone.
pub fn claim_part(
    path: &Path,
    names: &[PathBuf],
    part: &Path,
    force: bool,
) -> Result<Lock, Failure> {
    check(path, names, force)?;
    Ok(Lock::output(part)?)
}

/// Whether a name stands for one file a field.
pub fn is_numbered(path: &Path) -> bool {
    path.to_string_lossy().contains(INDEX)
}

/// Refuses what [`claim`] does, but for what another process is making.
fn check(path: &Path, names: &[PathBuf], force: bool) -> Result<(), Failure> {
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    if !path.is_dir() && !ENDINGS.contains(&ending.to_ascii_lowercase().as_str()) {
        return Err(Failure::usage(format!("{}: unknown ending `.{ending}`", path.display()))
            .help(
                "write to .npy, .npz, .vti, .tif, .zarr, .raw, .h5 (numbers) or .png (a montage)",
            ));
    }
    check_place(path, names, force)
}

/// Refuses existing files of these names, whatever their ending, or a place no folder can be made in.
pub fn check_place(path: &Path, names: &[PathBuf], force: bool) -> Result<(), Failure> {
    formats::check_address(path)?;
    if formats::is_remote(path) {
        return Ok(());
    }
    let store = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("zarr"));
    if path.is_dir() && !store {
        return Err(
            Failure::usage(format!("{}: is a folder", path.display())).help("name a file in it")
        );
    }
    let there = names.iter().find(|name| name.exists());
    if let Some(name) = there.filter(|_| !force) {
        return Err(Failure::usage(format!("{}: exists already", name.display()))
            .help("choose another name, or --force to replace it"));
    }
    match path.ancestors().skip(1).find(|folder| folder.exists()) {
        Some(there) if !there.is_dir() => {
            Err(Failure::usage(format!("{}: {} is a file", path.display(), there.display()))
                .help("choose a place below a folder"))
        }
        _ => Ok(()),
    }
}

/// Refuses a picture that cannot be written, before any work is done.
pub fn check_picture(path: &Path, force: bool) -> Result<(), Failure> {
    let png = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png"));
    if !png && !path.is_dir() {
        let message = format!("--picture {}: a picture is a .png file", path.display());
        return Err(Failure::usage(message).help("end its name with .png"));
    }
    check(path, &[path.into()], force)
}

/// Stands for the number of a field in the name of a file.
const INDEX: &str = "{index}";

/// The files that a name stands for: one, or one a field, numbered in as many digits as the last needs.
fn names(path: &Path, indices: &Range<u64>) -> Vec<PathBuf> {
    names_of(path, indices, indices.end)
}

/// The same for some of the fields up to `end`.
pub fn names_of(path: &Path, indices: &Range<u64>, end: u64) -> Vec<PathBuf> {
    let text = path.to_string_lossy();
    if !text.contains(INDEX) {
        return vec![path.into()];
    }
    indices.clone().map(|i| name_of(path, end, i)).collect()
}

/// Refuses fields that the file's format cannot hold, before they are made.
pub fn check_shape(path: &Path, dim: usize, channels: usize, count: u64) -> Result<(), Failure> {
    let each = is_numbered(path);
    let count = if each { 1 } else { usize::try_from(count).unwrap_or(usize::MAX) };
    formats::check_shape(path, dim, channels, count).map_err(|e| {
        Failure::usage(format!("{}: {e}", path.display())).help("choose another ending for --out")
    })
}

/// Endings of files that hold every value as it is: their sizes are known before they are made.
const PLAIN: [&str; 3] = ["npy", "raw", "h5"];

/// Refuses a file of so many bytes for whose values the place has no room, before they are made.
pub fn check_room(path: &Path, bytes: f64) -> Result<(), Failure> {
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    let plain = PLAIN.contains(&ending.to_ascii_lowercase().as_str());
    if !plain || formats::is_remote(path) {
        return Ok(());
    }
    match free(path) {
        Some(free) if bytes > free => {
            const GB: f64 = 1e9;
            Err(Failure::usage(format!(
                "{}: these fields need {:.0} GB, and {:.0} GB are free there",
                path.display(),
                bytes / GB,
                free / GB
            ))
            .help("lower --count or --grid, or write to a place with more room"))
        }
        _ => Ok(()),
    }
}

/// Free bytes of the file system of a place that may not exist yet; none where the system does not say.
fn free(path: &Path) -> Option<f64> {
    #[cfg(unix)]
    {
        let there = path.ancestors().skip(1).find(|folder| folder.exists());
        // a bare name lies in the working directory
        let there = there.filter(|folder| !folder.as_os_str().is_empty());
        let found = rustix::fs::statvfs(there.unwrap_or(Path::new("."))).ok()?;
        Some(found.f_bavail as f64 * found.f_frsize as f64)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}

/// The file of a field, where a name stands for one file a field, of all up to `end`.
fn name_of(path: &Path, end: u64, index: u64) -> PathBuf {
    let digits = end.saturating_sub(1).to_string().len();
    path.to_string_lossy().replace(INDEX, &format!("{index:0digits$}")).into()
}

/// Writes fields into the file, or the files, that a name stands for.
///
/// # Errors
/// As [`output::write`].
pub fn write_all(
    fields: &Ensemble,
    unit: Option<&str>,
    path: &Path,
    indices: &Range<u64>,
    force: bool,
) -> Result<(), Failure> {
    let names = names(path, indices);
    write_all_as(fields, unit, &names, force, Precision::default())
}

/// As [`write_all`], in a precision, into one file or one a field.
///
/// # Errors
/// As [`output::write`].
pub fn write_all_as(
    fields: &Ensemble,
    unit: Option<&str>,
    names: &[PathBuf],
    force: bool,
    precision: Precision,
) -> Result<(), Failure> {
    let output = Output { overwrite: force, unit, precision };
    match names {
        [only] => output::write(fields, only, &output)?,
        each => each
            .iter()
            .enumerate()
            .try_for_each(|(i, name)| output::write(&fields.slice(i..i + 1), name, &output))?,
    }
    Ok(())
}
