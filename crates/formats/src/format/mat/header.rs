//! The elements of a MATLAB 5 file, and its variables.
//!
//! A file is 128 bytes of text, version and byte order, followed by elements. An element is a type,
//! a length and data. A variable is an element of elements: flags, lengths of the axes, a name,
//! numbers. It is often packed as one zlib stream. Source: "MAT-File Format", The MathWorks, level
//! 5.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Take};
use std::path::Path;

use flate2::read::ZlibDecoder;

use crate::dtype::Endian;
use crate::{FormatError, SourceType};

/// Bytes before the first element.
pub(crate) const HEADER: u64 = 128;
/// Largest accepted length of a name, number of axes and number of variables.
const NAME_AT_MOST: u64 = 4096;
const AXES_AT_MOST: u64 = 32;
const VARIABLES_AT_MOST: usize = 4096;

/// Types of elements.
const MATRIX: u32 = 14;
const PACKED: u32 = 15;

/// An array of a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Variable {
    pub(crate) name: String,
    /// Lengths of the axes, as in MATLAB's `size`; the first is the fastest.
    pub(crate) shape: Vec<u64>,
    /// MATLAB's type of its numbers, or the reason why it is not an array of real numbers.
    pub(crate) dtype: Result<SourceType, &'static str>,
    place: Place,
}

/// Position of an element.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Place {
    start: u64,
    length: u64,
    packed: bool,
}

/// The bytes of an element, and their position for messages.
pub(crate) struct Elements<'a> {
    path: &'a Path,
    endian: Endian,
    reader: Box<dyn Read>,
    /// Offset of the element in the file.
    offset: u64,
    /// Bytes read so far.
    read: u64,
}

/// Type and length of an element. Data of at most four bytes may be part of the tag.
struct Tag {
    kind: u32,
    length: u64,
    inside: Option<[u8; 4]>,
}

/// The byte order of a header; `None` if it is not a header of level 5.
pub(crate) fn byte_order(head: &[u8]) -> Option<Endian> {
    match head.get(124..128)? {
        [_, 1, b'I', b'M'] => Some(Endian::Little),
        [1, _, b'M', b'I'] => Some(Endian::Big),
        _ => None,
    }
}

/// All variables of a file, including those that cannot be fields.
pub(crate) fn variables(path: &Path) -> Result<(Vec<Variable>, Endian), FormatError> {
    let failed = |source| FormatError::Read { path: path.into(), source };
    let mut file = File::open(path).map_err(failed)?;
    let found = file.metadata().map_err(failed)?.len();
    let mut head = Vec::new();
    Read::by_ref(&mut file).take(HEADER).read_to_end(&mut head).map_err(failed)?;
    let Some(endian) = byte_order(&head) else {
        let what = "no byte order stands where MATLAB 5 has it".into();
        return Err(FormatError::Header { path: path.into(), offset: 124, what });
    };
    let (mut all, mut at) = (Vec::new(), HEADER);
    while at < found && all.len() < VARIABLES_AT_MOST {
        let expected = at.saturating_add(8);
        if expected > found {
            return Err(FormatError::Truncated { path: path.into(), expected, found });
        }
        let mut tag = [0; 8];
        file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut tag)).map_err(failed)?;
        let number = |at: usize| SourceType::length(&tag[at..at + 4], endian);
        let (kind, length) = (number(0) as u32, number(4));
        let end = expected.saturating_add(length);
        if end > found {
            return Err(FormatError::Truncated { path: path.into(), expected: end, found });
        }
        let place = Place { start: expected, length, packed: kind == PACKED };
        match kind {
            MATRIX | PACKED => all.extend(variable(path, endian, place)?),
            // elements other than variables are skipped
            1..=18 => {}
            _ => {
                let what = format!("no element of MATLAB 5 has type {kind}");
                return Err(FormatError::Header { path: path.into(), offset: at, what });
            }
        }
        at = end;
    }
    Ok((all, endian))
}

