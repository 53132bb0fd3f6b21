//! Reads one PNG or JPEG as a 2-D field.
//!
//! Grey gives one channel and colour three. Alpha is dropped if every pixel is opaque. If one is
//! not, its colour has no agreed meaning and the picture is refused. Grey PNGs of 1, 2 or 4 bits
//! are scaled to 0 … 255. A palette picture gives its palette indices, as masks need them; a
//! palette of greys gives the greys. EXIF orientations are applied. Colour profiles and gamma are
//! ignored.

use std::io::{BufRead, Cursor, Read, Seek};
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader};

use crate::container::seekable::{ReadSeek, Seekable};
use crate::fields::opened::Opened;
use crate::format::entry::{Format, Found, InFolder, Packed, Seen};
use crate::format::tiff::pixels::turn;
use crate::{FormatError, RawFields, ReadOptions, SourceType};

/// Bytes that a decoder may use besides the values, such as its buffers and a JPEG's metadata.
const DECODER_ROOM: u64 = 64 << 20;

/// Decoded pixels.
struct Pixels {
    size: (usize, usize),
    /// Number of interleaved values of a pixel.
    samples: usize,
    /// Alpha of an opaque pixel, if the last value is alpha.
    opaque: Option<f32>,
    dtype: SourceType,
    values: Vec<f32>,
    /// Orientation, 1 to 8 as in EXIF.
    orientation: u8,
    note: Option<&'static str>,
}

/// PNG in the table of formats.
pub(crate) const PNG: Format = Format {
    one: Some("a file of one array"),
    packed: Packed::InZip,
    in_folder: InFolder::Picture(&["png"]),
    ..Format::new("PNG", is_png, open_png)
};

/// JPEG in the table of formats.
pub(crate) const JPEG: Format = Format {
    one: Some("a file of one array"),
    packed: Packed::InZip,
    in_folder: InFolder::Picture(&["jpg", "jpeg"]),
    ..Format::new("JPEG", is_jpeg, open_jpeg)
};

fn is_png(seen: &Seen<'_>) -> bool {
    matches!(seen, Seen::Head(head) if head.starts_with(b"\x89PNG\r\n\x1a\n"))
}

fn is_jpeg(seen: &Seen<'_>) -> bool {
    matches!(seen, Seen::Head(head) if head.starts_with(b"\xff\xd8\xff"))
}

fn open_png(found: &Found<'_>, options: &ReadOptions) -> Result<Opened, FormatError> {
    let Seekable { path, reader, .. } = found.seekable(options)?;
    png(path, reader, options)?.field(path, &found.label(), options).map(Opened::Memory)
}

fn open_jpeg(found: &Found<'_>, options: &ReadOptions) -> Result<Opened, FormatError> {
    let file = found.seekable(options)?;
    let (path, length) = (file.path, file.length);
    let bytes = file.bytes(room(options))?;
    if !has_end(&bytes) {
        // the decoder would silently fill the missing part with grey
        return Err(FormatError::Truncated {
            path: path.into(),
            expected: length + 2,
            found: length,
        });
    }
    if components(&bytes) == Some(4) {
        // the decoder would silently convert them to colours
        return Err(FormatError::Unsupported {
            path: path.into(),
            what: "pixels are CMYK; grey and RGB are read".into(),
        });
    }
    let reader = ImageReader::with_format(Cursor::new(bytes), ImageFormat::Jpeg);
    decode(path, reader, options)?.field(path, &found.label(), options).map(Opened::Memory)
}

/// Bytes that decoding may take in total.
fn room(options: &ReadOptions) -> u64 {
    options.limit_bytes.saturating_add(DECODER_ROOM)
}

