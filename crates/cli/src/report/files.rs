//! Output files of fields.

use std::path::Path;

use karhunen_field::Ensemble;
use karhunen_formats::{ENDINGS, WriteOptions};

use crate::failure::Failure;
use crate::report::drawing;

/// Refuses an existing file, an unknown ending, or a place no folder can be made in, before any
/// work is done.
pub fn check_output(path: &Path, force: bool) -> Result<(), Failure> {
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    if !ENDINGS.contains(&ending.to_ascii_lowercase().as_str()) {
        return Err(Failure::usage(format!("{}: unknown ending `.{ending}`", path.display()))
            .help("write to .npy, .npz, .vti, .tif (numbers) or .png (a montage)"));
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

/// Writes fields by ending; folders are made where they are missing.
pub fn write(fields: &Ensemble, path: &Path, force: bool) -> Result<(), Failure> {
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)
            .map_err(|e| Failure::run(format!("{}: cannot be made: {e}", folder.display())))?;
    }
    if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png")) {
        return drawing::draw(fields, path, force);
    }
    let options = WriteOptions { overwrite: force, ..WriteOptions::default() };
    karhunen_formats::write(path, fields, &options)?;
    Ok(())
}
