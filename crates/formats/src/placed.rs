//! An array whose values are contiguous in a file: NPY and raw values.

use crate::dtype::{Endian, SourceType};
use crate::input::Input;
use crate::layout::Layout;
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

/// Converts values from first axis fastest to last axis fastest.
pub(crate) fn last_axis_fastest(values: &[f32], shape: &[u64]) -> Vec<f32> {
    let shape: Vec<usize> = shape.iter().map(|&n| n as usize).collect();
    let mut stride = vec![1; shape.len()];
    for axis in 1..shape.len() {
        stride[axis] = stride[axis - 1] * shape[axis - 1];
    }
    let mut index = vec![0; shape.len()];
    let mut from = 0;
    let mut ordered = Vec::with_capacity(values.len());
    while ordered.len() < values.len() {
        ordered.push(values[from]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            from += stride[axis];
            if index[axis] < shape[axis] {
                break;
            }
            from -= stride[axis] * shape[axis];
            index[axis] = 0;
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fortran_order_is_turned() {
        // a[i, j, k] = 100 i + 10 j + k on 2 x 3 x 2, first axis fastest
        let stored: Vec<f32> = (0..12)
            .map(|flat| (100 * (flat % 2) + 10 * (flat / 2 % 3) + flat / 6) as f32)
            .collect();
        let expected: Vec<f32> = (0..12)
            .map(|flat| (100 * (flat / 6) + 10 * (flat / 2 % 3) + flat % 2) as f32)
            .collect();
        assert_eq!(last_axis_fastest(&stored, &[2, 3, 2]), expected);
    }
}