impl Pixels {
    /// The picture as a field, with its orientation applied.
    fn field(
        self,
        path: &Path,
        name: &str,
        options: &ReadOptions,
    ) -> Result<RawFields, FormatError> {
        let Self { size, samples, opaque, dtype, values, orientation, note } = self;
        let channels = samples - usize::from(opaque.is_some());
        if let Some(opaque) = opaque {
            let alphas = values.iter().skip(channels).step_by(samples);
            if let Some((pixel, &alpha)) = alphas.enumerate().find(|(_, a)| **a != opaque) {
                return Err(FormatError::Transparent { path: path.into(), pixel, alpha, opaque });
            }
        }
        let (height, width) = if orientation > 4 { (size.1, size.0) } else { size };
        let refuse = |requirement: String| {
            Err(FormatError::Layout {
                path: path.into(),
                shape: [channels, height, width].map(|n| n as u64).into(),
                requirement,
            })
        };
        if let Some(asked) = options.channels.filter(|&c| c != channels) {
            return refuse(format!("channels = {asked} asked for, {channels} found"));
        }
        if options.dim == Some(1) {
            return refuse("pictures have dim 2, a stack of them 3, not 1".into());
        }
        let mut planes = Vec::with_capacity(channels * height * width);
        for channel in 0..channels {
            let plane: Vec<f32> = values.iter().skip(channel).step_by(samples).copied().collect();
            planes.extend(turn(&plane, size, orientation));
        }
        let mut fields = RawFields::array(path, vec![height, width], channels, planes, dtype)?;
        fields.items = vec![name.into()];
        fields.notes.extend(note.map(String::from));
        if orientation != 1 {
            fields.notes.push(format!("turned as its orientation {orientation} says"));
        }
        Ok(if options.dim == Some(3) { fields.into_volume() } else { fields })
    }
}

/// Decodes a PNG. A palette is not left to the decoder, which would return colours.
fn png(
    path: &Path,
    mut file: Box<dyn ReadSeek>,
    options: &ReadOptions,
) -> Result<Pixels, FormatError> {
    let failed = |source| FormatError::Read { path: path.into(), source };
    let mut head = Vec::new();
    // signature, length and name of the header, width, height, bits, colour type
    file.by_ref().take(26).read_to_end(&mut head).map_err(failed)?;
    file.rewind().map_err(failed)?;
    match head.get(25) {
        Some(3) => palette(path, file, options),
        _ => decode(path, ImageReader::with_format(file, ImageFormat::Png), options),
    }
}

fn palette(
    path: &Path,
    file: Box<dyn ReadSeek>,
    options: &ReadOptions,
) -> Result<Pixels, FormatError> {
    let refused = |error: png::DecodingError| FormatError::Image {
        path: path.into(),
        source: image::ImageError::Decoding(image::error::DecodingError::new(
            ImageFormat::Png.into(),
            error,
        )),
    };
    let bytes = usize::try_from(room(options)).unwrap_or(usize::MAX);
    let mut decoder = png::Decoder::new_with_limits(file, png::Limits { bytes });
    decoder.set_transformations(png::Transformations::IDENTITY);
    let mut reader = decoder.read_info().map_err(refused)?;
    let info = reader.info();
    let (width, height, bits) = (info.width, info.height, info.bit_depth as usize);
    let colours = info.palette.as_deref().unwrap_or_default().to_vec();
    let orientation = info.exif_metadata.as_deref().and_then(Orientation::from_exif_chunk);
    options.admit(path, [width.into(), height.into()])?;
    let size = reader.output_buffer_size().unwrap_or(usize::MAX);
    options.admit(path, [size as u64 / 4])?;
    let mut packed = vec![0; size];
    let frame = reader.next_frame(&mut packed).map_err(refused)?;
    let mut numbers = Vec::with_capacity(width as usize * height as usize);
    for row in packed.chunks_exact(frame.line_size).take(height as usize) {
        let number = |i: usize| {
            let first = i * bits;
            row[first / 8] >> (8 - bits - first % 8) & (u8::MAX >> (8 - bits))
        };
        numbers.extend((0..width as usize).map(number));
    }
    let colour = |number: u8| colours.get(3 * usize::from(number)..)?.first_chunk::<3>();
    let grey = |number: &u8| colour(*number).is_some_and(|[r, g, b]| r == g && g == b);
    let (values, note) = match numbers.iter().all(grey) {
        true => {
            let level = |n: u8| colour(n).map_or(0.0, |c| f32::from(c[0]));
            (numbers.into_iter().map(level).collect(), None)
        }
        false => {
            let note = "values are the numbers of colours in its palette, not colours";
            (numbers.into_iter().map(f32::from).collect(), Some(note))
        }
    };
    Ok(Pixels {
        size: (height as usize, width as usize),
        samples: 1,
        opaque: None,
        dtype: SourceType::U8,
        values,
        orientation: orientation.map_or(1, Orientation::to_exif),
        note,
    })
}

