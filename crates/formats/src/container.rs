//! Where the bytes of a file come from: a plain file, gzip, an archive, a folder, a bucket.

#[cfg(feature = "cloud")]
pub(crate) mod bucket;
pub(crate) mod bytes;
pub(crate) mod folder;
pub(crate) mod gzip;
pub(crate) mod input;
pub(crate) mod plain;
pub(crate) mod seekable;
pub(crate) mod zip;
