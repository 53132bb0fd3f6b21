//! One PNG or JPEG as a 2-D field, and what a decoded picture is.
//!
//! Grey gives one channel, colour three. Alpha is dropped where every pixel is opaque; where one
//! is not, the colour below it has no agreed meaning and the picture is refused. PNGs of 1, 2 or
//! 4 bits come scaled to 0 … 255 and palettes as colours, as the decoder gives them; colour
//! profiles, gamma and orientation tags are ignored.

use std::io::{BufRead, Cursor, Seek};
use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader};

use crate::content::Content;
use crate::seekable::Seekable;
use crate::{FormatError, ReadOptions, SourceType};

/// Bytes a decoder may use beside the values: its own buffers, a JPEG's metadata.
pub(crate) const DECODER_ROOM: u64 = 64 << 20;

/// A decoded picture, `[channel, row, column]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Picture {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
    pub(crate) dtype: SourceType,
    pub(crate) values: Vec<f32>,
}

impl Picture {
    /// Refuses two pictures that cannot be fields of one data set.
    pub(crate) fn agree(
        (first_path, first): (&Path, &Picture),
        (second_path, second): (&Path, &Picture),
    ) -> Result<(), FormatError> {
        let (first_shape, second_shape) = (first.shape(), second.shape());
        if first_shape == second_shape {
            return Ok(());
        }
        Err(FormatError::Mixed {
            first: first_path.into(),
            first_shape,
            second: second_path.into(),
            second_shape,
        })
    }

    fn shape(&self) -> String {
        let Picture { height, width, channels, dtype, .. } = self;
        format!("{height}x{width} with {channels} channel(s) of {dtype}")
    }

    /// A picture from interleaved pixels of `samples` values each, the last one alpha if `opaque`
    /// says what alpha an opaque pixel has.
    pub(crate) fn of_pixels(
        path: &Path,
        (height, width): (usize, usize),
        samples: usize,
        opaque: Option<f32>,
        dtype: SourceType,
        interleaved: &[f32],
    ) -> Result<Self, FormatError> {
        let channels = samples - usize::from(opaque.is_some());
        if let Some(opaque) = opaque {
            let alphas = interleaved.iter().skip(channels).step_by(samples);
            if let Some((pixel, &alpha)) = alphas.enumerate().find(|(_, a)| **a != opaque) {
                return Err(FormatError::Transparent { path: path.into(), pixel, alpha, opaque });
            }
        }
        let values = (0..channels)
            .flat_map(|c| interleaved.iter().skip(c).step_by(samples).copied())
            .collect();
        Ok(Self { height, width, channels, dtype, values })
    }
}

/// Decodes a PNG or JPEG.
pub(crate) fn read(
    file: Seekable<'_>,
    content: Content,
    options: &ReadOptions,
) -> Result<Picture, FormatError> {
    let (path, length) = (file.path, file.length);
    if content != Content::Jpeg {
        return decode(path, ImageReader::with_format(file.reader, ImageFormat::Png), options);
    }
    let bytes = file.bytes(room(options))?;
    if !has_end(&bytes) {
        // the decoder would fill the missing part with grey and say nothing
        return Err(FormatError::Truncated {
            path: path.into(),
            expected: length + 2,
            found: length,
        });
    }
    decode(path, ImageReader::with_format(Cursor::new(bytes), ImageFormat::Jpeg), options)
}

/// Bytes that decoding may take in all.
fn room(options: &ReadOptions) -> u64 {
    options.limit_bytes.saturating_add(DECODER_ROOM)
}

fn decode<R: BufRead + Seek>(
    path: &Path,
    mut reader: ImageReader<R>,
    options: &ReadOptions,
) -> Result<Picture, FormatError> {
    let refused = |source| FormatError::Image { path: path.into(), source };
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(room(options));
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(refused)?;
    let (width, height) = decoder.dimensions();
    let samples = u64::from(decoder.color_type().channel_count());
    options.admit(path, [width.into(), height.into(), samples])?;
    let picture = DynamicImage::from_decoder(decoder).map_err(refused)?;

    let size = (height as usize, width as usize);
    let pixels = |samples, opaque, dtype, values: Vec<f32>| {
        Picture::of_pixels(path, size, samples, opaque, dtype, &values)
    };
    let bytes = |p: Vec<u8>| p.into_iter().map(f32::from).collect();
    let words = |p: Vec<u16>| p.into_iter().map(f32::from).collect();
    match picture {
        DynamicImage::ImageLuma8(p) => pixels(1, None, SourceType::U8, bytes(p.into_raw())),
        DynamicImage::ImageLumaA8(p) => pixels(2, Some(255.), SourceType::U8, bytes(p.into_raw())),
        DynamicImage::ImageRgb8(p) => pixels(3, None, SourceType::U8, bytes(p.into_raw())),
        DynamicImage::ImageRgba8(p) => pixels(4, Some(255.), SourceType::U8, bytes(p.into_raw())),
        DynamicImage::ImageLuma16(p) => pixels(1, None, SourceType::U16, words(p.into_raw())),
        DynamicImage::ImageLumaA16(p) => {
            pixels(2, Some(65535.), SourceType::U16, words(p.into_raw()))
        }
        DynamicImage::ImageRgb16(p) => pixels(3, None, SourceType::U16, words(p.into_raw())),
        DynamicImage::ImageRgba16(p) => {
            pixels(4, Some(65535.), SourceType::U16, words(p.into_raw()))
        }
        other => Err(FormatError::Unsupported {
            path: path.into(),
            what: format!("pixels of type {:?}; grey and RGB are read", other.color()),
        }),
    }
}

/// Whether a JPEG's last scan is followed by the end-of-image marker.
fn has_end(bytes: &[u8]) -> bool {
    let scan = bytes.windows(2).rposition(|w| w == [0xff, 0xda]);
    scan.is_none_or(|start| bytes[start..].windows(2).any(|w| w == [0xff, 0xd9]))
}
