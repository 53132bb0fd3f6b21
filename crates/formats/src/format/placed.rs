//! An array whose values are contiguous in a file: NPY and raw values.

use std::path::Path;

use crate::container::bytes::Bytes;
use crate::container::input::Input;
use crate::dtype::{Endian, SourceType};
use crate::fields::stored::StoredFields;
use crate::fields::stored::places::Places;
use crate::format::entry::Found;
use crate::layout::{Layout, last_axis_fastest};
use crate::{FormatError, RawFields, ReadOptions, Units};

/// Position and type of the values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Placed {
    /// Lengths of the axes.
    pub(crate) shape: Vec<u64>,
    pub(crate) dtype: SourceType,
    pub(crate) endian: Endian,
    /// Whether the first axis is the fastest instead of the last.
    pub(crate) fortran_order: bool,
    /// Offset of the first value.
    pub(crate) start: u64,
    /// Spacing of all axes of `shape`, if it is known.
    pub(crate) units: Units,
}

impl Placed {
    /// Reads all values from an input at position `start`. The file must end after the values.
    pub(crate) fn read(
        self,
        input: Input<'_>,
        options: &ReadOptions,
    ) -> Result<RawFields, FormatError> {
        let layout = Layout::of(input.path, &self.shape, options)?;
        self.read_as(layout, input, options)
    }

    /// As [`Placed::read`], with the axes interpreted by `layout`.
    pub(crate) fn read_as(
        self,
        layout: Layout,
        input: Input<'_>,
        options: &ReadOptions,
    ) -> Result<RawFields, FormatError> {
        let path = input.path;
        let mut values = input.values(&self.shape, self.dtype, self.endian, options)?;
        if self.fortran_order {
            values = last_axis_fastest(&values, &self.shape);
        }
        let units = layout.units(self.units);
        let mut fields = layout.fields(path, values, self.dtype)?;
        fields.units = units;
        Ok(fields)
    }

    /// Opens the values without reading them. The file must end after the values.
    pub(crate) fn stay(
        mut self,
        found: &Found<'_>,
        options: &ReadOptions,
    ) -> Result<StoredFields, FormatError> {
        let (bytes, begin, end) = found.stay(options)?;
        self.start = self.start.saturating_add(begin);
        self.in_bytes(found.name, bytes, end, options)
    }

    /// The same for values in some bytes, which must end at byte `end`.
    pub(crate) fn in_bytes(
        self,
        name: &Path,
        bytes: Bytes,
        end: u64,
        options: &ReadOptions,
    ) -> Result<StoredFields, FormatError> {
        let layout = Layout::of(name, &self.shape, options)?;
        let (sample, channel, axes) = layout.split(&self.strides());
        let places = Places::Strided { start: self.start, sample, channel, axes };
        let (count, units) = (layout.count(&self.shape), layout.units(self.units));
        let number = (self.dtype, self.endian);
        let mut fields = StoredFields::new(name, bytes, layout, count, number, places)?;
        fields.units = units;
        fields.ending(end)
    }

    /// Distance in bytes between neighbours along each axis.
    pub(crate) fn strides(&self) -> Vec<u64> {
        let mut strides = vec![0; self.shape.len()];
        let mut stride = self.dtype.size() as u64;
        let mut step = |axis: usize| {
            strides[axis] = stride;
            stride = stride.saturating_mul(self.shape[axis]);
        };
        match self.fortran_order {
            true => (0..self.shape.len()).for_each(&mut step),
            false => (0..self.shape.len()).rev().for_each(&mut step),
        }
        strides
    }
}
