//! The XML of a VTK image data file: the box, its arrays, and the positions of their values.
//!
//! Source: "VTK XML Formats" of the VTK documentation. Only the part before the appended values is
//! XML; the values are bytes.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::dtype::{Endian, SourceType};

/// Largest number of arrays that are read.
const ARRAYS_AT_MOST: usize = 1 << 16;

/// The content of the XML.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct VtiHeader {
    pub(crate) endian: Endian,
    /// Bytes of the length before binary values: 4 or 8.
    pub(crate) length_size: usize,
    pub(crate) zlib: bool,
    /// First and last point along x, y, z.
    pub(crate) extent: [i64; 6],
    /// Distance of points along x, y, z.
    pub(crate) spacing: [f64; 3],
    /// Unit of the spacing, if this crate wrote the file.
    pub(crate) unit: Option<String>,
    pub(crate) arrays: Vec<VtiArray>,
    /// Offset of the appended values, and whether they are base64.
    pub(crate) appended: Option<(usize, bool)>,
}

/// One array on the points or cells of the box.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct VtiArray {
    pub(crate) name: String,
    pub(crate) dtype: SourceType,
    pub(crate) components: usize,
    /// Whether its values belong to cells, of which there is one less than points along each axis.
    pub(crate) cells: bool,
    pub(crate) values: VtiValues,
}

/// The position of the values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum VtiValues {
    /// As text in the XML, at these bytes.
    Ascii(usize, usize),
    /// As base64 in the XML, at these bytes.
    Inline(usize, usize),
    /// At this offset from the start of the appended values.
    Appended(usize),
}

/// Name of the text array that holds the unit of the spacing.
pub(crate) const UNIT: &str = "spacing_unit";

impl VtiHeader {
    /// Parses the XML. The error has the offset and the broken rule.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, (u64, String)> {
        let mut reader = Reader::from_reader(bytes);
        let mut found = Found::default();
        // the current array, the range of its text, and the reader's depth below it
        let mut current: Option<(BytesStart<'static>, (usize, usize))> = None;
        let mut nested = 0;
        loop {
            let at = reader.buffer_position();
            let wrong = |what: String| (at, what);
            let event = reader.read_event().map_err(|e| wrong(e.to_string()))?;
            let after = reader.buffer_position() as usize;
            match event {
                Event::Start(tag) if tag.name().as_ref() == b"AppendedData" => {
                    let base64 =
                        attribute(&tag, "encoding").map_err(wrong)?.is_none_or(|e| e == "base64");
                    let mark = bytes[after..].iter().position(|b| !b.is_ascii_whitespace());
                    let mark = mark.map(|skip| after + skip).filter(|&m| bytes[m] == b'_');
                    let mark = mark.ok_or_else(|| wrong("no _ before the appended data".into()))?;
                    found.appended = Some((mark + 1, base64));
                    break;
                }
                Event::Start(tag) if tag.name().as_ref() == b"DataArray" => {
                    current = Some((tag.into_owned(), (after, after)));
                    nested = 0;
                }
                Event::Start(_) if current.is_some() => nested += 1,
                Event::Start(tag) => found.open(&tag).map_err(wrong)?,
                Event::Empty(tag) if tag.name().as_ref() == b"DataArray" => {
                    found.array(&tag, bytes, (after, after)).map_err(wrong)?;
                }
                Event::Empty(tag) => found.open(&tag).map_err(wrong)?,
                Event::Text(text) if nested == 0 && !text.trim_ascii().is_empty() => {
                    if let Some((_, place)) = &mut current {
                        *place = (at as usize, after);
                    }
                }
                Event::End(tag) if tag.name().as_ref() == b"DataArray" => {
                    if let Some((tag, place)) = current.take() {
                        found.array(&tag, bytes, place).map_err(wrong)?;
                    }
                }
                Event::End(_) if current.is_some() => nested -= 1,
                Event::End(tag) => match tag.name().as_ref() {
                    b"PointData" | b"CellData" | b"FieldData" => found.section = Section::None,
                    b"VTKFile" => break,
                    _ => {}
                },
                Event::Eof => break,
                _ => {}
            }
        }
        found.finish().map_err(|what| (0, what))
    }
}

/// The section of the file in which the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
enum Section {
    #[default]
    None,
    Points,
    Cells,
    Whole,
}

#[derive(Debug, Default)]
struct Found {
    file: Option<(Endian, usize, bool)>,
    extent: Option<[i64; 6]>,
    pieces: Vec<[i64; 6]>,
    spacing: Option<[f64; 3]>,
    unit: Option<String>,
    section: Section,
    arrays: Vec<VtiArray>,
    appended: Option<(usize, bool)>,
}

impl Found {
    fn open(&mut self, tag: &BytesStart<'_>) -> Result<(), String> {
        match tag.name().as_ref() {
            b"VTKFile" => self.file(tag)?,
            b"ImageData" => {
                self.extent = Some(numbers(tag, "WholeExtent")?.ok_or("no WholeExtent")?);
                self.spacing = Some(numbers(tag, "Spacing")?.unwrap_or([1.0; 3]));
                let straight = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
                let turned = numbers::<f64, 9>(tag, "Direction")?.is_some_and(|d| d != straight);
                if turned {
                    return Err("the box is turned (Direction); resample it along the axes".into());
                }
            }
            b"Piece" => self.pieces.extend(numbers(tag, "Extent")?),
            b"PointData" => self.section = Section::Points,
            b"CellData" => self.section = Section::Cells,
            b"FieldData" => self.section = Section::Whole,
            _ => {}
        }
        Ok(())
    }

