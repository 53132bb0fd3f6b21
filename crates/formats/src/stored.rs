//! Fields that stay in their file: any block is read where it stands, nothing else is.
//!
//! A 2000³ volume of bytes is 8 GB, four times that as `f32`; patches of it need none of that
//! memory. Read this way are formats whose values stand uncompressed at known places: raw values,
//! NPY, NetCDF's classic format and uncompressed grey TIFF; NPY and TIFF also in zip archives, where
//! a packed member is unpacked once and kept in its own type. Everything else is read whole, by
//! [`read()`](crate::read()).

use std::cmp::Ordering;
use std::io;
use std::path::{Path, PathBuf};

use crate::archive::Archive;
use crate::bytes::Bytes;
use crate::cf::Packing;
use crate::content::Content;
use crate::dtype::{Endian, SourceType};
use crate::input::{Input, head_of};
use crate::layout::Layout;
use crate::placed::Placed;
use crate::places::Places;
use crate::raw::RawNote;
use crate::read::{existing, file_name};
use crate::{
    Address, FieldSource, FormatError, RawFields, ReadOptions, Units, netcdf, npy, npz, tiff_places,
};

/// Lines of a plane whose bytes lie within this many are read in one go.
const SPAN_AT_MOST: u64 = 1 << 18;

/// Fields of which blocks are read from an open file.
///
/// **Shape** As [`RawFields`]: item, channel, then axes from slow to fast. A file in Fortran order
/// has its axes in the same order as for [`read()`](crate::read()); only the bytes lie otherwise.
///
/// **Cost** One read per plane of a block whose lines are near in the file, else one per line; no
/// memory beyond the block and 256 KiB, and the bytes of a packed member of an archive.
///
/// # Example
/// ```
/// use karhunen_formats::{PatchSource, ReadOptions, StoredFields};
/// let path = std::env::temp_dir().join(format!("stored-{}.raw", std::process::id()));
/// std::fs::write(&path, (0..60).collect::<Vec<u8>>())?;
/// let volume = ReadOptions { dim: Some(3), ..ReadOptions::default() };
/// let fields = StoredFields::open(format!("{}:3x4x5:u8", path.display()), &volume)?;
/// let patches = PatchSource::new(&fields, &[0], &[2, 2, 2], 7)?.cut(0..9)?;
/// // neighbours along the slowest axis are 20 values apart, then 5, then 1
/// assert!(patches.fields().all(|p| p[4] == p[0] + 20.0 && p[2] == p[0] + 5.0 && p[1] == p[0] + 1.0));
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct StoredFields {
    bytes: Bytes,
    pub(crate) source: PathBuf,
    pub(crate) points: Vec<usize>,
    pub(crate) channels: usize,
    pub(crate) count: usize,
    pub(crate) dtype: SourceType,
    pub(crate) endian: Endian,
    pub(crate) places: Places,
    pub(crate) packing: Option<Packing>,
    pub(crate) units: Units,
    items: Vec<String>,
    notes: Vec<String>,
}

