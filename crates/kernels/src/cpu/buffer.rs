//! A pool of large buffers, because fresh memory pages cost more than the computation on them.
//!
//! A system hands out memory page by page, each with an interrupt and a fill with zeros (below 2
//! GB/s, where arithmetic reaches 30), and allocators return large blocks at once. Each training
//! step requests the same sizes as the step before, so freed buffers wait here for reuse. Buffers
//! that are not requested for a while are returned to the system, as are the oldest if too many
//! values wait.

use std::mem::MaybeUninit;
use std::ops::Deref;
use std::sync::{Mutex, MutexGuard, PoisonError};

use burn::tensor::{DType, TensorData};
use burn_std::{AccessError, AccessPolicy, AllocationController, AllocationProperty, Bytes};

use crate::cpu::share::Shared;

/// Number of values below which the caches of an allocator are faster.
const LARGE: usize = 1 << 14;
/// Number of requests after which a buffer that fitted none of them is returned: several training
/// steps.
const PATIENCE: u64 = 512;

/// Most values that may wait (4 GiB): more than the activations of a step on a machine with several
/// cores.
const MOST: usize = 1 << 30;

struct Pool {
    requests: u64,
    /// Waiting buffers, in the order of the requests at which they were freed.
    free: Vec<(u64, Vec<f32>)>,
    /// Total capacity of `free`, in values.
    held: usize,
    most: usize,
}

static POOL: Mutex<Pool> = Mutex::new(Pool::holding(MOST));

impl Pool {
    const fn holding(most: usize) -> Self {
        Self { requests: 0, free: Vec::new(), held: 0, most }
    }

    /// The smallest buffer that fits, and the buffers to return to the system. The caller frees the
    /// latter, because that takes long and other threads wait for the pool.
    fn take(&mut self, len: usize) -> (Option<Vec<f32>>, Vec<Vec<f32>>) {
        self.requests += 1;
        let stale = self.free.partition_point(|(freed, _)| self.requests - freed >= PATIENCE);
        let stale = self.give_back(stale);
        let fits = |capacity: usize| capacity >= len && capacity <= len + len / 4;
        let best = (0..self.free.len())
            .filter(|i| fits(self.free[*i].1.capacity()))
            .min_by_key(|i| self.free[*i].1.capacity());
        let found = best.map(|i| self.free.remove(i).1);
        self.held -= found.as_ref().map_or(0, Vec::capacity);
        (found, stale)
    }

    /// Keeps a buffer. Returns the longest-waiting buffers for the caller to free if too many
    /// values wait.
    fn keep(&mut self, buffer: Vec<f32>) -> Vec<Vec<f32>> {
        self.held += buffer.capacity();
        self.free.push((self.requests, buffer));
        let (mut oldest, mut left) = (0, self.held);
        while left > self.most {
            left -= self.free[oldest].1.capacity();
            oldest += 1;
        }
        self.give_back(oldest)
    }

    /// Removes the `count` buffers that have waited longest.
    fn give_back(&mut self, count: usize) -> Vec<Vec<f32>> {
        let gone: Vec<_> = self.free.drain(..count).map(|(_, buffer)| buffer).collect();
        self.held -= gone.iter().map(Vec::capacity).sum::<usize>();
        gone
    }
}

fn pool() -> MutexGuard<'static, Pool> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Numbers in memory that returns to the pool when dropped.
pub(crate) struct Buffer(Vec<f32>);

impl Buffer {
    /// An empty buffer with room for `len` values.
    fn with_room(len: usize) -> Self {
        if len < LARGE {
            return Self(Vec::with_capacity(len));
        }
        // the lock ends with this statement, and the stale buffers are freed after it
        let (found, _stale) = pool().take(len);
        Self(found.unwrap_or_else(|| Vec::with_capacity(len)))
    }

    /// The memory as that of a tensor, without a copy. It still returns to the pool.
    pub fn into_bytes(self) -> Bytes {
        let len = size_of_val::<[f32]>(&self);
        // SAFETY: the controller holds `len` bytes of numbers
        unsafe { Bytes::from_controller(Box::new(self), len) }
    }
}

/// Values for a tensor, copied into memory that is reused when the tensor is dropped.
///
/// **Choosing** Use it for arrays of a size that recurs in every step, such as a batch of fields.
/// For others `TensorData::new` is better, which takes a vector without a copy.
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
        let gone = pool().keep(values);
        drop(gone);
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

/// Memory for `len` values, all of which a kernel is about to write.
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

#[cfg(test)]
mod tests {
    use super::{PATIENCE, Pool};

    fn capacities(buffers: &[Vec<f32>]) -> Vec<usize> {
        buffers.iter().map(Vec::capacity).collect()
    }

    #[test]
    fn what_waited_longest_goes_where_too_much_waits() {
        let mut pool = Pool::holding(100);
        for len in [40, 30, 20] {
            assert!(pool.keep(Vec::with_capacity(len)).is_empty());
        }
        assert_eq!(capacities(&pool.keep(Vec::with_capacity(50))), [40]);
        assert_eq!(pool.held, 100);
        assert_eq!(capacities(&pool.keep(Vec::with_capacity(101))), [30, 20, 50, 101]);
        assert_eq!((pool.held, pool.free.len()), (0, 0));
    }

    #[test]
    fn the_smallest_that_fits_is_taken_and_stale_ones_are_given_back() {
        let mut pool = Pool::holding(1000);
        for len in [120, 110, 200] {
            pool.keep(Vec::with_capacity(len));
        }
        assert_eq!(pool.take(100).0.map(|b| b.capacity()), Some(110));
        assert_eq!((pool.take(130).0, pool.held), (None, 320));
        for _ in 2..PATIENCE - 1 {
            assert!(pool.take(1).1.is_empty());
        }
        let (found, stale) = pool.take(100);
        assert!(found.is_none(), "nobody asked for it in time");
        assert_eq!((capacities(&stale), pool.held), (vec![120, 200], 0));
    }
}
