//! Arrays on the host that CPU tensors read without a copy.
//!
//! Weights, gradients, moments and averages of a wide network are larger than everything else that
//! training holds, and copying one costs as much as updating it. Arrays are therefore shared by
//! their clones and by tensors. They are copied only when one is changed that something else still
//! holds. Memory that is reused is in `buffer`; arrays taken out of a tensor come with their own
//! memory.

use std::fmt;
use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use burn::tensor::{DType, DataError, TensorData};
use burn_std::{AccessError, AccessPolicy, AllocationController, AllocationProperty, Bytes};

/// Numbers that are shared until one holder changes them.
///
/// **Cost** Nothing for a clone, for a tensor of them, or for taking them out of a tensor that
/// nothing else holds. A change copies them first if a clone or a tensor still exists.
///
/// # Example
/// ```
/// use karhunen_kernels::Values;
/// let mut weights = Values::from(vec![1.0, 2.0]);
/// let at = weights.as_ptr();
/// let data = weights.tensor_data([1, 2]);
/// assert_eq!(data.as_slice::<f32>().unwrap().as_ptr(), at);
/// drop(data);
/// weights[0] = 3.0;
/// assert_eq!((weights.as_ptr(), weights[0]), (at, 3.0));
/// ```
#[derive(Clone)]
pub struct Values(Arc<TensorData>);

/// Guarantee that [`Values`] give about their data.
const NUMBERS: &str = "checked to be f32 when made";

impl Values {
    /// `len` zeros, which take no memory before they are first accessed.
    pub fn zeros(len: usize) -> Self {
        vec![0.0; len].into()
    }

    /// The numbers of a tensor, without their shape.
    ///
    /// # Errors
    /// [`DataError`] where they are not `f32` or cannot be read.
    pub fn from_data(data: TensorData) -> Result<Self, DataError> {
        let len = data.as_slice::<f32>()?.len();
        let (bytes, _, dtype) = data.into_parts();
        Ok(Self(Arc::new(TensorData::from_bytes(bytes, [len], dtype))))
    }

    /// The numbers as tensor data. The tensor shares them as long as it exists.
    ///
    /// # Panics
    /// If `shape` does not have as many elements as there are values.
    pub fn tensor_data<const D: usize>(&self, shape: [usize; D]) -> TensorData {
        let (loan, len) = (Loan(self.0.clone()), size_of_val::<[f32]>(self));
        // SAFETY: the loan holds `len` bytes of numbers
        let bytes = unsafe { Bytes::from_controller(Box::new(loan), len) };
        TensorData::from_bytes(bytes, shape, DType::F32)
    }
}

impl From<Vec<f32>> for Values {
    fn from(values: Vec<f32>) -> Self {
        let len = values.len();
        Self(Arc::new(TensorData::new(values, [len])))
    }
}

impl FromIterator<f32> for Values {
    fn from_iter<I: IntoIterator<Item = f32>>(values: I) -> Self {
        values.into_iter().collect::<Vec<f32>>().into()
    }
}

impl Deref for Values {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        self.0.as_slice().expect(NUMBERS)
    }
}

impl DerefMut for Values {
    fn deref_mut(&mut self) -> &mut [f32] {
        Arc::make_mut(&mut self.0).as_mut_slice().expect(NUMBERS)
    }
}

impl<'a> IntoIterator for &'a Values {
    type Item = &'a f32;
    type IntoIter = std::slice::Iter<'a, f32>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl PartialEq for Values {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

/// Numbers that a tensor borrows.
struct Loan(Arc<TensorData>);

impl AllocationController for Loan {
    fn alloc_align(&self) -> usize {
        align_of::<f32>()
    }

    fn property(&self) -> AllocationProperty {
        AllocationProperty::Other
    }

    unsafe fn memory_mut(
        &mut self,
        policy: AccessPolicy,
    ) -> Result<&mut [MaybeUninit<u8>], AccessError> {
        if Arc::get_mut(&mut self.0).is_none() && !policy.copy_allowed() {
            return Err(AccessError::WouldCopy);
        }
        let values: &mut [f32] = Arc::make_mut(&mut self.0).as_mut_slice().expect(NUMBERS);
        let bytes = size_of_val(values);
        // SAFETY: the bytes of the numbers, which the caller promises to keep initialised
        Ok(unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), bytes) })
    }

    fn memory(&self, _: AccessPolicy) -> Result<&[MaybeUninit<u8>], AccessError> {
        let values: &[f32] = self.0.as_slice().expect(NUMBERS);
        let bytes = size_of_val(values);
        // SAFETY: the bytes of the numbers
        Ok(unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), bytes) })
    }

    fn duplicate(&self) -> Option<Box<dyn AllocationController>> {
        Some(Box::new(Self(self.0.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Tensor};

    #[test]
    fn a_tensor_reads_them_in_place_and_a_change_does_not_reach_it() {
        let mut values = Values::from(vec![1.0, 2.0, 3.0]);
        let at = values.as_ptr();
        let tensor = Tensor::<1>::from_data(values.tensor_data([3]), &Device::flex());
        values[1] = 5.0;
        assert_ne!(values.as_ptr(), at, "the tensor holds the old ones");
        assert_eq!(tensor.into_data().as_slice::<f32>().unwrap(), [1.0, 2.0, 3.0]);
        let at = values.as_ptr();
        values[0] = 4.0;
        assert_eq!((values.as_ptr(), &*values), (at, &[4.0, 5.0, 3.0][..]));
    }

    #[test]
    fn a_tensor_that_changes_copies_them() {
        let values = Values::from(vec![1.0, 2.0]);
        let mut data = values.tensor_data([2]);
        data.as_mut_slice::<f32>().unwrap()[0] = 7.0;
        assert_eq!(*values, [1.0, 2.0]);
        assert_eq!(data.as_slice::<f32>().unwrap(), [7.0, 2.0]);
        let tensor = Tensor::<1>::from_data(values.tensor_data([2]), &Device::flex());
        let doubled = (tensor * 2.0).into_data();
        assert_eq!(
            (doubled.as_slice::<f32>().unwrap(), &*values),
            (&[2.0, 4.0][..], &[1.0, 2.0][..])
        );
    }

    #[test]
    fn what_a_tensor_alone_held_is_taken_as_it_is() {
        let tensor = Tensor::<2>::ones([2, 3], &Device::flex());
        let data = tensor.into_data();
        let at = data.as_slice::<f32>().unwrap().as_ptr();
        let values = Values::from_data(data).unwrap();
        assert_eq!((values.as_ptr(), &*values), (at, &[1.0; 6][..]));
        assert!(Values::from_data(TensorData::new(vec![1i32], [1])).is_err());
        assert!(Values::zeros(0).is_empty());
    }
}