impl StoredFields {
    /// Opens a file without reading its values.
    ///
    /// # Errors
    /// [`FormatError::Unsupported`] for a format that cannot be read by part, otherwise those of
    /// [`read()`](crate::read()). [`ReadOptions::limit_bytes`] is asked of packed members alone:
    /// nothing else is loaded.
    pub fn open(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Self, FormatError> {
        let name = path.as_ref();
        options.check()?;
        let address = Address::of(name);
        let path = &address.path;
        let kind = existing(path)?;
        let part = address.part.as_deref();
        let whole = || FormatError::Unsupported {
            path: name.into(),
            what:
                "only raw values, uncompressed NPY, NPZ and TIFF, and classic NetCDF can be read \
                   by part; read it whole"
                    .into(),
        };
        if kind.is_dir() {
            return Err(whole());
        }
        if let Some(note) = RawNote::of_address(&address)? {
            let bytes = Bytes::open(name, path)?;
            return Self::placed(name, bytes, note.place(), options)?.ending(kind.len());
        }
        match Content::of(&head_of(path)?) {
            Some(Content::Npy) if part.is_none() => {
                let place = npy::place(&mut Input::plain(path)?)?;
                Self::placed(name, Bytes::open(name, path)?, place, options)?.ending(kind.len())
            }
            Some(Content::Zip) => Self::member(name, &address, options)?.ok_or_else(whole),
            Some(Content::NetCdf) => netcdf::open(name, path, part, options),
            Some(Content::Tiff) if part.is_none() => {
                tiff_places::open(path, Bytes::open(path, path)?, &file_name(path), options)
            }
            _ => Err(whole()),
        }
    }

    /// A member of a zip archive; none if it is of a format that cannot be read by part.
    fn member(
        name: &Path,
        address: &Address,
        options: &ReadOptions,
    ) -> Result<Option<Self>, FormatError> {
        let path = &*address.path;
        let archive = Archive::open(path)?;
        let member = archive.choose(address.part.as_deref())?;
        let (mut input, content) = member.open(path, name)?;
        match content {
            Some(Content::Npy) => {
                let mut place = npy::place(&mut input)?;
                place.units = npz::units(&archive, path, member, place.shape.len())?;
                if member.deflated {
                    let bytes = member.unpack(path, name, options)?;
                    let found = bytes.len() as u64;
                    return Self::placed(name, Bytes::Memory(bytes), place, options)?
                        .ending(found)
                        .map(Some);
                }
                place.start = place.start.saturating_add(member.start);
                let bytes = Bytes::open(name, path)?;
                Self::placed(name, bytes, place, options)?.ending(member.end()).map(Some)
            }
            Some(Content::Tiff) => {
                let bytes = Bytes::Memory(member.unpack(path, name, options)?);
                tiff_places::open(name, bytes, &member.name, options).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// An array whose values stand one after the other.
    fn placed(
        name: &Path,
        bytes: Bytes,
        place: Placed,
        options: &ReadOptions,
    ) -> Result<Self, FormatError> {
        let layout = Layout::of(name, &place.shape, options)?;
        let strides = place.strides();
        let lead = strides.len() - layout.points.len();
        let places = Places::Strided {
            start: place.start,
            sample: if lead > 0 { strides[0] } else { 0 },
            channel: if lead > 1 { strides[1] } else { 0 },
            axes: strides[lead..].to_vec(),
        };
        let count = if lead > 0 { place.shape[0] as usize } else { 1 };
        let units = place.units.last(layout.points.len());
        let mut fields =
            Self::new(name, bytes, layout, count, (place.dtype, place.endian), places)?;
        fields.units = units;
        Ok(fields)
    }

    /// Refuses values that do not end at byte `found`: more or fewer of them mean another shape.
    fn ending(self, found: u64) -> Result<Self, FormatError> {
        let (path, expected) = (self.source.clone(), self.end() as u64);
        match expected.cmp(&found) {
            Ordering::Equal => Ok(self),
            Ordering::Less => Err(FormatError::Trailing { path, expected }),
            Ordering::Greater => Err(FormatError::Truncated { path, expected, found }),
        }
    }

    /// Holds the places against the number of bytes.
    pub(crate) fn new(
        name: &Path,
        bytes: Bytes,
        layout: Layout,
        count: usize,
        (dtype, endian): (SourceType, Endian),
        places: Places,
    ) -> Result<Self, FormatError> {
        let failed = |source| FormatError::Read { path: name.into(), source };
        let found = bytes.length().map_err(failed)?;
        let Layout { channels, points, note } = layout;
        let fields = Self {
            bytes,
            source: name.into(),
            points,
            channels,
            count,
            dtype,
            endian,
            places,
            packing: None,
            units: Units::default(),
            items: Vec::new(),
            notes: note.into_iter().collect(),
        };
        let expected = fields.end();
        if expected > u128::from(found) {
            let expected = expected.min(u64::MAX.into()) as u64;
            return Err(FormatError::Truncated { path: name.into(), expected, found });
        }
        Ok(fields)
    }

    /// What a reader should be told: guesses made.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    pub(crate) fn notes_mut(&mut self) -> &mut Vec<String> {
        &mut self.notes
    }

    /// Names the pages of the file or member `name`.
    pub(crate) fn name_pages(&mut self, name: &str) {
        self.items = match self.count {
            1 => vec![name.into()],
            n => (0..n).map(|page| format!("{name}#{page}")).collect(),
        };
    }

    /// Reads all fields.
    pub(crate) fn load(&self, options: &ReadOptions) -> Result<RawFields, FormatError> {
        let axes = self.points.iter().map(|&n| n as u64);
        let factors = [self.count as u64, self.channels as u64].into_iter().chain(axes);
        let mut values = Vec::with_capacity(options.admit(&self.source, factors)?);
        for item in 0..self.count {
            self.block(item, &vec![0; self.points.len()], &self.points, &mut values)?;
        }
        let points = self.points.clone();
        let mut fields = RawFields::array(&self.source, points, self.channels, values, self.dtype)?;
        fields.units = self.units.clone();
        fields.notes.splice(0..0, self.notes.iter().cloned());
        Ok(fields)
    }

    /// The byte behind the last value.
    fn end(&self) -> u128 {
        self.places.end(self.count, self.channels, &self.points, self.dtype.size())
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Result<(), FormatError> {
        let expected = offset + bytes.len() as u64;
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::UnexpectedEof => FormatError::Truncated {
                path: self.source.clone(),
                expected,
                found: self.bytes.length().unwrap_or_default(),
            },
            _ => FormatError::Read { path: self.source.clone(), source },
        };
        self.bytes.read_at(offset, bytes).map_err(failed)
    }

    /// The lines of one plane of a block, to their places in `to`.
    fn plane(&self, lines: &Lines, to: &mut [f32]) -> Result<(), FormatError> {
        let size = self.dtype.size();
        let length = (lines.count as u64 - 1) * lines.step + size as u64;
        let first = lines.starts.iter().map(|l| l.0).min().unwrap_or_default();
        let end = lines.starts.iter().map(|l| l.0).max().unwrap_or_default() + length;
        let (mut bytes, mut line) = (Vec::new(), Vec::new());
        let together = end - first <= SPAN_AT_MOST;
        if together {
            bytes.resize((end - first) as usize, 0);
            self.read_at(first, &mut bytes)?;
        }
        for &(offset, place) in &lines.starts {
            line.clear();
            if together {
                let from = (offset - first) as usize;
                self.decode(&bytes[from..from + length as usize], lines.step, &mut line);
            } else if length <= SPAN_AT_MOST || lines.step == size as u64 {
                bytes.resize(length as usize, 0);
                self.read_at(offset, &mut bytes)?;
                self.decode(&bytes, lines.step, &mut line);
            } else {
                bytes.resize(size, 0);
                for i in 0..lines.count as u64 {
                    self.read_at(offset + i * lines.step, &mut bytes)?;
                    self.dtype.decode(&bytes, self.endian, &mut line);
                }
            }
            if let Some(packing) = &self.packing {
                packing.unpack(&mut line);
            }
            for (i, &value) in line.iter().enumerate() {
                to[place + i * lines.apart] = value;
            }
        }
        Ok(())
    }

    /// Every value of a line whose values are `step` bytes apart.
    fn decode(&self, bytes: &[u8], step: u64, line: &mut Vec<f32>) {
        let size = self.dtype.size();
        if step == size as u64 {
            return self.dtype.decode(bytes, self.endian, line);
        }
        for place in bytes.chunks(step as usize) {
            self.dtype.decode(&place[..size], self.endian, line);
        }
    }

    /// Flat index in all fields of value `rest` of a block.
    fn flat(&self, item: usize, channel: usize, (corner, part): Block<'_>, rest: usize) -> usize {
        let (mut index, mut stride, mut rest) = (0, 1, rest);
        for axis in (0..part.len()).rev() {
            index += (corner[axis] + rest % part[axis]) * stride;
            rest /= part[axis];
            stride *= self.points[axis];
        }
        index + (item * self.channels + channel) * stride
    }
}

/// Corner and points of a block.
type Block<'a> = (&'a [usize], &'a [usize]);

/// Lines along the axis that is fastest in the file.
struct Lines {
    /// Byte of each line's first value, and that value's place in the block.
    starts: Vec<(u64, usize)>,
    /// Values of a line.
    count: usize,
    /// Bytes between neighbours in the file.
    step: u64,
    /// Places between neighbours in the block.
    apart: usize,
}

impl FieldSource for StoredFields {
    fn count(&self) -> usize {
        self.count
    }

    fn channels(&self) -> usize {
        self.channels
    }

    fn points(&self) -> &[usize] {
        &self.points
    }

    fn dtype(&self) -> SourceType {
        self.dtype
    }

    fn path(&self) -> &Path {
        &self.source
    }

    fn name(&self, item: usize) -> Option<&str> {
        self.items.get(item).map(String::as_str)
    }

    fn position(&self, item: usize) -> u64 {
        item as u64
    }

    fn units(&self) -> &Units {
        &self.units
    }

    fn block(
        &self,
        item: usize,
        corner: &[usize],
        part: &[usize],
        values: &mut Vec<f32>,
    ) -> Result<(), FormatError> {
        let size = self.dtype.size();
        let (order, step) = self.places.order(part.len(), size);
        let (fast, slow) = order.split_last().expect("fields have an axis");
        // a plane is made of lines along the second fastest axis, if there is one
        let rows = slow.last().map_or(1, |&axis| part[axis]);
        let block: usize = part.iter().product();
        let mut apart = vec![1; part.len()];
        for axis in (0..part.len() - 1).rev() {
            apart[axis] = apart[axis + 1] * part[axis + 1];
        }
        let start = |channel: usize, line: usize| {
            let (mut rest, mut point, mut place) = (line, corner.to_vec(), 0);
            for &axis in slow.iter().rev() {
                point[axis] += rest % part[axis];
                place += rest % part[axis] * apart[axis];
                rest /= part[axis];
            }
            (self.places.offset(item, channel, &point, size), place)
        };
        for channel in 0..self.channels {
            let base = values.len();
            values.resize(base + block, 0.0);
            for first in (0..block / part[*fast]).step_by(rows) {
                let starts = (first..first + rows).map(|line| start(channel, line)).collect();
                let lines = Lines { starts, count: part[*fast], step, apart: apart[*fast] };
                self.plane(&lines, &mut values[base..])?;
            }
            if let Some(flat) = values[base..].iter().position(|v| !v.is_finite()) {
                let index = self.flat(item, channel, (corner, part), flat);
                let value = f64::from(values[base + flat]);
                return Err(FormatError::NonFinite { path: self.source.clone(), index, value });
            }
        }
        Ok(())
    }
}
