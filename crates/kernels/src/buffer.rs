//! Large buffers that are used again: fresh pages cost more than what is computed on them.
//!
//! A system hands out memory page by page, each with an interrupt and a fill with zeros (under
//! 2 GB/s where arithmetic runs at 30), and allocators give large blocks back at once. A step of
//! training asks for the same sizes as the one before, so freed buffers wait here for it; those
//! that nobody asked for in a while are given back.

use std::mem::MaybeUninit;
use std::ops::Deref;
use std::sync::{Mutex, PoisonError};

use burn::tensor::{DType, TensorData};
use burn_std::{AccessError, AccessPolicy, AllocationController, AllocationProperty, Bytes};

use crate::share::Shared;

/// Values below which an allocator's own caches serve better.
const LARGE: usize = 1 << 14;
/// Requests after which a buffer that fitted none of them is given back: some training steps.
const PATIENCE: u64 = 512;

struct Pool {
    requests: u64,
    /// Buffers and the request at which each was freed.
    free: Vec<(u64, Vec<f32>)>,
}

static POOL: Mutex<Pool> = Mutex::new(Pool { requests: 0, free: Vec::new() });

/// Numbers in memory that returns to the pool.
pub(crate) struct Buffer(Vec<f32>);

impl Buffer {
    /// An empty one with room for `len` values.
    fn with_room(len: usize) -> Self {
        if len < LARGE {
            return Self(Vec::with_capacity(len));
        }
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        pool.requests += 1;
        let now = pool.requests;
        pool.free.retain(|(freed, _)| now - freed < PATIENCE);
        let fits = |capacity: usize| capacity >= len && capacity <= len + len / 4;
        let best = (0..pool.free.len())
            .filter(|i| fits(pool.free[*i].1.capacity()))
            .min_by_key(|i| pool.free[*i].1.capacity());
        let found = best.map(|i| pool.free.swap_remove(i).1);
        drop(pool);
        Self(found.unwrap_or_else(|| Vec::with_capacity(len)))
    }

    /// The memory as a tensor's, without a copy; it still returns to the pool.
    pub fn into_bytes(self) -> Bytes {
        let len = size_of_val::<[f32]>(&self);
        // SAFETY: the controller holds `len` bytes of numbers
        unsafe { Bytes::from_controller(Box::new(self), len) }
    }
}

/// Values for a tensor, copied into memory that is used again when the tensor goes.
///
/// **Choosing** for arrays of a size that comes back every step: weights, inputs. Others are
/// better served by `TensorData::new`, which takes a vector as it is.
///
/// # Panics
/// If `shape` does not have as many elements as there are values.
pub fn tensor_data<const D: usize>(values: &[f32], shape: [usize; D]) -> TensorData {
    assert_eq!(values.len(), shape.iter().product::<usize>(), "values of shape {shape:?}");
    let mut buffer = Buffer::with_room(values.len());
    buffer.0.extend_from_slice(values);
    TensorData::from_bytes(buffer.into_bytes(), shape, DType::F32)
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.0
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.0.capacity() < LARGE {
            return;
        }
        let mut values = std::mem::take(&mut self.0);
        values.clear();
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        let now = pool.requests;
        pool.free.push((now, values));
    }
}

impl AllocationController for Buffer {
    fn alloc_align(&self) -> usize {
        align_of::<f32>()
    }

    fn property(&self) -> AllocationProperty {
        AllocationProperty::Other
    }

    unsafe fn memory_mut(
        &mut self,
        _: AccessPolicy,
    ) -> Result<&mut [MaybeUninit<u8>], AccessError> {
        let bytes = size_of_val::<[f32]>(&self.0);
        // SAFETY: the bytes of the numbers, which the caller promises to keep initialised
        Ok(unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), bytes) })
    }

    fn memory(&self, _: AccessPolicy) -> Result<&[MaybeUninit<u8>], AccessError> {
        let bytes = size_of_val::<[f32]>(&self.0);
        // SAFETY: the bytes of the numbers
        Ok(unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), bytes) })
    }
}

/// Memory for `len` values that a kernel is about to write, all of them.
pub(crate) struct Fresh {
    buffer: Buffer,
    len: usize,
}

impl Fresh {
    pub fn new(len: usize) -> Self {
        Self { buffer: Buffer::with_room(len), len }
    }

    pub fn shared(&mut self) -> Shared<'_> {
        Shared::room(&mut self.buffer.0)
    }

    /// The values.
    ///
    /// # Safety
    /// Every one was written.
    pub unsafe fn finish(mut self) -> Buffer {
        // SAFETY: the capacity is at least `len`, and all of it was written
        unsafe { self.buffer.0.set_len(self.len) };
        self.buffer
    }
}
