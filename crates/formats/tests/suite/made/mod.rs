//! Files made of decisions: random bytes choose their content, so that other bytes give another file of the same format
//! and not a broken one. Offsets, counts and checksums are right, unless a decision makes them wrong.
//!
//! Fuzz targets of the same names in `/fuzz` feed bytes that coverage has chosen; the suite feeds random ones.

pub mod archive;
pub mod hdf5;
pub mod netcdf;
pub mod pickle;
pub mod tiff;
pub mod zarr;

/// Bytes that are spent on decisions, one after another; zeros when they are spent.
pub struct Choices<'a>(&'a [u8]);

/// Numbers at which something ends.
const LIMITS: [u64; 20] = [
    0,
    1,
    2,
    3,
    4,
    7,
    8,
    15,
    16,
    64,
    255,
    256,
    1 << 15,
    u16::MAX as u64,
    1 << 31,
    u32::MAX as u64,
    1 << 32,
    1 << 62,
    u64::MAX - 1,
    u64::MAX,
];

impl<'a> Choices<'a> {
    /// Of these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether all are spent.
    pub fn spent(&self) -> bool {
        self.0.is_empty()
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        usize::from(self.byte()) % n.max(1)
    }

    /// One of several.
    pub fn of<'t, T>(&mut self, all: &'t [T]) -> &'t T {
        &all[self.below(all.len())]
    }

    /// Yes once in `n` times; never where all are spent, so that a file ends.
    pub fn rarely(&mut self, n: u8) -> bool {
        self.byte() % n == n - 1
    }

    /// A small number, seldom one at which something ends.
    pub fn count(&mut self, most: usize) -> u64 {
        if self.rarely(24) { *self.of(&LIMITS) } else { self.below(most + 1) as u64 }
    }

    /// As [`count`](Self::count), and not zero.
    pub fn length(&mut self, most: usize) -> u64 {
        self.count(most - 1).saturating_add(1)
    }

    /// The number that is right, seldom another.
    pub fn mostly(&mut self, right: u64) -> u64 {
        match self.byte() {
            250..=251 => right.wrapping_add(u64::from(self.byte())),
            252..=253 => right.wrapping_sub(u64::from(self.byte())),
            254..=255 => *self.of(&LIMITS),
            _ => right,
        }
    }

    /// The next bytes, at most so many.
    pub fn bytes(&mut self, most: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// So many bytes, zeros behind the last.
    pub fn exactly(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = self.bytes(count).to_vec();
        bytes.resize(count, 0);
        bytes
    }
}