    fn file(&mut self, tag: &BytesStart<'_>) -> Result<(), String> {
        let kind = attribute(tag, "type")?.unwrap_or_default();
        if kind != "ImageData" {
            return Err(format!("a VTK file of type {kind:?}; only ImageData (.vti) is read"));
        }
        let endian = match attribute(tag, "byte_order")?.as_deref() {
            Some("BigEndian") => Endian::Big,
            Some("LittleEndian") | None => Endian::Little,
            Some(other) => return Err(format!("byte_order {other:?}")),
        };
        let length_size = match attribute(tag, "header_type")?.as_deref() {
            Some("UInt64") => 8,
            Some("UInt32") | None => 4,
            Some(other) => return Err(format!("header_type {other:?}; UInt32 or UInt64 are read")),
        };
        let zlib = match attribute(tag, "compressor")?.as_deref() {
            None | Some("") => false,
            Some("vtkZLibDataCompressor") => true,
            Some(other) => {
                return Err(format!("compressor {other}; save with ZLib or without compression"));
            }
        };
        self.file = Some((endian, length_size, zlib));
        Ok(())
    }

    fn array(
        &mut self,
        tag: &BytesStart<'_>,
        bytes: &[u8],
        (start, end): (usize, usize),
    ) -> Result<(), String> {
        if self.section == Section::Whole && attribute(tag, "Name")?.as_deref() == Some(UNIT) {
            self.unit = unit_of(&bytes[start..end]);
        }
        if !matches!(self.section, Section::Points | Section::Cells) {
            return Ok(());
        }
        if self.arrays.len() == ARRAYS_AT_MOST {
            return Err(format!("more than {ARRAYS_AT_MOST} arrays"));
        }
        let name = attribute(tag, "Name")?.unwrap_or_else(|| format!("array{}", self.arrays.len()));
        let kind = attribute(tag, "type")?.unwrap_or_default();
        let Some(dtype) = SourceType::named(&kind.to_ascii_lowercase()) else { return Ok(()) };
        let components = match attribute(tag, "NumberOfComponents")? {
            None => 1,
            Some(text) => text.parse().ok().filter(|n| *n > 0).ok_or_else(|| {
                format!("array {name} has {text:?} components; a positive number is needed")
            })?,
        };
        let values = match attribute(tag, "format")?.as_deref() {
            Some("ascii") => VtiValues::Ascii(start, end),
            Some("binary") => VtiValues::Inline(start, end),
            Some("appended") => {
                let offset = attribute(tag, "offset")?.unwrap_or_default();
                let offset =
                    offset.parse().map_err(|_| format!("offset {offset:?} of array {name}"))?;
                VtiValues::Appended(offset)
            }
            other => {
                return Err(format!(
                    "array {name} has format {other:?}; known are ascii, binary, appended"
                ));
            }
        };
        let cells = self.section == Section::Cells;
        self.arrays.push(VtiArray { name, dtype, components, cells, values });
        Ok(())
    }

    fn finish(self) -> Result<VtiHeader, String> {
        let (endian, length_size, zlib) = self.file.ok_or("XML without a VTKFile element")?;
        let extent = self.extent.ok_or("no ImageData element")?;
        let spacing = self.spacing.unwrap_or([1.0; 3]);
        if self.pieces.len() > 1 || self.pieces.first().is_some_and(|p| *p != extent) {
            return Err(format!("{} pieces; save the box as one piece", self.pieces.len()));
        }
        for (axis, ends) in extent.chunks_exact(2).enumerate() {
            if ends[1] < ends[0] {
                return Err(format!(
                    "extent {} to {} along axis {axis} is empty",
                    ends[0], ends[1]
                ));
            }
        }
        let Self { unit, arrays, appended, .. } = self;
        Ok(VtiHeader { endian, length_size, zlib, extent, spacing, unit, arrays, appended })
    }
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Result<Option<String>, String> {
    let found = tag.try_get_attribute(name).map_err(|e| e.to_string())?;
    let text = found
        .map(|a| a.normalized_value(quick_xml::XmlVersion::Implicit1_0).map(|v| v.into_owned()));
    text.transpose().map_err(|e| e.to_string())
}

fn numbers<T: std::str::FromStr, const N: usize>(
    tag: &BytesStart<'_>,
    name: &str,
) -> Result<Option<[T; N]>, String> {
    let Some(text) = attribute(tag, name)? else { return Ok(None) };
    let list: Option<Vec<T>> = text.split_whitespace().map(|n| n.parse().ok()).collect();
    match list.map(<[T; N]>::try_from) {
        Some(Ok(numbers)) => Ok(Some(numbers)),
        _ => Err(format!("{name} is {text:?}, not {N} numbers")),
    }
}

/// Text that VTK writes as character codes with a final zero.
fn unit_of(text: &[u8]) -> Option<String> {
    let codes = std::str::from_utf8(text).ok()?.split_whitespace().map(|n| n.parse().ok());
    let letters: Vec<u8> = codes.collect::<Option<_>>()?;
    let unit = String::from_utf8(letters).ok()?;
    Some(unit.trim_end_matches('\0').into()).filter(|u: &String| !u.is_empty())
}
