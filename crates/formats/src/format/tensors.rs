//! The named tensors of a file: their positions, and reading them.
//!
//! PyTorch's archives and safetensors store numbers uncompressed. A tensor is therefore an offset
//! in the file with lengths and strides, which are known without loading numbers.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::container::bytes::Bytes;
use crate::dtype::Endian;
use crate::fields::stored::StoredFields;
use crate::fields::stored::places::Places;
use crate::format::entry::Found;
use crate::format::torch::values::Numbers;
use crate::layout::Layout;
use crate::{FormatError, ReadOptions};

/// A tensor in a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tensor {
    pub(crate) name: String,
    pub(crate) numbers: Numbers,
    pub(crate) endian: Endian,
    pub(crate) shape: Vec<u64>,
    /// Distance in bytes between neighbours along each axis.
    pub(crate) strides: Vec<u64>,
    /// Offset of the first number.
    pub(crate) start: u64,
}

/// One array of a state dict.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedArray {
    /// Its name. Names of nested dictionaries are joined by dots.
    pub name: String,
    /// Lengths of its axes; empty for a single number.
    pub shape: Vec<usize>,
    /// Its values, last axis fastest.
    pub values: ArrayValues,
}

/// The values of a [`NamedArray`], converted to single precision.
#[derive(Debug, Clone, PartialEq)]
pub enum ArrayValues {
    /// Real numbers.
    Real(Vec<f32>),
    /// Complex numbers as real and imaginary parts.
    Complex(Vec<[f32; 2]>),
}

/// Distance in bytes between neighbours along each axis of contiguous numbers.
pub(crate) fn dense(shape: &[u64], size: usize) -> Vec<u64> {
    let mut strides = vec![size as u64; shape.len()];
    for axis in (0..shape.len().saturating_sub(1)).rev() {
        strides[axis] = strides[axis + 1].saturating_mul(shape[axis + 1]);
    }
    strides
}

impl Tensor {
    /// The offset after the last number. It is a `u128`, because a file may claim any size.
    pub(crate) fn end(&self) -> u128 {
        let axes = self.shape.iter().zip(&self.strides);
        let last = axes.fold(u128::from(self.start), |end, (n, stride)| {
            let steps = u128::from(n.saturating_sub(1));
            end.saturating_add(steps.saturating_mul(u128::from(*stride)))
        });
        match self.shape.contains(&0) {
            true => self.start.into(),
            false => last.saturating_add(self.numbers.size() as u128),
        }
    }

    /// Its name in messages.
    fn place(&self, path: &Path) -> PathBuf {
        format!("{}:{}", path.display(), self.name).into()
    }

    /// Reads all numbers. The span of the tensor in the file is read in one piece.
    pub(crate) fn read(
        &self,
        path: &Path,
        options: &ReadOptions,
    ) -> Result<NamedArray, FormatError> {
        let place = self.place(path);
        let failed = |source| FormatError::Read { path: place.clone(), source };
        let count = options.admit(&place, self.shape.iter().copied())?;
        let (span, limit) = (self.end() - u128::from(self.start), options.limit_bytes);
        // doubles take twice the bytes of the `f32` they become
        if span > 4 * u128::from(limit) {
            return Err(FormatError::TooLarge { path: place, bytes: span, limit });
        }
        let mut bytes = Vec::new();
        let mut file = File::open(path).map_err(failed)?;
        file.seek(SeekFrom::Start(self.start)).map_err(failed)?;
        file.take(span as u64).read_to_end(&mut bytes).map_err(failed)?;
        if (bytes.len() as u128) < span {
            let (expected, found) = (self.start + span as u64, self.start + bytes.len() as u64);
            return Err(FormatError::Truncated { path: place, expected, found });
        }
        let shape: Vec<usize> = self.shape.iter().map(|n| *n as usize).collect();
        let (size, dtype) = match self.numbers {
            Numbers::Real(dtype) | Numbers::Complex(dtype) => (self.numbers.size(), dtype),
        };
        let mut values = Vec::new();
        let dense = self.strides == dense(&self.shape, size);
        if dense {
            dtype.decode(&bytes, self.endian, &mut values);
        }
        for flat in 0..if dense { 0 } else { count } {
            let (mut rest, mut at) = (flat, 0);
            for (n, stride) in shape.iter().zip(&self.strides).rev() {
                at += rest % n * *stride as usize;
                rest /= n;
            }
            dtype.decode(&bytes[at..at + size], self.endian, &mut values);
        }
        if let Some(index) = values.iter().position(|v| !v.is_finite()) {
            let value = f64::from(values[index]);
            return Err(FormatError::NonFinite { path: place, index, value });
        }
        let values = match self.numbers {
            Numbers::Real(_) => ArrayValues::Real(values),
            Numbers::Complex(_) => ArrayValues::Complex(values.as_chunks().0.to_vec()),
        };
        Ok(NamedArray { name: self.name.clone(), shape, values })
    }

    /// Opens the named tensor, or the only one that can be fields.
    pub(crate) fn open(
        tensors: Vec<Self>,
        found: &Found<'_>,
        options: &ReadOptions,
    ) -> Result<StoredFields, FormatError> {
        let (name, path) = (found.name, found.path);
        let names = |tensors: &[&Self]| tensors.iter().map(|t| t.name.clone()).collect();
        let tensor = match found.part {
            Some(part) => tensors.iter().find(|t| t.name == part).ok_or_else(|| {
                let known = names(&tensors.iter().collect::<Vec<_>>());
                FormatError::Part { path: path.into(), part: part.into(), known }
            })?,
            None => {
                let fields: Vec<&Self> = tensors
                    .iter()
                    .filter(|t| t.shape.len() >= 2 && matches!(t.numbers, Numbers::Real(_)))
                    .collect();
                match fields[..] {
                    [] => {
                        let what = "no tensor of real numbers with two axes or more".into();
                        return Err(FormatError::Empty { path: path.into(), what });
                    }
                    [only] => only,
                    _ => {
                        let parts = names(&fields);
                        return Err(FormatError::Several { path: path.into(), parts });
                    }
                }
            }
        };
        let Numbers::Real(dtype) = tensor.numbers else {
            let what = "complex numbers are no fields; save real and imaginary part apart".into();
            return Err(FormatError::Unsupported { path: name.into(), what });
        };
        let layout = Layout::of(name, &tensor.shape, options)?;
        let (sample, channel, axes) = layout.split(&tensor.strides);
        let places = Places::Strided { start: tensor.start, sample, channel, axes };
        let count = layout.count(&tensor.shape);
        // repeated values take no space in the file, so only this check bounds their number
        let values = tensor.shape.iter().fold(8u128, |n, axis| n.saturating_mul(u128::from(*axis)));
        if values > i64::MAX as u128 {
            let limit = i64::MAX as u64;
            return Err(FormatError::TooLarge { path: name.into(), bytes: values, limit });
        }
        let bytes = Bytes::open(name, path)?;
        StoredFields::new(name, bytes, layout, count, (dtype, tensor.endian), places)
    }
}