/// The description of a variable, which precedes its numbers. `None` for other elements and for
/// variables without a name, which are parts of others.
fn variable(path: &Path, endian: Endian, place: Place) -> Result<Option<Variable>, FormatError> {
    let mut elements = Elements::open(path, endian, place)?;
    if place.packed && elements.tag()?.kind != MATRIX {
        return Ok(None);
    }
    if place.length == 0 {
        return Ok(None);
    }
    let flags = elements.small(8)?;
    if flags.len() < 8 {
        return Err(elements.wrong("the flags of a variable are cut short"));
    }
    let flags = SourceType::length(&flags[..4], endian);
    let lengths = elements.small(4 * AXES_AT_MOST)?;
    let lengths = lengths.chunks_exact(4).map(|b| SourceType::length(b, endian));
    let shape: Vec<u64> = lengths.collect();
    if shape.iter().any(|n| *n > i32::MAX as u64) {
        return Err(elements.wrong("an axis of negative length"));
    }
    let name = String::from_utf8_lossy(&elements.small(NAME_AT_MOST)?).into_owned();
    use SourceType::*;
    let dtype = match flags & 255 {
        1 => Err("cells"),
        2 => Err("a structure"),
        3 => Err("an object"),
        4 => Err("text"),
        5 => Err("a sparse matrix"),
        _ if flags & 0x800 != 0 => Err("complex numbers"),
        6 => Ok(F64),
        7 => Ok(F32),
        8 => Ok(I8),
        9 if flags & 0x200 != 0 => Ok(Bool),
        9 => Ok(U8),
        10 => Ok(I16),
        11 => Ok(U16),
        12 => Ok(I32),
        13 => Ok(U32),
        14 => Ok(I64),
        15 => Ok(U64),
        16 => Err("a function"),
        17 => Err("an object"),
        _ => Err("of a class that is not known here"),
    };
    let unnamed = name.is_empty();
    Ok((!unnamed).then_some(Variable { name, shape, dtype, place }))
}

impl Variable {
    /// The element with the variable's numbers: their type in the file, their number, their bytes.
    pub(crate) fn numbers<'a>(
        &self,
        path: &'a Path,
        endian: Endian,
    ) -> Result<(SourceType, u64, Elements<'a>), FormatError> {
        let mut elements = Elements::open(path, endian, self.place)?;
        if self.place.packed {
            elements.tag()?;
        }
        elements.small(8)?;
        elements.small(4 * AXES_AT_MOST)?;
        elements.small(NAME_AT_MOST)?;
        let tag = elements.tag()?;
        use SourceType::*;
        // MATLAB stores integers of a wide class in the narrowest type that holds them
        let stored = match tag.kind {
            1 => I8,
            2 => U8,
            3 => I16,
            4 => U16,
            5 => I32,
            6 => U32,
            7 => F32,
            9 => F64,
            12 => I64,
            13 => U64,
            other => return Err(elements.wrong(format!("numbers of type {other}"))),
        };
        if let Some(inside) = tag.inside {
            elements.reader = Box::new(std::io::Cursor::new(inside));
        }
        Ok((stored, tag.length, elements))
    }

    /// Number of bytes of this variable in the file.
    pub(crate) fn stored_bytes(&self) -> (u64, bool) {
        (self.place.length, self.place.packed)
    }
}

impl<'a> Elements<'a> {
    fn open(path: &'a Path, endian: Endian, place: Place) -> Result<Self, FormatError> {
        let failed = |source| FormatError::Read { path: path.into(), source };
        let mut file = File::open(path).map_err(failed)?;
        file.seek(SeekFrom::Start(place.start)).map_err(failed)?;
        let bytes: Take<_> = BufReader::new(file).take(place.length);
        let reader: Box<dyn Read> =
            if place.packed { Box::new(ZlibDecoder::new(bytes)) } else { Box::new(bytes) };
        Ok(Self { path, endian, reader, offset: place.start, read: 0 })
    }

    /// An error of this element.
    pub(crate) fn wrong(&self, what: impl Into<String>) -> FormatError {
        FormatError::Header { path: self.path.into(), offset: self.offset, what: what.into() }
    }

    /// Fills `bytes`.
    pub(crate) fn fill(&mut self, bytes: &mut [u8]) -> Result<(), FormatError> {
        self.reader.read_exact(bytes).map_err(|source| match source.kind() {
            std::io::ErrorKind::UnexpectedEof => self.wrong(format!(
                "the element ends within {} bytes from its byte {}",
                bytes.len(),
                self.read
            )),
            _ => FormatError::Read { path: self.path.into(), source },
        })?;
        self.read += bytes.len() as u64;
        Ok(())
    }

    fn tag(&mut self) -> Result<Tag, FormatError> {
        let mut bytes = [0; 8];
        self.fill(&mut bytes)?;
        let number = |at: usize| SourceType::length(&bytes[at..at + 4], self.endian);
        let (first, second) = (number(0) as u32, number(4));
        Ok(match first >> 16 {
            0 => Tag { kind: first, length: second, inside: None },
            length => Tag {
                kind: first & 0xffff,
                length: u64::from(length.min(4)),
                inside: Some([bytes[4], bytes[5], bytes[6], bytes[7]]),
            },
        })
    }

    /// The data of a short element, skipping its padding.
    fn small(&mut self, at_most: u64) -> Result<Vec<u8>, FormatError> {
        let tag = self.tag()?;
        if let Some(inside) = tag.inside {
            return Ok(inside[..tag.length as usize].to_vec());
        }
        if tag.length > at_most {
            let what = format!("{} bytes where at most {at_most} can be", tag.length);
            return Err(self.wrong(what));
        }
        let mut bytes = vec![0; tag.length.next_multiple_of(8) as usize];
        self.fill(&mut bytes)?;
        bytes.truncate(tag.length as usize);
        Ok(bytes)
    }
}
