//! How work and scratch memory are shared among threads.
//!
//! Work is cut into pieces whose bounds depend on sizes alone; threads only decide who takes which.
//! So results are the same bits for any number of threads.

use std::cell::RefCell;

use rayon::prelude::*;

/// Runs `f` for 0 … count, among threads if `shared`, else here in order.
pub(crate) fn for_each(count: usize, shared: bool, f: impl Fn(usize) + Sync + Send) {
    if shared && count > 1 {
        (0..count).into_par_iter().with_max_len(1).for_each(f);
    } else {
        (0..count).for_each(f);
    }
}

/// Whether the samples of a batch are enough to keep every thread busy.
pub(crate) fn by_sample(batch: usize) -> bool {
    let threads = rayon::current_num_threads();
    threads == 1 || batch >= 2 * threads || batch.is_multiple_of(threads)
}

thread_local! {
    /// Scratch buffers not in use, largest need kept.
    static SCRATCH: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Lends a scratch buffer of `len` values, whatever they are; calls may nest.
pub(crate) fn with_scratch<R>(len: usize, f: impl FnOnce(&mut [f32]) -> R) -> R {
    let mut buffer = SCRATCH.with_borrow_mut(Vec::pop).unwrap_or_default();
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
    let result = f(&mut buffer[..len]);
    SCRATCH.with_borrow_mut(|free| free.push(buffer));
    result
}

/// A buffer that tasks write to, each its own part.
#[derive(Clone, Copy)]
pub(crate) struct Shared {
    at: *mut f32,
    len: usize,
}

// SAFETY: a `Shared` only hands out pointers; whoever writes through them promises disjoint parts
unsafe impl Send for Shared {}
// SAFETY: as above
unsafe impl Sync for Shared {}

impl Shared {
    pub fn new(buffer: &mut [f32]) -> Self {
        Self { at: buffer.as_mut_ptr(), len: buffer.len() }
    }

    /// From the start of memory for `len` values, initialised or not.
    pub fn raw(at: *mut f32, len: usize) -> Self {
        Self { at, len }
    }

    /// For operands that are only read.
    pub fn reading(buffer: &[f32]) -> Self {
        Self { at: buffer.as_ptr().cast_mut(), len: buffer.len() }
    }

    /// A part as a buffer of its own.
    ///
    /// # Safety
    /// As [`Shared::at`].
    pub unsafe fn part(self, offset: usize, count: usize) -> Self {
        // SAFETY: the caller's promise
        Self { at: unsafe { self.at(offset, count) }, len: count }
    }

    /// The part `offset .. offset + count`.
    ///
    /// # Safety
    /// The buffer is alive and holds this part; nobody else uses it meanwhile.
    pub unsafe fn at(self, offset: usize, count: usize) -> *mut f32 {
        debug_assert!(offset + count <= self.len, "{offset} + {count} of {}", self.len);
        // SAFETY: inside the buffer by the caller's promise
        unsafe { self.at.add(offset) }
    }

    /// As a slice.
    ///
    /// # Safety
    /// As [`Shared::at`], and the part was written before.
    pub unsafe fn slice<'a>(self, offset: usize, count: usize) -> &'a mut [f32] {
        // SAFETY: the caller's promise
        unsafe { std::slice::from_raw_parts_mut(self.at(offset, count), count) }
    }
}
