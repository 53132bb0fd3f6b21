//! Values of a data set: in memory, or in a file where they are more than that.
//!
//! Both are slices to whoever reads them, so that nothing learned depends on where they lie.

use std::ops::{Deref, Range};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use karhunen_kernels::Mapped;

use crate::{TrainError, memory};

/// Part of the memory that is left which data of one level may take before they go to a file.
const PART: f64 = 0.5;

/// Values of fields.
#[derive(Debug, Clone)]
pub enum Stock {
    /// In memory.
    Memory(Vec<f32>),
    /// In a file without a name.
    File(Arc<Mapped>),
}

impl Stock {
    /// So many zeros, in memory where there is room for them.
    ///
    /// # Errors
    /// [`TrainError::Scratch`] where no file can hold them either.
    pub fn zeros(len: usize) -> Result<Self, TrainError> {
        match Self::fits(len as f64 * size_of::<f32>() as f64) {
            true => Ok(Self::Memory(vec![0.0; len])),
            false => Self::in_file(len),
        }
    }

    /// Whether so many bytes would lie in memory.
    pub fn fits(bytes: f64) -> bool {
        memory::available().is_none_or(|free| bytes <= PART * free)
    }

    /// So many zeros in a file.
    ///
    /// # Errors
    /// [`TrainError::Scratch`] for no room.
    pub fn in_file(len: usize) -> Result<Self, TrainError> {
        let folder = scratch();
        let mapped = Mapped::zeros(&folder, len).map_err(|source| TrainError::Scratch {
            path: folder,
            bytes: 4 * len as u64,
            source,
        })?;
        Ok(Self::File(Arc::new(mapped)))
    }

    /// Whether the values lie in a file.
    pub fn is_in_file(&self) -> bool {
        matches!(self, Self::File(_))
    }

    /// The values, to be changed: those of nobody else.
    pub fn to_mut(&mut self) -> &mut [f32] {
        if let Self::File(mapped) = self
            && Arc::get_mut(mapped).is_none()
        {
            // shared, so these become values of their own
            *self = Self::Memory(mapped.as_slice().to_vec());
        }
        match self {
            Self::Memory(values) => values,
            Self::File(mapped) => match Arc::get_mut(mapped) {
                Some(mapped) => mapped.as_mut_slice(),
                None => &mut [],
            },
        }
    }

    /// More values behind these, all of them in memory.
    pub fn append(&mut self, more: &[f32]) {
        if let Self::File(mapped) = self {
            *self = Self::Memory(mapped.as_slice().to_vec());
        }
        if let Self::Memory(values) = self {
            values.extend_from_slice(more);
        }
    }

    /// From now on values are read here and there.
    pub fn settle(&self) {
        if let Self::File(mapped) = self {
            mapped.settle();
        }
    }

    /// These values are wanted soon.
    pub fn fetch(&self, values: Range<usize>) {
        if let Self::File(mapped) = self {
            mapped.fetch(values);
        }
    }
}

impl Default for Stock {
    fn default() -> Self {
        Self::Memory(Vec::new())
    }
}

impl Deref for Stock {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match self {
            Self::Memory(values) => values,
            Self::File(mapped) => mapped.as_slice(),
        }
    }
}

impl From<Vec<f32>> for Stock {
    fn from(values: Vec<f32>) -> Self {
        Self::Memory(values)
    }
}

impl PartialEq for Stock {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<const N: usize> PartialEq<[f32; N]> for Stock {
    fn eq(&self, other: &[f32; N]) -> bool {
        **self == other[..]
    }
}

impl PartialEq<[f32]> for Stock {
    fn eq(&self, other: &[f32]) -> bool {
        **self == *other
    }
}

impl PartialEq<Vec<f32>> for Stock {
    fn eq(&self, other: &Vec<f32>) -> bool {
        **self == other[..]
    }
}

/// Where large files without a name go: `TMPDIR`, else the system's place for large ones, since the other is
/// often memory.
fn scratch() -> PathBuf {
    let large = Path::new("/var/tmp");
    match std::env::var_os("TMPDIR") {
        None if large.is_dir() => large.into(),
        _ => std::env::temp_dir(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_the_same_wherever_they_lie() {
        let mut file = Stock::in_file(5).unwrap();
        file.to_mut().copy_from_slice(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        let memory = Stock::from(vec![1.0, 2.0, 3.0, 4.0, 5.0]);
        assert!(file.is_in_file() && file == memory);
        let mut other = file.clone();
        other.to_mut()[0] = 9.0;
        assert!(!other.is_in_file());
        assert_eq!((file[0], other[0]), (1.0, 9.0));
        file.settle();
        file.fetch(0..9);
        file.append(&[6.0]);
        assert_eq!(file, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    }
}
