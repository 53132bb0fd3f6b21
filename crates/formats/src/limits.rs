//! Limits and names that several parts of this crate keep to. Nothing here depends on anything else.

/// Largest label: a table of classes has a row for each up to the largest.
pub const LARGEST_LABEL: u32 = 4095;

/// Endings that [`write()`](crate::write()) knows.
pub const ENDINGS: [&str; 10] =
    ["npy", "npz", "vti", "tif", "tiff", "zarr", "h5", "dream3d", "raw", "png"];

/// Deflate cannot shrink anything more than this.
pub(crate) const DEFLATE_RATIO: u64 = 1032;

/// Number of bytes by which a format is recognised.
pub(crate) const HEAD: usize = 16;
