//! Fields into files, by ending.

use std::path::Path;

use karhunen_field::Ensemble;
use karhunen_formats::{FieldsRef, Precision, WriteOptions};

use crate::{Error, pictures};

/// How fields are written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Output<'a> {
    /// Whether a file that is there is replaced.
    pub overwrite: bool,
    /// Unit of the lengths of the box.
    pub unit: Option<&'a str>,
    /// Type of the numbers.
    pub precision: Precision,
}

/// Writes fields: .npy, .npz, .vti, .tif, .raw, .h5 (numbers) or .png (a picture). Folders are made where they
/// are missing.
///
/// # Example
/// ```
/// use karhunen::{Boundary, Grid, output::{self, Output}, prior};
/// let grid = Grid::unit(&[24, 32], Boundary::Neumann)?;
/// let fields = prior::draw(&prior::Matern::new(1.0, 0.2, 1.5)?, grid, 7, 0..4);
/// let path = std::env::temp_dir().join("karhunen-output-example.vti");
/// output::write(&fields, &path, &Output { overwrite: true, unit: Some("mm"), ..Output::default() })?;
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), karhunen::Error>(())
/// ```
///
/// # Errors
/// [`Error::Folder`]; those of the format.
pub fn write(fields: &Ensemble, path: &Path, output: &Output) -> Result<(), Error> {
    make_folder(path)?;
    if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png")) {
        return pictures::drawing::draw(fields, path, output.overwrite);
    }
    let Output { overwrite, precision, .. } = *output;
    let options = WriteOptions { overwrite, precision, ..WriteOptions::default() };
    match output.unit {
        Some(unit) => karhunen_formats::write(path, FieldsRef::Measured(fields, unit), &options)?,
        None => karhunen_formats::write(path, fields, &options)?,
    };
    Ok(())
}

/// Makes the folder that a file lies in, where it is missing.
///
/// # Errors
/// [`Error::Folder`].
pub fn make_folder(path: &Path) -> Result<(), Error> {
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => make(folder),
        None => Ok(()),
    }
}

/// Makes a folder where it is missing.
pub(crate) fn make(folder: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(folder).map_err(|source| Error::Folder { path: folder.into(), source })
}
