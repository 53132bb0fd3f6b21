//! Fields that stay in their file: any block is read where it stands, nothing else is.
//!
//! A 2000³ volume of bytes is 8 GB, four times that as `f32`; patches of it need none of that
//! memory. Read this way are formats whose values stand uncompressed at known places: raw values,
//! NPY (plain, or stored in NPZ), NetCDF's classic format and uncompressed grey TIFF. Everything else is
//! read whole, by [`read()`](crate::read()).

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::archive::Archive;
use crate::cf::Packing;
use crate::content::Content;
use crate::dtype::{Endian, SourceType};
use crate::input::{Input, head_of};
use crate::layout::Layout;
use crate::placed::Placed;
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
/// memory beyond the block and 256 KiB.
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
    file: File,
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

/// Where the values of fields stand.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Places {
    /// Bytes between neighbours: of samples, of channels, along each axis.
    Strided { start: u64, sample: u64, channel: u64, axes: Vec<u64> },
    /// Rows in strips, each strip anywhere: the strips of page 0, of page 1, …. A page is a
    /// sample, or the slowest axis of a volume.
    Strips { offsets: Vec<u64>, strips_a_page: usize, rows_a_strip: usize, row: u64 },
}

impl StoredFields {
    /// Opens a file without reading its values.
    ///
    /// # Errors
    /// [`FormatError::Unsupported`] for a format that cannot be read by part, otherwise those of
    /// [`read()`](crate::read()). [`ReadOptions::limit_bytes`] is not asked: nothing is loaded.
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
            return Self::alone(name, path, note.place(), options);
        }
        match Content::of(&head_of(path)?) {
            Some(Content::Npy) if part.is_none() => {
                let place = npy::place(&mut Input::plain(path)?)?;
                Self::alone(name, path, place, options)
            }
            Some(Content::Zip) => {
                let archive = Archive::open(path)?;
                let member = archive.choose(part)?;
                let (mut input, content) = member.open(path, name)?;
                if member.deflated || content != Some(Content::Npy) {
                    return Err(whole());
                }
                let mut place = npy::place(&mut input)?;
                place.start = place.start.saturating_add(member.start);
                place.units = npz::units(&archive, path, member, place.shape.len())?;
                Self::placed(name, path, place, options)
            }
            Some(Content::NetCdf) => netcdf::open(name, path, part, options),
            Some(Content::Tiff) if part.is_none() => tiff_places::open(path, options),
            _ => Err(whole()),
        }
    }

    /// An array whose values stand one after the other.
    fn placed(
        name: &Path,
        path: &Path,
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
        let mut fields = Self::new(name, path, layout, count, (place.dtype, place.endian), places)?;
        fields.units = units;
        Ok(fields)
    }

    /// Opens the file and holds the places against its length.
    pub(crate) fn new(
        name: &Path,
        path: &Path,
        layout: Layout,
        count: usize,
        (dtype, endian): (SourceType, Endian),
        places: Places,
    ) -> Result<Self, FormatError> {
        let failed = |source| FormatError::Read { path: name.into(), source };
        let file = File::open(path).map_err(failed)?;
        let found = file.metadata().map_err(failed)?.len();
        let Layout { channels, points, note } = layout;
        let fields = Self {
            file,
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

    pub(crate) fn name_pages(&mut self) {
        let name = file_name(&self.source);
        self.items = match self.count {
            1 => vec![name],
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
        let wide = u128::from;
        match &self.places {
            Places::Strided { start, sample, channel, axes } => {
                let last = |n: usize, stride: u64| (n as u128 - 1).saturating_mul(wide(stride));
                let inside = self.points.iter().zip(axes).map(|(n, s)| last(*n, *s));
                let blocks = [last(self.count, *sample), last(self.channels, *channel)];
                let sum = inside.chain(blocks).fold(wide(*start), u128::saturating_add);
                sum.saturating_add(self.dtype.size() as u128)
            }
            Places::Strips { offsets, strips_a_page, rows_a_strip, row } => {
                let height = self.points[self.points.len() - 2];
                let ends = offsets.iter().enumerate().map(|(i, offset)| {
                    let first = i % strips_a_page * rows_a_strip;
                    let rows = height.saturating_sub(first).min(*rows_a_strip);
                    wide(*offset).saturating_add((rows as u128).saturating_mul(wide(*row)))
                });
                ends.max().unwrap_or_default()
            }
        }
    }

    /// The byte of a point.
    fn offset(&self, item: usize, channel: usize, point: &[usize]) -> u64 {
        match &self.places {
            Places::Strided { start, sample, channel: apart, axes } => {
                let inside: u64 = point.iter().zip(axes).map(|(i, s)| *i as u64 * s).sum();
                start + item as u64 * sample + channel as u64 * apart + inside
            }
            Places::Strips { offsets, strips_a_page, rows_a_strip, row } => {
                let (page, y, x) = match *point {
                    [z, y, x] => (z, y, x),
                    [y, x] => (item, y, x),
                    _ => unreachable!("pages have two axes, stacks of them three"),
                };
                let strip = offsets[page * strips_a_page + y / rows_a_strip];
                strip + (y % rows_a_strip) as u64 * row + (x * self.dtype.size()) as u64
            }
        }
    }

    /// Axes from slow to fast in the file, and the bytes between neighbours of the fastest.
    fn file_order(&self) -> (Vec<usize>, u64) {
        let mut order: Vec<usize> = (0..self.points.len()).collect();
        match &self.places {
            Places::Strips { .. } => (order, self.dtype.size() as u64),
            Places::Strided { axes, .. } => {
                order.sort_by_key(|&axis| std::cmp::Reverse(axes[axis]));
                let step = axes[order[order.len() - 1]];
                (order, step)
            }
        }
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Result<(), FormatError> {
        let expected = offset + bytes.len() as u64;
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::UnexpectedEof => FormatError::Truncated {
                path: self.source.clone(),
                expected,
                found: self.file.metadata().map_or(0, |kind| kind.len()),
            },
            _ => FormatError::Read { path: self.source.clone(), source },
        };
        #[cfg(unix)]
        let read = std::os::unix::fs::FileExt::read_exact_at(&self.file, bytes, offset);
        #[cfg(windows)]
        let read = read_exact_at(&self.file, bytes, offset);
        read.map_err(failed)
    }

    /// The line of the fastest axis that starts at `offset`, out of `bytes` that start at `first`.
    fn line(&self, bytes: &[u8], (first, offset): (u64, u64), step: u64, line: &mut Vec<f32>) {
        line.clear();
        let (size, from) = (self.dtype.size(), (offset - first) as usize);
        if step == size as u64 {
            return self.dtype.decode(&bytes[from..], self.endian, line);
        }
        for place in bytes[from..].chunks(step as usize) {
            self.dtype.decode(&place[..size], self.endian, line);
        }
    }
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
        let (order, step) = self.file_order();
        let fast = order[order.len() - 1];
        let middle = if order.len() > 1 { order[order.len() - 2] } else { fast };
        let rows = if middle == fast { 1 } else { part[middle] };
        let block: usize = part.iter().product();
        let planes = block / (rows * part[fast]);
        let length = (part[fast] as u64 - 1) * step + self.dtype.size() as u64;
        let mut stride = vec![1; part.len()];
        for axis in (0..part.len() - 1).rev() {
            stride[axis] = stride[axis + 1] * part[axis + 1];
        }
        let (mut bytes, mut line) = (Vec::new(), Vec::new());
        for channel in 0..self.channels {
            let base = values.len();
            values.resize(base + block, 0.0);
            for plane in 0..planes {
                // the plane's place on the slow axes, as steps from the corner
                let (mut rest, mut steps) = (plane, vec![0; part.len()]);
                for &axis in order.iter().filter(|a| **a != fast && **a != middle).rev() {
                    steps[axis] = rest % part[axis];
                    rest /= part[axis];
                }
                let lines: Vec<(u64, usize)> = (0..rows)
                    .map(|row| {
                        if middle != fast {
                            steps[middle] = row;
                        }
                        let point: Vec<usize> =
                            corner.iter().zip(&steps).map(|(c, s)| c + s).collect();
                        let to: usize = steps.iter().zip(&stride).map(|(s, w)| s * w).sum();
                        (self.offset(item, channel, &point), base + to)
                    })
                    .collect();
                let first = lines.iter().map(|l| l.0).min().unwrap_or_default();
                let end = lines.iter().map(|l| l.0).max().unwrap_or_default() + length;
                let together = end - first <= SPAN_AT_MOST;
                if together {
                    bytes.resize((end - first) as usize, 0);
                    self.read_at(first, &mut bytes)?;
                }
                for &(offset, to) in &lines {
                    if together {
                        let upto = (offset - first + length) as usize;
                        self.line(&bytes[..upto], (first, offset), step, &mut line);
                    } else {
                        bytes.resize(length as usize, 0);
                        self.read_at(offset, &mut bytes)?;
                        self.line(&bytes, (offset, offset), step, &mut line);
                    }
                    if let Some(packing) = &self.packing {
                        packing.unpack(&mut line);
                    }
                    for (i, &value) in line.iter().enumerate() {
                        values[to + i * stride[fast]] = value;
                    }
                }
            }
            let fresh = &values[base..];
            if let Some(flat) = fresh.iter().position(|v| !v.is_finite()) {
                let index = self.flat(item, channel, corner, part, flat);
                let value = f64::from(fresh[flat]);
                return Err(FormatError::NonFinite { path: self.source.clone(), index, value });
            }
        }
        Ok(())
    }
}

impl StoredFields {
    /// Flat index in all fields of value `rest` of a block.
    fn flat(
        &self,
        item: usize,
        channel: usize,
        corner: &[usize],
        part: &[usize],
        mut rest: usize,
    ) -> usize {
        let (mut index, mut stride) = (0, 1);
        for axis in (0..part.len()).rev() {
            index += (corner[axis] + rest % part[axis]) * stride;
            rest /= part[axis];
            stride *= self.points[axis];
        }
        index + (item * self.channels + channel) * stride
    }
}

/// Windows reads a part at most, as a pipe would.
#[cfg(windows)]
fn read_exact_at(file: &File, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
    use std::os::windows::fs::FileExt;
    while !bytes.is_empty() {
        match file.seek_read(bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => {
                bytes = &mut bytes[n..];
                offset += n as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}
