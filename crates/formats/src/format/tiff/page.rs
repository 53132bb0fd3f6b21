//! The properties of one TIFF page from its tags, and the reasons for refusing a page.

use crate::FormatError;
use crate::dtype::SourceType;
use crate::format::tiff::tags::{Directory, Tags, tag};

/// The properties of one page.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Page {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Numbers of a pixel, including alpha.
    pub(crate) samples: usize,
    /// Index of the alpha sample.
    pub(crate) alpha: Option<usize>,
    /// Bits of a number.
    pub(crate) bits: usize,
    pub(crate) dtype: SourceType,
    /// Whether each sample has its own plane.
    pub(crate) separate: bool,
    /// Whether a stored number is an index into a palette.
    pub(crate) palette: bool,
    pub(crate) compression: u64,
    pub(crate) predictor: u64,
    /// Whether the bits of each byte are reversed.
    pub(crate) reversed: bool,
    /// Orientation of the picture, 1 to 8 as in EXIF.
    pub(crate) orientation: u8,
    pub(crate) tiled: bool,
    /// Columns and rows of a strip or tile.
    pub(crate) chunk: (usize, usize),
}

/// Names of compressions that are not supported.
fn compression_name(code: u64) -> &'static str {
    match code {
        2..=4 => "CCITT fax",
        6 => "old JPEG",
        34676 | 34677 => "SGI LogLuv",
        34712 | 33003..=33005 => "JPEG 2000",
        34887 => "LERC",
        34892 => "lossy JPEG of DNG",
        34925 => "LZMA",
        34926 => "old Zstandard",
        50001 | 34927 => "WebP",
        50002 | 52546 => "JPEG XL",
        _ => "of an unknown kind",
    }
}

/// Names of colour types that are not supported.
fn photometric_name(code: u64) -> &'static str {
    match code {
        4 => "a transparency mask",
        5 => "CMYK",
        6 => "YCbCr",
        8..=10 => "L*a*b*",
        32803 => "a colour filter array",
        32844 | 32845 => "LogLuv",
        34892 => "linear raw",
        _ => "of an unknown kind",
    }
}

