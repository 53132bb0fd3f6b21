//! Values of a data set: in memory, or in a temporary file if they are too many for memory.
//!
//! Both are read as slices, so the result of training does not depend on where values lie. What a process may take is
//! decided in [`memory`].

use std::ops::{Deref, Range};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use karhunen_kernels::Mapped;

use crate::{TrainError, memory};

/// Part of the available memory that the data of one level may take. Larger data go to a file.
const PART: f64 = 0.5;

/// Values of fields.
#[derive(Debug, Clone)]
pub enum Stock {
    /// In memory.
    Memory(Vec<f32>),
    /// In a temporary file.
    File(Arc<Mapped>),
}

impl Stock {
    /// `len` zeros: in memory if [`Stock::fits`], otherwise in a file.
    ///
    /// # Errors
    /// [`TrainError::Scratch`] if no file can be made for them.
    pub fn zeros(len: usize) -> Result<Self, TrainError> {
        match Self::fits(len as f64 * size_of::<f32>() as f64) {
            true => Ok(Self::Memory(vec![0.0; len])),
            false => Self::in_file(len),
        }
    }

    /// Whether this number of bytes is kept in memory.
    pub fn fits(bytes: f64) -> bool {
        memory::available().is_none_or(|free| bytes <= PART * free)
    }

    /// `len` zeros in a file.
    ///
    /// # Errors
    /// [`TrainError::Scratch`] if the disk has no space for them, or the system refuses the file.
    pub fn in_file(len: usize) -> Result<Self, TrainError> {
        let folder = scratch();
        let mapped = Mapped::zeros(&folder, len).map_err(|source| TrainError::Scratch {
            path: folder,
            bytes: (len as u64).saturating_mul(size_of::<f32>() as u64),
            source,
        })?;
        Ok(Self::File(Arc::new(mapped)))
    }

    /// Whether the values lie in a file.
    pub fn is_in_file(&self) -> bool {
        matches!(self, Self::File(_))
    }

    /// The values, to be changed. Values in a file that a clone shares are copied to memory first.
    pub fn to_mut(&mut self) -> &mut [f32] {
        if let Self::File(mapped) = self
            && Arc::get_mut(mapped).is_none()
        {
            // a clone reads them too
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

    /// Appends values. All go to a file if together they do not fit into memory.
    ///
    /// # Errors
    /// As [`Stock::zeros`].
    pub fn append(&mut self, more: &[f32]) -> Result<(), TrainError> {
        let len = self.len() + more.len();
        if let Self::Memory(values) = self
            && Self::fits(len as f64 * size_of::<f32>() as f64)
        {
            values.extend_from_slice(more);
            return Ok(());
        }
        let mut all = Self::zeros(len)?;
        let (own, rest) = all.to_mut().split_at_mut(self.len());
        own.copy_from_slice(self);
        rest.copy_from_slice(more);
        *self = all;
        Ok(())
    }

    /// Tells the system that values will be read in random order.
    pub fn settle(&self) {
        if let Self::File(mapped) = self {
            mapped.settle();
        }
    }

    /// Tells the system to begin reading values that are needed soon.
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

/// The folder of large temporary files: `TMPDIR`, else `/var/tmp`, because `/tmp` often lies in memory.
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
        file.append(&[6.0]).unwrap();
        assert_eq!(file, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    }
}