fn decode<R: BufRead + Seek>(
    path: &Path,
    mut reader: ImageReader<R>,
    options: &ReadOptions,
) -> Result<Pixels, FormatError> {
    let refused = |source| FormatError::Image { path: path.into(), source };
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(room(options));
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(refused)?;
    let (width, height) = decoder.dimensions();
    let samples = u64::from(decoder.color_type().channel_count());
    options.admit(path, [width.into(), height.into(), samples])?;
    let orientation = decoder.orientation().map_or(1, Orientation::to_exif);
    let picture = DynamicImage::from_decoder(decoder).map_err(refused)?;
    let bytes = |p: Vec<u8>| -> Vec<f32> { p.into_iter().map(f32::from).collect() };
    let words = |p: Vec<u16>| -> Vec<f32> { p.into_iter().map(f32::from).collect() };
    let (deep, most) = (SourceType::U16, Some(65535.0));
    let (samples, opaque, dtype, values) = match picture {
        DynamicImage::ImageLuma8(p) => (1, None, SourceType::U8, bytes(p.into_raw())),
        DynamicImage::ImageLumaA8(p) => (2, Some(255.), SourceType::U8, bytes(p.into_raw())),
        DynamicImage::ImageRgb8(p) => (3, None, SourceType::U8, bytes(p.into_raw())),
        DynamicImage::ImageRgba8(p) => (4, Some(255.), SourceType::U8, bytes(p.into_raw())),
        DynamicImage::ImageLuma16(p) => (1, None, deep, words(p.into_raw())),
        DynamicImage::ImageLumaA16(p) => (2, most, deep, words(p.into_raw())),
        DynamicImage::ImageRgb16(p) => (3, None, deep, words(p.into_raw())),
        DynamicImage::ImageRgba16(p) => (4, most, deep, words(p.into_raw())),
        other => {
            return Err(FormatError::Unsupported {
                path: path.into(),
                what: format!("pixels of type {:?}; grey and RGB are read", other.color()),
            });
        }
    };
    let size = (height as usize, width as usize);
    Ok(Pixels { size, samples, opaque, dtype, values, orientation, note: None })
}

/// Whether a JPEG's last scan is followed by the end-of-image marker.
fn has_end(bytes: &[u8]) -> bool {
    let scan = bytes.windows(2).rposition(|w| w == [0xff, 0xda]);
    scan.is_none_or(|start| bytes[start..].windows(2).any(|w| w == [0xff, 0xd9]))
}

/// Number of components of a JPEG's frame.
fn components(bytes: &[u8]) -> Option<u8> {
    let mut rest = bytes.get(2..)?;
    loop {
        let (marker, length) = (rest.get(1)?, rest.get(2..4)?);
        match marker {
            // start-of-frame markers, without the tables that have codes between them
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => return rest.get(9).copied(),
            0xff => rest = rest.get(1..)?,
            _ => rest = rest.get(2 + usize::from(u16::from_be_bytes([length[0], length[1]]))..)?,
        }
    }
}
