//! Every reader and writer from outside: files as they should be, and files as they should not.

mod arrays;
mod claims;
mod damage;
mod data;
mod digits;
mod folders;
mod hostile;
mod labels_written;
mod made;
mod odd;
mod peers;
mod pictures;
mod real;
mod replay;
mod saving;
mod sparse;
mod state_dicts;
mod tiff;
mod volumes;
mod wraps;
mod writing;
mod zarr;

use std::fs;
use std::path::PathBuf;

use karhunen_formats::{FormatError, RawFields, ReadOptions, read};
use tempfile::TempDir;

/// A folder that is gone when the test is.
fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Writes `bytes` to a file of that name.
fn file(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// What reading these bytes gives.
fn read_bytes(bytes: &[u8], options: &ReadOptions) -> Result<RawFields, FormatError> {
    let folder = folder();
    read(file(&folder, "file", bytes), options)
}

/// `bytes` in gzip.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An IDX file: type code, axis lengths, values.
fn idx(code: u8, shape: &[u32], values: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, code, shape.len() as u8];
    bytes.extend(shape.iter().flat_map(|n| n.to_be_bytes()));
    bytes.extend(values);
    bytes
}

/// An NPY file of version 1.0: type, memory order, shape as Python writes it, values.
fn npy(descr: &str, fortran: bool, shape: &str, values: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let text = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\0".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.bytes());
    bytes.extend(values);
    bytes
}