impl Page {
    /// Reads the tags of a page. An unsupported page is refused with the reason.
    pub(crate) fn of(tags: &Tags<'_>, directory: &Directory) -> Result<Self, FormatError> {
        let page = directory.page;
        let unsupported = |what: String| FormatError::Unsupported {
            path: tags.path.into(),
            what: format!("page {page}: {what}"),
        };
        let broken =
            |what: &str| FormatError::Tiff { path: tags.path.into(), page, what: what.into() };
        let number = |tag| tags.number(directory, tag);
        let list = |tag| Ok::<_, FormatError>(tags.numbers(directory, tag)?.unwrap_or_default());
        let (Some(width), Some(height)) = (number(tag::WIDTH)?, number(tag::HEIGHT)?) else {
            return Err(broken("it has no width or no height"));
        };
        let most = u64::from(u32::MAX);
        if width == 0 || height == 0 || width > most || height > most {
            return Err(broken(&format!("it has {height}x{width} pixels")));
        }
        if number(tag::IMAGE_DEPTH)?.unwrap_or(1) > 1 {
            return Err(unsupported(
                "it is a volume of its own (ImageDepth); write a page a slice".into(),
            ));
        }
        let compression = number(tag::COMPRESSION)?.unwrap_or(1);
        let jpeg = compression == 7;
        if !matches!(compression, 1 | 5 | 7 | 8 | 32773 | 32946 | 50000) {
            let name = compression_name(compression);
            return Err(unsupported(format!(
                "its compression is {name} (code {compression}); uncompressed, LZW, Deflate, PackBits, \
                 Zstandard and JPEG are read"
            )));
        }
        let samples = number(tag::SAMPLES)?.unwrap_or(1);
        let photometric = number(tag::PHOTOMETRIC)?.unwrap_or(1);
        let colours = match photometric {
            0 | 1 | 3 => 1,
            2 => 3,
            6 if jpeg => 3,
            code => {
                let name = photometric_name(code);
                return Err(unsupported(format!(
                    "its pixels are {name} (code {code}); grey, RGB and palettes are read"
                )));
            }
        };
        if samples < colours || samples > 1 << 16 {
            return Err(broken(&format!("{samples} numbers a pixel where {colours} are needed")));
        }
        let extra = list(tag::EXTRA_SAMPLES)?;
        let alpha =
            extra.iter().take((samples - colours) as usize).position(|e| matches!(e, 1 | 2));
        let bits = list(tag::BITS)?;
        let bits = match &bits[..] {
            [] => 1,
            [first, rest @ ..] if rest.iter().all(|b| b == first) => *first,
            other => return Err(unsupported(format!("its samples have {other:?} bits"))),
        };
        let format = list(tag::SAMPLE_FORMAT)?;
        if format.windows(2).any(|w| w[0] != w[1]) {
            return Err(unsupported(format!("its samples have formats {format:?}")));
        }
        let dtype = match (format.first().copied().unwrap_or(1), bits) {
            (1 | 4, 1) => SourceType::Bool,
            (1 | 4, 2..=8) => SourceType::U8,
            (1 | 4, 9..=16) => SourceType::U16,
            (1 | 4, 32) => SourceType::U32,
            (1 | 4, 64) => SourceType::U64,
            (2, 8) => SourceType::I8,
            (2, 16) => SourceType::I16,
            (2, 32) => SourceType::I32,
            (2, 64) => SourceType::I64,
            (3, 16) => SourceType::F16,
            (3, 32) => SourceType::F32,
            (3, 64) => SourceType::F64,
            (format, bits) => {
                let name = match format {
                    1 | 4 => "whole numbers",
                    2 => "signed whole numbers",
                    3 => "floats",
                    5 | 6 => "complex numbers",
                    _ => "numbers of an unknown kind",
                };
                return Err(unsupported(format!("its pixels are {name} of {bits} bits")));
            }
        };
        if jpeg && (bits != 8 || (photometric == 2 && colours == 3)) {
            return Err(unsupported(format!(
                "its JPEG pixels are {bits}-bit samples of photometric kind {photometric}; grey and \
                 YCbCr of 8 bits are read"
            )));
        }
        let predictor = number(tag::PREDICTOR)?.unwrap_or(1);
        let predictable = match predictor {
            1 => true,
            2 => matches!(bits, 8 | 16 | 32 | 64),
            3 => matches!(dtype, SourceType::F16 | SourceType::F32 | SourceType::F64),
            _ => false,
        };
        if !predictable && matches!(compression, 5 | 8 | 32946 | 50000) {
            return Err(unsupported(format!("predictor {predictor} of {bits}-bit {dtype}")));
        }
        let tiled = tags.count(directory, tag::TILES) > 0;
        let chunk = match tiled {
            true => {
                let size = (number(tag::TILE_WIDTH)?, number(tag::TILE_HEIGHT)?);
                match size {
                    (Some(w @ 1..), Some(h @ 1..)) if w <= most && h <= most => (w, h),
                    _ => return Err(broken("its tiles have no size")),
                }
            }
            false => {
                let rows = number(tag::ROWS_PER_STRIP)?.unwrap_or(height);
                (width, if rows == 0 { height } else { rows.min(height) })
            }
        };
        Ok(Self {
            width: width as usize,
            height: height as usize,
            samples: samples as usize,
            alpha: alpha.map(|at| at + colours as usize),
            bits: bits as usize,
            dtype,
            separate: samples > 1 && number(tag::PLANAR)? == Some(2),
            palette: photometric == 3,
            compression,
            predictor: if matches!(compression, 5 | 8 | 32946 | 50000) { predictor } else { 1 },
            reversed: number(tag::FILL_ORDER)? == Some(2),
            orientation: number(tag::ORIENTATION)?.filter(|o| (1..=8).contains(o)).unwrap_or(1)
                as u8,
            tiled,
            chunk: (chunk.0 as usize, chunk.1 as usize),
        })
    }

