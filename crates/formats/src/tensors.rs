//! The named tensors of a file: their positions, and reading them.
//!
//! PyTorch's archives and safetensors store numbers uncompressed. A tensor is therefore an offset
//! in the file with lengths and strides, which are known without loading numbers.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::archive::Archive;
use crate::bytes::Bytes;
use crate::content::Content;
use crate::dtype::Endian;
use crate::input::head_of;
use crate::layout::Layout;
use crate::pickle_values::Numbers;
use crate::places::Places;
use crate::stored::StoredFields;
use crate::{Address, FormatError, ReadOptions, safetensors, torch};

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

/// Reads all arrays of a state dict: a `.pt` or `.pth` written by `torch.save`, or `.safetensors`.
///
/// Nested dictionaries and lists become names with dots (`model.layers.0.weight`). Values that are
/// not tensors are skipped. No code of the file is run: a pickle that names anything but tensors,
/// dictionaries and their types is refused with that name.
///
/// **Errors** [`FormatError::Unsupported`] for other files and other contents,
/// [`FormatError::TooLarge`] if the values as `f32` together exceed [`ReadOptions::limit_bytes`],
/// [`FormatError::NonFinite`] with the name of the array, [`FormatError::Truncated`] if a tensor
/// extends beyond its file.
///
/// # Example
/// ```
/// use karhunen_formats::{ArrayValues, ReadOptions, read_state_dict};
/// let path = std::env::temp_dir().join(format!("one-{}.safetensors", std::process::id()));
/// let header = r#"{"fc.bias":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}"#;
/// let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
/// bytes.extend(header.bytes());
/// bytes.extend([0x80, 0x3f, 0x00, 0xc0]); // 1 and −2 as bfloat16
/// std::fs::write(&path, bytes)?;
/// let arrays = read_state_dict(&path, &ReadOptions::default())?;
/// assert_eq!((&arrays[0].name[..], &arrays[0].shape[..]), ("fc.bias", &[2][..]));
/// assert_eq!(arrays[0].values, ArrayValues::Real(vec![1.0, -2.0]));
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_state_dict(
    path: impl AsRef<Path>,
    options: &ReadOptions,
) -> Result<Vec<NamedArray>, FormatError> {
    let path = path.as_ref();
    let tensors = match Content::of(&head_of(path)?) {
        Some(Content::Safetensors) => safetensors::tensors(path)?,
        Some(Content::Zip) => {
            let archive = Archive::open(path)?;
            torch::tensors(&archive)?.ok_or_else(|| no_state_dict(path))?
        }
        Some(Content::OldTorch) => return Err(torch::old(path)),
        _ => return Err(no_state_dict(path)),
    };
    let count = |t: &Tensor| {
        let parts = if matches!(t.numbers, Numbers::Complex(_)) { 2 } else { 1 };
        t.shape.iter().fold(parts, |n: u64, axis| n.saturating_mul(*axis))
    };
    let total = tensors.iter().fold(0u64, |sum, t| sum.saturating_add(count(t)));
    options.admit(path, [total])?;
    tensors.iter().map(|tensor| tensor.read(path, options)).collect()
}

/// Distance in bytes between neighbours along each axis of contiguous numbers.
pub(crate) fn dense(shape: &[u64], size: usize) -> Vec<u64> {
    let mut strides = vec![size as u64; shape.len()];
    for axis in (0..shape.len().saturating_sub(1)).rev() {
        strides[axis] = strides[axis + 1].saturating_mul(shape[axis + 1]);
    }
    strides
}

fn no_state_dict(path: &Path) -> FormatError {
    FormatError::Unsupported {
        path: path.into(),
        what: "no state dict; give a .pt or .pth that torch.save wrote, or .safetensors".into(),
    }
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
    fn read(&self, path: &Path, options: &ReadOptions) -> Result<NamedArray, FormatError> {
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
        name: &Path,
        address: &Address,
        options: &ReadOptions,
    ) -> Result<StoredFields, FormatError> {
        let path = &*address.path;
        let names = |tensors: &[&Self]| tensors.iter().map(|t| t.name.clone()).collect();
        let tensor = match address.part.as_deref() {
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
