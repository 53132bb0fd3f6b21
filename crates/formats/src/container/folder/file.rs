//! Reads one file of a folder as one field.

use std::path::Path;

use crate::format::entry::{Format, Found, InFolder, Place, Wanted};
use crate::{FormatError, RawFields, ReadOptions};

/// Reads all files of a folder in the same way as the first.
pub(crate) struct Read<'a> {
    table: &'static [Format],
    options: &'a ReadOptions,
    /// Whether a file of many pages is a volume whose pages are slices.
    volumes: Option<bool>,
}

impl<'a> Read<'a> {
    pub(crate) fn new(table: &'static [Format], options: &'a ReadOptions) -> Self {
        Self { table, options, volumes: None }
    }

    /// Reads the field of a file.
    pub(crate) fn one(&mut self, file: &Path, format: &Format) -> Result<RawFields, FormatError> {
        let flat =
            ReadOptions { dim: self.options.dim.filter(|d| *d != 3), ..self.options.clone() };
        let fields = match format.in_folder {
            InFolder::Pages(_) => self.pages(file, format, &flat)?,
            InFolder::Picture(_) => self.read(file, format, &flat)?,
            InFolder::Array(_) | InFolder::No => self.read(file, format, self.options)?,
        };
        match fields.count() {
            1 => Ok(fields),
            n => Err(FormatError::Unsupported {
                path: file.into(),
                what: format!(
                    "{n} fields in a file of a folder, where each is one; read it by itself"
                ),
            }),
        }
    }

    /// A file whose pages are several fields, or slices of one.
    fn pages(
        &mut self,
        file: &Path,
        format: &Format,
        flat: &ReadOptions,
    ) -> Result<RawFields, FormatError> {
        if self.volumes != Some(true) {
            let fields = self.read(file, format, flat)?;
            if fields.count() == 1 || self.volumes.is_some() || flat.dim == Some(2) {
                self.volumes = Some(false);
                return Ok(fields);
            }
        }
        self.volumes = Some(true);
        self.read(file, format, &ReadOptions { dim: Some(3), ..flat.clone() })
    }

    fn read(
        &self,
        file: &Path,
        format: &Format,
        options: &ReadOptions,
    ) -> Result<RawFields, FormatError> {
        let (table, wanted) = (self.table, Wanted::All);
        let place = Place::File;
        let found = Found { name: file, path: file, part: None, place, alone: true, wanted, table };
        (format.open)(&found, options)?.load(options)
    }
}
