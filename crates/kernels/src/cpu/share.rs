//! Distribution of work and scratch memory over threads.
//!
//! Work is cut into pieces whose bounds depend on sizes alone. Threads only decide who processes
//! which piece. Results are therefore bit-identical for any number of threads.

use std::cell::RefCell;
use std::marker::PhantomData;

use rayon::prelude::*;

/// Runs `f` for 0 … count, on several threads if `shared`, otherwise here in order.
pub(crate) fn for_each(count: usize, shared: bool, f: impl Fn(usize) + Sync + Send) {
    if shared && count > 1 {
        (0..count).into_par_iter().with_max_len(1).for_each(f);
    } else {
        (0..count).for_each(f);
    }
}

/// Whether a batch has enough samples to keep every thread busy.
pub(crate) fn by_sample(batch: usize) -> bool {
    let threads = rayon::current_num_threads();
    threads == 1 || batch >= 2 * threads || batch.is_multiple_of(threads)
}

/// The sum of parts of equal length, in their order and in f64. A larger grid has more parts, and single precision would
/// lose digits of small terms that are added to a large sum.
pub(crate) fn summed(partials: &[f32], part: usize) -> Vec<f32> {
    let mut sums = vec![0.0f64; part];
    for partial in partials.chunks_exact(part.max(1)) {
        sums.iter_mut().zip(partial).for_each(|(a, b)| *a += f64::from(*b));
    }
    sums.into_iter().map(|sum| sum as f32).collect()
}

/// Number of values (256 MiB) beyond which a scratch buffer is not kept for reuse.
const MOST_SCRATCH: usize = 1 << 26;

thread_local! {
    /// Unused scratch buffers, as many as calls were nested.
    static SCRATCH: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Lends a scratch buffer of `len` values with arbitrary content. Calls may nest.
pub(crate) fn with_scratch<R>(len: usize, f: impl FnOnce(&mut [f32]) -> R) -> R {
    let mut buffer = SCRATCH.with_borrow_mut(Vec::pop).unwrap_or_default();
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
    let result = f(&mut buffer[..len]);
    if buffer.len() <= MOST_SCRATCH {
        SCRATCH.with_borrow_mut(|free| free.push(buffer));
    }
    result
}

/// A buffer shared by tasks: no task touches an element that another one writes.
#[derive(Clone, Copy)]
pub(crate) struct Shared<'a> {
    at: *mut f32,
    len: usize,
    buffer: PhantomData<&'a mut [f32]>,
}

// SAFETY: a `Shared` only hands out pointers; whoever uses them promises what `Shared::at` asks
unsafe impl Send for Shared<'_> {}
// SAFETY: as above
unsafe impl Sync for Shared<'_> {}

impl<'a> Shared<'a> {
    pub fn new(buffer: &'a mut [f32]) -> Self {
        Self { at: buffer.as_mut_ptr(), len: buffer.len(), buffer: PhantomData }
    }

    /// From the capacity of a vector, initialised or not.
    pub fn room(buffer: &'a mut Vec<f32>) -> Self {
        Self { at: buffer.as_mut_ptr(), len: buffer.capacity(), buffer: PhantomData }
    }

    /// For operands that are only read.
    pub fn reading(buffer: &'a [f32]) -> Self {
        Self { at: buffer.as_ptr().cast_mut(), len: buffer.len(), buffer: PhantomData }
    }

    /// A part of the buffer as a buffer of its own.
    ///
    /// # Safety
    /// As [`Shared::at`].
    pub unsafe fn part(self, offset: usize, count: usize) -> Self {
        // SAFETY: the caller's promise
        Self { at: unsafe { self.at(offset, count) }, len: count, buffer: PhantomData }
    }

    /// The part `offset .. offset + count`. The caller may use only some of its elements.
    ///
    /// # Safety
    /// The buffer holds this part. While the pointer is used, no other task writes an element that
    /// the caller touches, nor reads one that the caller writes; none is written of a buffer for
    /// [reading](Shared::reading), none read before it was written.
    pub unsafe fn at(self, offset: usize, count: usize) -> *mut f32 {
        debug_assert!(offset + count <= self.len, "{offset} + {count} of {}", self.len);
        // SAFETY: inside the buffer by the caller's promise
        unsafe { self.at.add(offset) }
    }

    /// The part, for reading.
    ///
    /// # Safety
    /// The buffer holds this part and all of it was written; nobody writes to it during `'a`.
    pub unsafe fn slice(self, offset: usize, count: usize) -> &'a [f32] {
        // SAFETY: the caller's promise
        unsafe { std::slice::from_raw_parts(self.at(offset, count), count) }
    }

    /// The part, for writing.
    ///
    /// # Safety
    /// The buffer, which is not for reading, holds this part and all of it was written; nobody
    /// else uses it during `'a`.
    pub unsafe fn slice_mut(self, offset: usize, count: usize) -> &'a mut [f32] {
        // SAFETY: the caller's promise
        unsafe { std::slice::from_raw_parts_mut(self.at(offset, count), count) }
    }
}
