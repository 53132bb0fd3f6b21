//! TIFF, page by page: grey and RGB of 8 to 64 bits, whole numbers and floats, BigTIFF too.
//!
//! A microscope's TIFF is a measurement more often than a picture, so values are the *stored*
//! numbers: where a file declares that white is zero, the decoder's inversion for the screen is
//! undone. Uncompressed, LZW, Deflate and PackBits are decoded; JPEG and fax in TIFF are not.

use std::path::Path;

use tiff::ColorType;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;

use crate::calibration::Calibration;
use crate::picture::{DECODER_ROOM, Picture};
use crate::seekable::{ReadSeek, Seekable};
use crate::{FormatError, ReadOptions, SourceType};

/// Value of the tag PhotometricInterpretation for "white is zero".
const WHITE_IS_ZERO: u16 = 0;

/// Decodes every page; the first one may say how large a pixel is.
pub(crate) fn read(
    file: Seekable<'_>,
    options: &ReadOptions,
) -> Result<(Vec<Picture>, Calibration), FormatError> {
    let Seekable { path, reader, .. } = file;
    let mut limits = Limits::default();
    // doubles take twice the memory of the values they become
    let room = options.limit_bytes.saturating_mul(2).saturating_add(DECODER_ROOM);
    limits.decoding_buffer_size = usize::try_from(room).unwrap_or(usize::MAX);
    limits.intermediate_buffer_size = limits.decoding_buffer_size;
    let refused = |page, source| FormatError::Tiff { path: path.into(), page, source };
    let mut decoder =
        Decoder::new(reader).map_err(|source| refused(0, source))?.with_limits(limits);
    let calibration = Calibration::of(&mut decoder);
    let mut pages: Vec<Picture> = Vec::new();
    loop {
        let before = pages.iter().map(|p| p.values.len() as u64).sum();
        pages.push(page(&mut decoder, path, pages.len(), before, options)?);
        if !decoder.more_images() {
            return Ok((pages, calibration));
        }
        decoder.next_image().map_err(|source| refused(pages.len(), source))?;
    }
}

fn page(
    decoder: &mut Decoder<Box<dyn ReadSeek>>,
    path: &Path,
    page: usize,
    before: u64,
    options: &ReadOptions,
) -> Result<Picture, FormatError> {
    let refused = |source| FormatError::Tiff { path: path.into(), page, source };
    let unsupported = |what: String| FormatError::Unsupported {
        path: path.into(),
        what: format!("page {page}: {what}"),
    };
    let (width, height) = decoder.dimensions().map_err(refused)?;
    let color = decoder.colortype().map_err(refused)?;
    let (samples, alpha) = match color {
        ColorType::Gray(8 | 16 | 32 | 64) => (1, false),
        ColorType::GrayA(8 | 16 | 32 | 64) => (2, true),
        ColorType::RGB(8 | 16 | 32 | 64) => (3, false),
        ColorType::RGBA(8 | 16 | 32 | 64) => (4, true),
        _ => {
            return Err(unsupported(format!(
                "pixels are {color:?}; grey and RGB of 8, 16, 32 or 64 bits are read"
            )));
        }
    };
    let count = u64::from(width).saturating_mul(height.into()).saturating_mul(samples);
    options.admit(path, [before.saturating_add(count)])?;
    let photometric =
        decoder.get_tag_unsigned::<u16>(Tag::PhotometricInterpretation).map_err(refused)?;

    let mut pixels = DecodingResult::U8(Vec::new());
    let layout = decoder.read_image_to_buffer(&mut pixels).map_err(refused)?;
    let inverted = photometric == WHITE_IS_ZERO;
    let opaque = |value: f32| alpha.then_some(value);
    macro_rules! numbers {
        ($stored:expr, $dtype:ident, $most:expr) => {{
            let stored = $stored.iter();
            let values: Vec<f32> = match inverted {
                true => stored.map(|&v| ($most - v) as f32).collect(),
                false => stored.map(|&v| v as f32).collect(),
            };
            (values, SourceType::$dtype, opaque($most as f32))
        }};
    }
    macro_rules! signed {
        // the decoder refuses to invert these itself
        ($stored:expr, $dtype:ident, $most:expr) => {{
            let values = $stored.iter().map(|&v| v as f32).collect();
            (values, SourceType::$dtype, opaque($most as f32))
        }};
    }
    let (values, dtype, opaque) = match &pixels {
        DecodingResult::U8(p) => numbers!(p, U8, u8::MAX),
        DecodingResult::U16(p) => numbers!(p, U16, u16::MAX),
        DecodingResult::U32(p) => numbers!(p, U32, u32::MAX),
        DecodingResult::U64(p) => numbers!(p, U64, u64::MAX),
        DecodingResult::F32(p) => numbers!(p, F32, 1.0),
        DecodingResult::F64(p) => numbers!(p, F64, 1.0),
        DecodingResult::I8(p) => signed!(p, I8, i8::MAX),
        DecodingResult::I16(p) => signed!(p, I16, i16::MAX),
        DecodingResult::I32(p) => signed!(p, I32, i32::MAX),
        DecodingResult::I64(p) => signed!(p, I64, i64::MAX),
        DecodingResult::F16(_) => return Err(unsupported("16-bit floats are not read".into())),
    };
    if values.len() as u64 != count {
        return Err(unsupported(format!(
            "{} values decoded where {count} are declared",
            values.len()
        )));
    }
    let size = (height as usize, width as usize);
    let samples = samples as usize;
    if layout.planes > 1 {
        return planes(path, size, samples, opaque, dtype, values);
    }
    Picture::of_pixels(path, size, samples, opaque, dtype, &values)
}

/// A picture whose file keeps each channel in a plane of its own.
fn planes(
    path: &Path,
    (height, width): (usize, usize),
    samples: usize,
    opaque: Option<f32>,
    dtype: SourceType,
    mut values: Vec<f32>,
) -> Result<Picture, FormatError> {
    let channels = samples - usize::from(opaque.is_some());
    let alphas = values.split_off(channels * height * width);
    if let Some(opaque) = opaque
        && let Some((pixel, &alpha)) = alphas.iter().enumerate().find(|(_, a)| **a != opaque)
    {
        return Err(FormatError::Transparent { path: path.into(), pixel, alpha, opaque });
    }
    Ok(Picture { height, width, channels, dtype, values })
}
