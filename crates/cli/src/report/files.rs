//! Output files of fields.

use std::path::Path;

use karhunen_field::Ensemble;
use karhunen_formats::{ENDINGS, Precision, WriteOptions};

use crate::failure::Failure;
use crate::help;
use crate::report::drawing;

/// Refuses an existing file, an unknown ending, or a place no folder can be made in, before any
/// work is done.
pub fn check_output(path: &Path, force: bool) -> Result<(), Failure> {
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    if !path.is_dir() && !ENDINGS.contains(&ending.to_ascii_lowercase().as_str()) {
        return Err(Failure::usage(format!("{}: unknown ending `.{ending}`", path.display()))
            .help("write to .npy, .npz, .vti, .tif (numbers) or .png (a montage)"));
    }
    check_place(path, force)
}

/// Refuses an existing file, or a place no folder can be made in.
pub fn check_place(path: &Path, force: bool) -> Result<(), Failure> {
    if path.is_dir() {
        return Err(
            Failure::usage(format!("{}: is a folder", path.display())).help("name a file in it")
        );
    }
    if path.exists() && !force {
        return Err(Failure::usage(format!("{}: exists already", path.display()))
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

/// The same for a picture.
pub fn check_picture(path: &Path, force: bool) -> Result<(), Failure> {
    let png = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png"));
    if !png && !path.is_dir() {
        let message = format!("--picture {}: a picture is a .png file", path.display());
        return Err(Failure::usage(message).help("end its name with .png"));
    }
    check_output(path, force)
}

/// Refuses fields that the file's format cannot hold, before they are made.
pub fn check_shape(path: &Path, dim: usize, channels: usize, count: u64) -> Result<(), Failure> {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    karhunen_formats::check_shape(path, dim, channels, count).map_err(|e| {
        Failure::usage(format!("{}: {e}", path.display())).help("choose another ending for --out")
    })
}

/// Refuses no field at all, and numbers of fields beyond the last.
pub fn indices(index: u64, count: u64) -> Result<std::ops::Range<u64>, Failure> {
    if count == 0 {
        return Err(Failure::usage("--count 0: there must be at least one field")
            .help("leave it out, or give a number from 1"));
    }
    let last = index.checked_add(count).ok_or_else(|| {
        Failure::usage(format!("--index {index}: {count} fields from there pass 2^64"))
            .help("lower --index or --count")
    })?;
    Ok(index..last)
}

/// Writes fields by ending; folders are made where they are missing.
pub fn write(fields: &Ensemble, path: &Path, force: bool) -> Result<(), Failure> {
    write_as(fields, path, force, Precision::default())
}

/// Makes the folder a file lies in, where it is missing.
pub fn make_folder(path: &Path) -> Result<(), Failure> {
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|e| {
            Failure::run(format!("{}: cannot be made: {e}", folder.display())).help(help::write(&e))
        })?;
    }
    Ok(())
}

/// As [`write`], in a precision.
pub fn write_as(
    fields: &Ensemble,
    path: &Path,
    force: bool,
    precision: Precision,
) -> Result<(), Failure> {
    make_folder(path)?;
    if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png")) {
        return drawing::draw(fields, path, force);
    }
    let options = WriteOptions { overwrite: force, precision, ..WriteOptions::default() };
    karhunen_formats::write(path, fields, &options)?;
    Ok(())
}