    /// Whether a page is a reduced copy or a mask of another page, and therefore no field.
    pub(crate) fn is_aside(tags: &Tags<'_>, directory: &Directory) -> Result<bool, FormatError> {
        let kind = tags.number(directory, tag::SUBFILE)?.unwrap_or(0);
        let old = tags.number(directory, tag::OLD_SUBFILE)?.unwrap_or(0);
        Ok(kind & 0b101 != 0 || old == 2)
    }

    /// Number of channels of the resulting field.
    pub(crate) fn channels(&self) -> usize {
        self.samples - usize::from(self.alpha.is_some())
    }

    /// Rows and columns after its orientation is applied.
    pub(crate) fn turned(&self) -> (usize, usize) {
        match self.orientation {
            5..=8 => (self.width, self.height),
            _ => (self.height, self.width),
        }
    }

    /// Height, width, channels and type in words.
    pub(crate) fn shape(&self) -> String {
        let (height, width) = self.turned();
        format!("{height}x{width} with {} channel(s) of {}", self.channels(), self.dtype)
    }

    /// Number of samples stored together for each pixel.
    pub(crate) fn together(&self) -> usize {
        if self.separate { 1 } else { self.samples }
    }

    /// Bytes of a row of `columns` pixels.
    pub(crate) fn row_bytes(&self, columns: usize) -> u64 {
        (columns as u64).saturating_mul((self.together() * self.bits) as u64).div_ceil(8)
    }

    /// Bytes of all pixels, unpacked.
    pub(crate) fn bytes(&self) -> u64 {
        let planes = if self.separate { self.samples } else { 1 };
        self.row_bytes(self.width).saturating_mul(self.height as u64).saturating_mul(planes as u64)
    }

    /// Number of strips or tiles across and down.
    pub(crate) fn chunks(&self) -> (usize, usize) {
        (self.width.div_ceil(self.chunk.0), self.height.div_ceil(self.chunk.1))
    }

    /// Offset and number of bytes of each strip or tile, in the order planes, rows, columns.
    pub(crate) fn places(
        &self,
        tags: &Tags<'_>,
        directory: &Directory,
    ) -> Result<(Vec<u64>, Vec<u64>), FormatError> {
        let broken =
            |what: String| FormatError::Tiff { path: tags.path.into(), page: directory.page, what };
        let (offsets, counts) = match self.tiled {
            true => (tag::TILES, tag::TILE_BYTES),
            false => (tag::STRIPS, tag::STRIP_BYTES),
        };
        let (across, down) = self.chunks();
        let planes = if self.separate { self.samples } else { 1 };
        let needed = (across as u64).saturating_mul(down as u64).saturating_mul(planes as u64);
        let mut offsets = tags.numbers(directory, offsets)?.unwrap_or_default();
        if (offsets.len() as u64) < needed {
            return Err(broken(format!(
                "{} strips or tiles where {needed} are needed",
                offsets.len()
            )));
        }
        offsets.truncate(needed as usize);
        let mut counts = tags.numbers(directory, counts)?.unwrap_or_default();
        if self.compression == 1 {
            // some writers leave the counts out or set them to 0
            counts.resize(needed as usize, 0);
            for (chunk, count) in counts.iter_mut().enumerate() {
                *count = self.chunk_bytes(chunk / across % down);
            }
        }
        if (counts.len() as u64) < needed {
            return Err(broken(format!("{} lengths of {needed} strips or tiles", counts.len())));
        }
        counts.truncate(needed as usize);
        Ok((offsets, counts))
    }

    /// Unpacked bytes of a strip or tile in row `down`.
    pub(crate) fn chunk_bytes(&self, down: usize) -> u64 {
        let (columns, rows) = self.chunk;
        let rows = match self.tiled {
            true => rows,
            false => rows.min(self.height - down * rows),
        };
        self.row_bytes(columns).saturating_mul(rows as u64)
    }
}
