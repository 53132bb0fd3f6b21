//! Arrays in a temporary file mapped into memory, for data sets larger than memory. Where files go is up to the caller.

use std::fs::File;
use std::io;
use std::ops::Range;

use memmap2::{Advice, MmapMut};

/// Numbers in a file of their own, read and changed through a memory map.
///
/// The system keeps as many of its pages in memory as there is room for. Disk space for the whole file is reserved when it
/// is made, so that a full disk is an error here and not a signal later. The file has no name, so no other program changes
/// it, and the system removes it when the map is dropped or the process ends.
///
/// # Example
/// ```
/// use karhunen_kernels::Mapped;
/// let mut numbers = Mapped::zeros(&std::env::temp_dir(), 1000)?;
/// numbers.as_mut_slice()[7] = 3.5;
/// numbers.settle();
/// numbers.fetch(0..16); // these are wanted soon
/// assert_eq!(numbers.as_slice()[6..9], [0.0, 3.5, 0.0]);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Mapped {
    map: MmapMut,
    len: usize,
}

impl Mapped {
    /// So many zeros, in a file in a folder.
    ///
    /// # Errors
    /// Those of the system: no such folder, no room.
    pub fn zeros(folder: &std::path::Path, len: usize) -> io::Result<Self> {
        let too_long = || io::Error::from(io::ErrorKind::FileTooLarge);
        let bytes = len.checked_mul(size_of::<f32>()).ok_or_else(too_long)?.max(1);
        let file = tempfile::tempfile_in(folder)?;
        reserve(&file, u64::try_from(bytes).map_err(|_| too_long())?)?;
        // SAFETY: the file has no name and its handle is dropped here, so nothing else writes or shortens it while
        // it is mapped; its space was reserved above.
        let map = unsafe { MmapMut::map_mut(&file) }?;
        Ok(Self { map, len })
    }

    /// The numbers.
    pub fn as_slice(&self) -> &[f32] {
        // SAFETY: the map is page aligned and holds `len` numbers of four bytes, every pattern of which is a number; it is
        // borrowed as long as the slice.
        unsafe { std::slice::from_raw_parts(self.map.as_ptr().cast(), self.len) }
    }

    /// The numbers, to be changed.
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        // SAFETY: as above, and borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.map.as_mut_ptr().cast(), self.len) }
    }

    /// Tells the system that numbers will be read here and there from now on, and not one after the other.
    ///
    /// Advice: a system that does not take it is slower and nothing else.
    pub fn settle(&self) {
        #[cfg(unix)]
        let _ = self.map.advise(Advice::Random);
    }

    /// Begins to read numbers that are wanted soon, and waits for none of them.
    pub fn fetch(&self, numbers: Range<usize>) {
        let (from, to) = (numbers.start.min(self.len), numbers.end.min(self.len));
        #[cfg(unix)]
        if from < to {
            let size = size_of::<f32>();
            let _ = self.map.advise_range(Advice::WillNeed, from * size, (to - from) * size);
        }
        #[cfg(not(unix))]
        let _ = (from, to);
    }
}

/// Reserves the disk space of zeros.
#[cfg(unix)]
fn reserve(file: &File, bytes: u64) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    let reserved = rustix::io::retry_on_intr(|| fallocate(file, FallocateFlags::empty(), 0, bytes));
    match reserved {
        // some network file systems cannot reserve space; written zeros take it as well
        Err(rustix::io::Errno::OPNOTSUPP) => write_zeros(file, bytes),
        reserved => reserved.map_err(io::Error::from),
    }
}

/// Writes so many zeros.
#[cfg(unix)]
fn write_zeros(mut file: &File, bytes: u64) -> io::Result<()> {
    use io::Read as _;
    io::copy(&mut io::repeat(0).take(bytes), &mut file).map(drop)
}

#[cfg(not(unix))]
fn reserve(file: &File, bytes: u64) -> io::Result<()> {
    file.set_len(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_and_leave_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let len = 100_003;
        let mut numbers = Mapped::zeros(folder.path(), len).unwrap();
        assert!(numbers.as_slice().iter().all(|v| *v == 0.0));
        numbers.as_mut_slice().iter_mut().enumerate().for_each(|(i, v)| *v = i as f32);
        numbers.settle();
        numbers.fetch(len - 1..len + 5);
        numbers.fetch(5..5);
        assert!(numbers.as_slice().iter().enumerate().all(|(i, v)| *v == i as f32));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert_eq!(Mapped::zeros(folder.path(), 0).unwrap().as_slice().len(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn zeros_are_as_many_as_asked_for() {
        let file = tempfile::tempfile().unwrap();
        write_zeros(&file, 100_001).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 100_001);
    }

    #[test]
    fn no_room_is_an_error() {
        assert!(Mapped::zeros(&std::env::temp_dir(), usize::MAX / 16).is_err());
        assert!(Mapped::zeros(std::path::Path::new("/no/such/folder"), 1).is_err());
    }
}
