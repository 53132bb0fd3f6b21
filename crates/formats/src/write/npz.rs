//! NPZ, NumPy's archive of arrays, written.
//!
//! Files hold the array `fields` and, where it is known, the array `spacing`: the distance
//! of points along each axis. Nothing is packed.

use std::io::{Cursor, Write};
use std::path::Path;

use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

use crate::FormatError;
use crate::container::zip::archive::SPACING;
use crate::write::encoding::Encoding;
use crate::write::npy;

/// An archive that is being written: the array `fields`, uncompressed, then its spacing.
pub(crate) struct Packed<W: Write>(ZipWriter<StreamWriter<W>>);

fn options() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(true)
}

impl<W: Write> Packed<W> {
    /// Begins the array's member.
    pub(crate) fn begin(path: &Path, to: W) -> Result<Self, FormatError> {
        let mut archive = ZipWriter::new_stream(to);
        archive
            .start_file("fields.npy", options())
            .map_err(|source| FormatError::Archive { path: path.into(), source })?;
        Ok(Self(archive))
    }

    /// Where the array's bytes go.
    pub(crate) fn to(&mut self) -> &mut dyn Write {
        &mut self.0
    }

    /// Ends the array, adds the spacing, and gives back what was written to.
    pub(crate) fn end(self, path: &Path, spacing: Option<&[f64]>) -> Result<W, FormatError> {
        let refused = |source| FormatError::Archive { path: path.into(), source };
        let mut archive = self.0;
        if let Some(spacing) = spacing {
            archive.start_file(SPACING, options()).map_err(refused)?;
            let mut bytes = Cursor::new(npy::header(&[spacing.len()], Encoding::F64.descr()));
            std::io::copy(&mut bytes, &mut archive)
                .and_then(|_| spacing.iter().try_for_each(|h| archive.write_all(&h.to_le_bytes())))
                .map_err(|source| FormatError::Write { path: path.into(), source })?;
        }
        Ok(archive.finish().map_err(refused)?.into_inner())
    }
}
