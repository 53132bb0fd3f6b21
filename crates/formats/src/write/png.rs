//! PNG of 16 bits: one field a file, as numbers over a stated range.

use std::io::Write;
use std::path::Path;

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

use crate::write::encoding::Encoding;
use crate::write::pages::Pages;
use crate::{FieldsRef, FormatError};

/// Writes one page.
pub(crate) fn write(
    path: &Path,
    fields: FieldsRef<'_>,
    pages: &Pages,
    page: usize,
    encoding: Encoding,
    to: &mut dyn Write,
) -> Result<(), FormatError> {
    let values = pages.values(path, fields, page, encoding, |v| encoding.grey(v))?;
    // the encoder takes the machine's own byte order
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_ne_bytes()).collect();
    let color = match pages.channels {
        3 => ExtendedColorType::Rgb16,
        _ => ExtendedColorType::L16,
    };
    PngEncoder::new(to).write_image(&bytes, pages.width as u32, pages.height as u32, color).map_err(
        |error| match error {
            image::ImageError::IoError(source) => FormatError::Write { path: path.into(), source },
            source => FormatError::Image { path: path.into(), source },
        },
    )
}
