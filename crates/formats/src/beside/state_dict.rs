//! State dicts: all named arrays of a file of PyTorch or safetensors.

use std::path::Path;

use crate::container::plain::head_of;
use crate::container::zip;
use crate::container::zip::archive::Archive;
use crate::format::tensors::{NamedArray, Tensor};
use crate::format::torch::values::Numbers;
use crate::format::{self, safetensors, torch};
use crate::{FormatError, ReadOptions};

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
    let tensors = match format::of_head(&head_of(path)?) {
        Some(format) if format.is(&safetensors::FORMAT) => safetensors::tensors(path)?,
        Some(format) if format.is(&zip::FORMAT) => {
            let archive = Archive::open(path)?;
            torch::tensors(&archive)?.ok_or_else(|| no_state_dict(path))?
        }
        Some(format) if format.is(&torch::FORMAT) => return Err(torch::old(path)),
        _ => return Err(no_state_dict(path)),
    };
    // an axis of length 0 counts as 1, so that the other lengths of an empty tensor are limited too
    let count = |t: &Tensor| {
        let parts = if matches!(t.numbers, Numbers::Complex(_)) { 2 } else { 1 };
        t.shape.iter().fold(parts, |n: u64, axis| n.saturating_mul((*axis).max(1)))
    };
    let total = tensors.iter().fold(0u64, |sum, t| sum.saturating_add(count(t)));
    options.admit(path, [total])?;
    tensors.iter().map(|tensor| tensor.read(path, options)).collect()
}

fn no_state_dict(path: &Path) -> FormatError {
    FormatError::Unsupported {
        path: path.into(),
        what: "no state dict; give a .pt or .pth that torch.save wrote, or .safetensors".into(),
    }
}
