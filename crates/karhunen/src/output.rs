//! Fields into files, by ending.

use std::path::Path;

use karhunen_field::{Ensemble, Grid};
use karhunen_formats::{FieldWriter, FieldsRef, Form, Precision, Units, WriteOptions, is_remote};

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

/// Writes fields: .npy, .npz, .vti, .tif, .zarr, .raw, .h5 (numbers) or .png (a picture). Folders are made where they
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

/// A file of fields that are written as they come, unseen before all have come; no picture.
///
/// # Example
/// ```
/// use karhunen::{Boundary, Grid, output::{Output, Stream}, prior};
/// let grid = Grid::unit(&[24, 32], Boundary::Neumann)?;
/// let path = std::env::temp_dir().join("karhunen-stream-example.npy");
/// let output = Output { overwrite: true, ..Output::default() };
/// let mut stream = Stream::create(&path, &grid, (1, 6), &output)?;
/// for first in [0, 2, 4] {
///     stream.push(&prior::draw(&prior::Matern::new(1.0, 0.2, 1.5)?, grid, 7, first..first + 2))?;
/// }
/// stream.finish()?;
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), karhunen::Error>(())
/// ```
#[derive(Debug)]
pub struct Stream(FieldWriter);

impl Stream {
    /// Begins a file of `count` fields with so many channels on a grid. Folders are made where they are missing.
    ///
    /// # Errors
    /// As [`write()`].
    pub fn create(
        path: &Path,
        grid: &Grid,
        (channels, count): (usize, usize),
        output: &Output,
    ) -> Result<Self, Error> {
        make_folder(path)?;
        let spacing = grid.axes().iter().map(|axis| axis.length / axis.points as f64).collect();
        let length = output.unit.map(String::from);
        let units = Units { spacing: Some(spacing), length, ..Units::default() };
        let form = Form { points: grid.points(), channels, count, units };
        let Output { overwrite, precision, .. } = *output;
        let options = WriteOptions { overwrite, precision, ..WriteOptions::default() };
        Ok(Self(FieldWriter::create(path, &form, &options)?))
    }

    /// Whether a name is that of a file that fields can be written to as they come.
    pub fn takes(path: &Path) -> bool {
        FieldWriter::takes(path)
    }

    /// Writes the next fields.
    ///
    /// # Errors
    /// Those of the format.
    pub fn push(&mut self, fields: &Ensemble) -> Result<(), Error> {
        Ok(self.0.push(fields)?)
    }

    /// Ends the file, which is then seen.
    ///
    /// # Errors
    /// Those of the format.
    pub fn finish(self) -> Result<(), Error> {
        self.0.finish()?;
        Ok(())
    }
}

/// Makes the folder that a file lies in, where it is missing.
///
/// # Errors
/// [`Error::Folder`].
pub fn make_folder(path: &Path) -> Result<(), Error> {
    if is_remote(path) {
        return Ok(());
    }
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => make(folder),
        None => Ok(()),
    }
}

/// Makes a folder where it is missing.
pub(crate) fn make(folder: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(folder).map_err(|source| Error::Folder { path: folder.into(), source })
}
