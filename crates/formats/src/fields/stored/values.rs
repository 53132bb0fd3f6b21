//! Reads blocks of values that lie uncompressed at known places of one file.
//!
//! A block is read plane by plane. The lines of a plane are read together if they are close in the
//! file, otherwise one by one. [`Places`] gives the offsets; the caller knows what the values mean.

use std::io;
use std::path::{Path, PathBuf};

use crate::FormatError;
use crate::cf::Packing;
use crate::container::bytes::Bytes;
use crate::dtype::{Endian, SourceType};
use crate::fields::stored::places::Places;

/// Largest span of lines that are read together, in bytes.
const SPAN_AT_MOST: u64 = 1 << 18;

/// First point and size of a block.
pub(crate) type Block<'a> = (&'a [usize], &'a [usize]);

/// The bytes of a file, and the offsets of its values.
#[derive(Debug)]
pub(crate) struct FileValues {
    bytes: Bytes,
    /// The name in messages.
    source: PathBuf,
    dtype: SourceType,
    endian: Endian,
    /// How stored numbers become values; none if they are values.
    pub(crate) packing: Option<Packing>,
    pub(crate) places: Places,
}

/// Lines along the fastest axis of the file.
struct Lines {
    /// For each line, the offset of its first value in the file and in the block.
    starts: Vec<(u64, usize)>,
    /// Number of values in a line.
    count: usize,
    /// Bytes between neighbouring values in the file.
    step: u64,
    /// Values between neighbours in the block.
    apart: usize,
}

impl FileValues {
    /// Values at given places of some bytes. `name` is their name in messages.
    pub(crate) fn new(
        name: &Path,
        bytes: Bytes,
        (dtype, endian): (SourceType, Endian),
        places: Places,
    ) -> Self {
        Self { bytes, source: name.to_path_buf(), dtype, endian, packing: None, places }
    }

    /// Number of bytes.
    pub(crate) fn length(&self) -> Result<u64, FormatError> {
        let failed = |source| FormatError::Read { path: self.source.clone(), source };
        self.bytes.length().map_err(failed)
    }

    /// Reads one channel of a block of a field with `whole` points, last axis fastest.
    pub(crate) fn block(
        &self,
        (item, channel): (usize, usize),
        whole: &[usize],
        (corner, part): Block<'_>,
        to: &mut [f32],
    ) -> Result<(), FormatError> {
        let size = self.dtype.size();
        let (order, step) = self.places.order(part.len(), size);
        let (fast, slow) = order.split_last().expect("fields have an axis");
        // a plane consists of lines along the second fastest axis, if there is one
        let rows = slow.last().map_or(1, |&axis| part[axis]);
        let mut apart = vec![1; part.len()];
        for axis in (0..part.len() - 1).rev() {
            apart[axis] = apart[axis + 1] * part[axis + 1];
        }
        let start = |line: usize| {
            let (mut rest, mut point, mut place) = (line, corner.to_vec(), 0);
            for &axis in slow.iter().rev() {
                point[axis] += rest % part[axis];
                place += rest % part[axis] * apart[axis];
                rest /= part[axis];
            }
            (self.places.offset((item, channel), &point, whole, size), place)
        };
        for first in (0..to.len() / part[*fast]).step_by(rows) {
            let starts = (first..first + rows).map(start).collect();
            self.plane(&Lines { starts, count: part[*fast], step, apart: apart[*fast] }, to)?;
        }
        Ok(())
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

    /// Reads the lines of one plane of a block to their places in `to`.
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
                self.decode(&bytes[from..from + length as usize], lines, &mut line);
            } else if length <= SPAN_AT_MOST || lines.step == size as u64 {
                bytes.resize(length as usize, 0);
                self.read_at(offset, &mut bytes)?;
                self.decode(&bytes, lines, &mut line);
            } else {
                bytes.resize(size, 0);
                for i in 0..lines.count as u64 {
                    self.read_at(offset + i * lines.step, &mut bytes)?;
                    self.numbers(&bytes, &mut line);
                }
            }
            for (i, &value) in line.iter().enumerate() {
                to[place + i * lines.apart] = value;
            }
        }
        Ok(())
    }

    /// Decodes all values of a line.
    fn decode(&self, bytes: &[u8], lines: &Lines, line: &mut Vec<f32>) {
        let size = self.dtype.size();
        if lines.step == size as u64 {
            return self.numbers(bytes, line);
        }
        // a tensor may repeat one value along an axis, with step 0
        for i in 0..lines.count {
            let at = i * lines.step as usize;
            self.numbers(&bytes[at..at + size], line);
        }
    }

    /// Appends the values of the stored numbers in `bytes`.
    fn numbers(&self, bytes: &[u8], values: &mut Vec<f32>) {
        match &self.packing {
            None => self.dtype.decode(bytes, self.endian, values),
            Some(packing) => packing.decode(bytes, (self.dtype, self.endian), values),
        }
    }
}
