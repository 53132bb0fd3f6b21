//! Reads TIFF pages: grey, RGB and palettes of 1 to 64 bits, integers and floats, BigTIFF too.
//!
//! A TIFF from a microscope is a measurement more often than a picture, so values are the *stored*
//! numbers. They are not inverted if white is zero, and palette indices are not replaced by
//! colours. A calibration in the file (a linear function, a missing value) is applied. This is own
//! code on top of the decoders, because the TIFF library inverts floats for the screen and does not
//! interpret pages.

use std::path::Path;

use crate::container::bytes::Bytes;
use crate::format::tiff::pixels::{Sparse, read as pixels, turn};
use crate::format::tiff::series::Pages;
use crate::{FormatError, RawFields, ReadOptions, Series, SourceType};

/// Reads all fields. Fields that are pictures are named after `name`.
pub(crate) fn read(
    path: &Path,
    bytes: &Bytes,
    name: &str,
    options: &ReadOptions,
) -> Result<RawFields, FormatError> {
    let series = Pages::open(path, bytes, options)?;
    series.check(options)?;
    let (channels, points) = (series.channels(), series.points());
    let (count, slices) = series.fields();
    let plane: usize = points[points.len() - 2..].iter().product();
    let factors = [count, slices, channels, plane].map(|n| n as u64);
    let total = options.admit(path, factors)?;
    let mut values: Vec<f32> = Vec::new();
    let mut sparse = Sparse { fill: series.fill, count: 0 };
    for (directory, shift) in series.pages() {
        let page = series.like_first(directory)?;
        // alpha temporarily takes memory besides the channels
        options.admit(path, [page.samples as u64, plane as u64])?;
        let packing = series.packing.as_ref().filter(|_| page.alpha.is_none());
        let pixels = pixels(&series.tags, directory, &page, shift, packing, &mut sparse, options)?;
        for (sample, pixels) in pixels.chunks_exact(plane).enumerate() {
            match page.alpha {
                Some(alpha) if alpha == sample => opaque(path, page.dtype, pixels)?,
                _ => values.extend(turn(pixels, (page.height, page.width), page.orientation)),
            }
        }
    }
    debug_assert_eq!(values.len(), total);
    if points.len() == 3 && channels > 1 {
        values = volumes(&values, (count, slices, channels), plane);
    }
    let mut fields = RawFields::array(path, points, channels, values, series.page.dtype)?;
    fields.units = series.calibration.units(fields.points.len());
    fields.items = series.names(name);
    fields.series = Series::Stack;
    fields.notes.splice(0..0, series.notes);
    if sparse.count > 0 {
        fields.notes.push(format!(
            "{} strips or tiles were never written; their stored numbers are {}",
            sparse.count, sparse.fill
        ));
    }
    Ok(fields)
}

/// Refuses a picture with transparent pixels.
fn opaque(path: &Path, dtype: SourceType, alpha: &[f32]) -> Result<(), FormatError> {
    let opaque = match dtype {
        SourceType::U8 => f32::from(u8::MAX),
        SourceType::I8 => f32::from(i8::MAX),
        SourceType::U16 => f32::from(u16::MAX),
        SourceType::I16 => f32::from(i16::MAX),
        SourceType::U32 => u32::MAX as f32,
        SourceType::I32 => i32::MAX as f32,
        SourceType::U64 => u64::MAX as f32,
        SourceType::I64 => i64::MAX as f32,
        _ => 1.0,
    };
    match alpha.iter().position(|a| *a != opaque) {
        None => Ok(()),
        Some(pixel) => {
            Err(FormatError::Transparent { path: path.into(), pixel, alpha: alpha[pixel], opaque })
        }
    }
}

/// Combines slices with interleaved channels into volumes, channel by channel.
fn volumes(
    values: &[f32],
    (count, slices, channels): (usize, usize, usize),
    plane: usize,
) -> Vec<f32> {
    let mut ordered = Vec::with_capacity(values.len());
    for volume in 0..count {
        for channel in 0..channels {
            for slice in 0..slices {
                let at = ((volume * slices + slice) * channels + channel) * plane;
                ordered.extend_from_slice(&values[at..at + plane]);
            }
        }
    }
    ordered
}
