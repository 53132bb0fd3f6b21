//! Names of the tensor library's memory that the kernels' buffers mention.

use std::mem::MaybeUninit;

/// How memory is looked at.
pub struct AccessPolicy;

/// Why it cannot be.
#[derive(Debug)]
pub struct AccessError;

/// What kind of memory it is.
pub enum AllocationProperty {
    /// Any.
    Other,
}

/// Memory that somebody else gives back.
pub trait AllocationController {
    /// Its alignment.
    fn alloc_align(&self) -> usize;
    /// Its kind.
    fn property(&self) -> AllocationProperty;
    /// Its bytes, to be changed.
    ///
    /// # Safety
    /// They stay initialised.
    unsafe fn memory_mut(&mut self, policy: AccessPolicy) -> Result<&mut [MaybeUninit<u8>], AccessError>;
    /// Its bytes.
    ///
    /// # Errors
    /// If they are elsewhere.
    fn memory(&self, policy: AccessPolicy) -> Result<&[MaybeUninit<u8>], AccessError>;
}

/// Bytes in such memory.
pub struct Bytes(pub Box<dyn AllocationController + Send>, pub usize);

impl Bytes {
    /// The first `len` bytes.
    ///
    /// # Safety
    /// There are as many, and they are initialised.
    pub unsafe fn from_controller(controller: Box<dyn AllocationController + Send>, len: usize) -> Self {
        Self(controller, len)
    }
}
