//! Where the rows of an uncompressed grey TIFF stand: read by part, never decoded whole.

use std::io::{BufReader, Cursor, Read, Seek};
use std::path::Path;

use tiff::ColorType;
use tiff::decoder::Decoder;
use tiff::tags::{ByteOrder, CompressionMethod, Tag};

use crate::bytes::Bytes;
use crate::calibration::Calibration;
use crate::dtype::{Endian, SourceType};
use crate::layout::Layout;
use crate::places::Places;
use crate::stored::StoredFields;
use crate::{FormatError, ReadOptions};

/// What all pages must share.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Page {
    width: u32,
    height: u32,
    dtype: SourceType,
    rows: u32,
}

impl Page {
    /// Bytes of its rows.
    fn bytes(&self) -> u64 {
        let pixels = u64::from(self.width) * u64::from(self.height);
        pixels.saturating_mul(self.dtype.size() as u64)
    }
}

/// Opens a stack of uncompressed grey pages: one field a page, or one volume if `dim = 3`. Pages are
/// named after `file`.
pub(crate) fn open(
    path: &Path,
    bytes: Bytes,
    file: &str,
    options: &ReadOptions,
) -> Result<StoredFields, FormatError> {
    let failed = |source| FormatError::Read { path: path.into(), source };
    let found = bytes.length().map_err(failed)?;
    let stack = match &bytes {
        Bytes::File(file) => Stack::of(BufReader::new(file), found, path)?,
        Bytes::Memory(bytes) => Stack::of(Cursor::new(&bytes[..]), found, path)?,
    };
    stack.fields(path, bytes, file, options)
}

/// The pages of a file.
struct Stack {
    page: Page,
    pages: usize,
    endian: Endian,
    offsets: Vec<u64>,
    calibration: Calibration,
}

impl Stack {
    /// Reads the directory of every page.
    fn of(reader: impl Read + Seek, found: u64, path: &Path) -> Result<Self, FormatError> {
        let refused = |page, source| FormatError::Tiff { path: path.into(), page, source };
        let mut decoder = Decoder::new(reader).map_err(|source| refused(0, source))?;
        let calibration = Calibration::of(&mut decoder);
        let (mut offsets, mut first, mut pages, mut expected) = (Vec::new(), None, 0, 0u64);
        loop {
            let (page, strips) = page(&mut decoder, path, pages)?;
            // pages may share one table of strips, but not the bytes of their rows: places are kept for
            // rows that the file has room for only
            expected = expected.saturating_add(page.bytes());
            if expected > found {
                return Err(FormatError::Truncated { path: path.into(), expected, found });
            }
            offsets.extend(strips);
            match first {
                None => first = Some(page),
                Some(model) if model != page => {
                    return Err(FormatError::Mixed {
                        first: path.into(),
                        first_shape: shape(&model),
                        second: format!("{}#{pages}", path.display()).into(),
                        second_shape: shape(&page),
                    });
                }
                Some(_) => {}
            }
            pages += 1;
            if !decoder.more_images() {
                break;
            }
            decoder.next_image().map_err(|source| refused(pages, source))?;
        }
        let endian = match decoder.byte_order() {
            ByteOrder::LittleEndian => Endian::Little,
            ByteOrder::BigEndian => Endian::Big,
        };
        let Some(page) = first else {
            return Err(FormatError::Empty {
                path: path.into(),
                what: "a TIFF without pages".into(),
            });
        };
        Ok(Self { page, pages, endian, offsets, calibration })
    }

    /// The pages as fields, or as one volume.
    fn fields(
        self,
        path: &Path,
        bytes: Bytes,
        file: &str,
        options: &ReadOptions,
    ) -> Result<StoredFields, FormatError> {
        let Self { page: Page { width, height, dtype, rows }, pages, endian, offsets, calibration } =
            self;
        let plane = [height as usize, width as usize];
        let (points, count) = match options.dim {
            Some(3) => ([&[pages], &plane[..]].concat(), 1),
            Some(1) => {
                return Err(FormatError::Layout {
                    path: path.into(),
                    shape: plane.map(|n| n as u64).into(),
                    requirement: "pictures have dim 2, a stack of them 3, not 1".into(),
                });
            }
            _ => (plane.into(), pages),
        };
        if let Some(asked) = options.channels.filter(|&c| c != 1) {
            return Err(FormatError::Layout {
                path: path.into(),
                shape: plane.map(|n| n as u64).into(),
                requirement: format!("channels = {asked} asked for, 1 found"),
            });
        }
        let places = Places::Strips {
            strips_a_page: height.div_ceil(rows) as usize,
            rows_a_strip: rows as usize,
            row: u64::from(width) * dtype.size() as u64,
            offsets,
        };
        let dim = points.len();
        let layout = Layout { channels: 1, points, note: None };
        let mut fields = StoredFields::new(path, bytes, layout, count, (dtype, endian), places)?;
        if dim == 2 {
            fields.name_pages(file);
        }
        fields.units = calibration.units(dim);
        Ok(fields)
    }
}

/// One page's shape, and where its strips stand.
fn page(
    decoder: &mut Decoder<impl Read + Seek>,
    path: &Path,
    page: usize,
) -> Result<(Page, Vec<u64>), FormatError> {
    let refused = |source| FormatError::Tiff { path: path.into(), page, source };
    let whole = |what: String| FormatError::Unsupported {
        path: path.into(),
        what: format!(
            "page {page} {what}; only uncompressed grey strips are read by part, read it whole"
        ),
    };
    let (width, height) = decoder.dimensions().map_err(refused)?;
    let tag =
        |decoder: &mut Decoder<_>, tag| decoder.find_tag_unsigned::<u32>(tag).map_err(refused);
    let compression = tag(decoder, Tag::Compression)?.unwrap_or(1);
    if compression != u32::from(CompressionMethod::None.to_u16()) {
        return Err(whole("is compressed".into()));
    }
    let color = decoder.colortype().map_err(refused)?;
    let format = tag(decoder, Tag::SampleFormat)?.unwrap_or(1);
    let dtype = match (color, format) {
        (ColorType::Gray(8), 1) => SourceType::U8,
        (ColorType::Gray(16), 1) => SourceType::U16,
        (ColorType::Gray(32), 1) => SourceType::U32,
        (ColorType::Gray(64), 1) => SourceType::U64,
        (ColorType::Gray(8), 2) => SourceType::I8,
        (ColorType::Gray(16), 2) => SourceType::I16,
        (ColorType::Gray(32), 2) => SourceType::I32,
        (ColorType::Gray(64), 2) => SourceType::I64,
        (ColorType::Gray(32), 3) => SourceType::F32,
        (ColorType::Gray(64), 3) => SourceType::F64,
        _ => return Err(whole(format!("is {color:?} of sample format {format}"))),
    };
    let Some(strips) = decoder.find_tag_unsigned_vec::<u64>(Tag::StripOffsets).map_err(refused)?
    else {
        return Err(whole("is tiled".into()));
    };
    let rows = tag(decoder, Tag::RowsPerStrip)?.unwrap_or(height).clamp(1, height.max(1));
    if height == 0 || width == 0 || strips.len() != height.div_ceil(rows) as usize {
        return Err(whole(format!("of {height} rows has {} strips of {rows}", strips.len())));
    }
    Ok((Page { width, height, dtype, rows }, strips))
}

fn shape(page: &Page) -> String {
    format!("{}x{} of {} in strips of {}", page.height, page.width, page.dtype, page.rows)
}
