//! Zip archives: NPZ, and any zip with one file of a known format in it.
//!
//! The zip library reads only the directory of the archive. This module unpacks the members, within
//! the limits of all readers, and checks them against the checksum in the directory. Stored and
//! deflated members are read. Encrypted ones are refused when they are opened.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::Crc;
use flate2::read::DeflateDecoder;
use zip::{CompressionMethod, ZipArchive};

use crate::container::input::Input;
use crate::limits::DEFLATE_RATIO;
use crate::{FormatError, ReadOptions};

/// The array with the spacing of the other one; see [`crate::write()`].
pub(crate) const SPACING: &str = "spacing.npy";
/// Extension that NumPy adds to member names and removes again.
const NPY: &str = ".npy";

/// The directory of an archive.
#[derive(Debug)]
pub(crate) struct Archive<'a> {
    pub(crate) path: &'a Path,
    members: Vec<Member>,
    /// Hidden files, which hold no data of the user.
    hidden: Vec<Member>,
}

/// A file in an archive.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) name: String,
    /// Offset of its bytes in the archive.
    pub(crate) start: u64,
    /// Number of its bytes in the archive.
    packed: u64,
    /// Number of its unpacked bytes, as the directory claims.
    size: u64,
    pub(crate) deflated: bool,
    sum: u32,
    /// The reason why it cannot be read. It is reported only if the member is used.
    refusal: Option<String>,
}

impl<'a> Archive<'a> {
    /// Reads the directory.
    pub(crate) fn open(path: &'a Path) -> Result<Self, FormatError> {
        let file =
            File::open(path).map_err(|source| FormatError::Read { path: path.into(), source })?;
        let refused = |source| FormatError::Archive { path: path.into(), source };
        let mut archive = ZipArchive::new(BufReader::new(file)).map_err(refused)?;
        let (mut members, mut hidden) = (Vec::new(), Vec::new());
        for index in 0..archive.len() {
            let entry = archive.by_index_raw(index).map_err(refused)?;
            let name = entry.name().map_err(refused)?.into_owned();
            if name.ends_with('/') {
                continue;
            }
            let is_hidden = name.split('/').any(|part| part.starts_with('.') || part == "__MACOSX");
            let deflated = entry.compression() == CompressionMethod::DEFLATE;
            let known = deflated || entry.compression() == CompressionMethod::Stored;
            let refusal = (entry.encrypted() || !known).then(|| {
                format!(
                    "member {name} is encrypted or packed by {}; stored and deflated members are \
                     read, unpack it",
                    entry.compression()
                )
            });
            let start = entry.data_start().unwrap_or_default();
            let (packed, size) = (entry.compressed_size(), entry.size());
            let sum = entry.crc32();
            let to = if is_hidden { &mut hidden } else { &mut members };
            to.push(Member { name, start, packed, size, deflated, sum, refusal });
        }
        Ok(Self { path, members, hidden })
    }

    /// All members, including hidden ones.
    pub(crate) fn all(&self) -> Vec<&Member> {
        self.members.iter().chain(&self.hidden).collect()
    }

    /// The named member (with or without `.npy`), or the only one other than the spacing.
    pub(crate) fn choose(&self, part: Option<&str>) -> Result<&Member, FormatError> {
        let member = self.find(part)?;
        member.admit(self.path)?;
        Ok(member)
    }

    fn find(&self, part: Option<&str>) -> Result<&Member, FormatError> {
        let shown = |m: &&Member| m.name.strip_suffix(NPY).unwrap_or(&m.name).to_string();
        if let Some(part) = part {
            let named = |m: &&Member| m.name == part || m.name.strip_suffix(NPY) == Some(part);
            return self.members.iter().find(named).ok_or_else(|| FormatError::Part {
                path: self.path.into(),
                part: part.into(),
                known: self.members.iter().map(|m| shown(&m)).collect(),
            });
        }
        let fields: Vec<&Member> = self.members.iter().filter(|m| m.name != SPACING).collect();
        match fields[..] {
            [] => Err(FormatError::Empty {
                path: self.path.into(),
                what: "the archive holds no file".into(),
            }),
            [only] => Ok(only),
            _ => Err(FormatError::Several {
                path: self.path.into(),
                parts: fields.iter().map(shown).collect(),
            }),
        }
    }

    /// The member with the spacing, if there is one.
    pub(crate) fn spacing(&self) -> Option<&Member> {
        self.members.iter().find(|m| m.name == SPACING)
    }
}

impl Member {
    /// Refuses members that are encrypted or packed by an unknown method.
    fn admit(&self, archive: &Path) -> Result<(), FormatError> {
        match &self.refusal {
            None => Ok(()),
            Some(what) => {
                Err(FormatError::Unsupported { path: archive.into(), what: what.clone() })
            }
        }
    }

    /// The offset after the member's last byte in the archive.
    pub(crate) fn end(&self) -> u64 {
        self.start.saturating_add(self.packed)
    }

    /// Opens the member for sequential reading; also its first bytes. `path` is its name in messages.
    pub(crate) fn open<'p>(
        &self,
        archive: &Path,
        path: &'p Path,
    ) -> Result<(Input<'p>, Vec<u8>), FormatError> {
        let at_most = match self.deflated {
            true => self.packed.saturating_mul(DEFLATE_RATIO),
            false => self.packed,
        };
        Input::unpacking(path, BufReader::new(self.reader(archive)?), at_most)
    }

    /// Unpacks the member, up to the number of bytes that its values may take. `path` is its name
    /// in messages.
    pub(crate) fn unpack(
        &self,
        archive: &Path,
        path: &Path,
        options: &ReadOptions,
    ) -> Result<Vec<u8>, FormatError> {
        let limit = options.limit_bytes;
        if self.size > limit {
            return Err(FormatError::TooLarge {
                path: path.into(),
                bytes: self.size.into(),
                limit,
            });
        }
        let mut bytes = Vec::new();
        self.reader(archive)?
            .take(self.size.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|source| FormatError::Read { path: path.into(), source })?;
        let (found, expected) = (bytes.len() as u64, self.size);
        match found {
            n if n < expected => Err(FormatError::Truncated { path: path.into(), expected, found }),
            n if n > expected => Err(FormatError::Trailing { path: path.into(), expected }),
            _ => Ok(bytes),
        }
    }

    /// Number of its unpacked bytes, as the directory claims.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// A sequential reader of the member. At the end it fails if the checksum differs.
    pub(crate) fn reader(&self, archive: &Path) -> Result<Box<dyn Read>, FormatError> {
        self.admit(archive)?;
        let failed = |source| FormatError::Read { path: archive.into(), source };
        let mut file = File::open(archive).map_err(failed)?;
        file.seek(SeekFrom::Start(self.start)).map_err(failed)?;
        let packed = BufReader::new(file.take(self.packed));
        let expected = self.sum;
        Ok(match self.deflated {
            true => {
                Box::new(Summed { inner: DeflateDecoder::new(packed), sum: Crc::new(), expected })
            }
            false => Box::new(Summed { inner: packed, sum: Crc::new(), expected }),
        })
    }
}

/// A reader that compares a checksum at the end.
struct Summed<R> {
    inner: R,
    sum: Crc,
    expected: u32,
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(bytes)?;
        self.sum.update(&bytes[..read]);
        if read == 0 && !bytes.is_empty() && self.sum.sum() != self.expected {
            let (found, expected) = (self.sum.sum(), self.expected);
            let what = format!("the checksum is {found:08x}, not {expected:08x}: damaged archive");
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        Ok(read)
    }
}
