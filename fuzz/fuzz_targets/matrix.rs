#![no_main]
//! Sparse matrices and arrays in double precision, as observations need them, and labels in an archive.

use karhunen_formats::{ReadOptions, read_arrays, read_labels, read_sparse_rows};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let path = karhunen_fuzz::folder().join("m.npz");
    std::fs::write(&path, bytes).expect("a file");
    let options = ReadOptions { limit_bytes: karhunen_fuzz::LIMIT, ..ReadOptions::default() };
    let _ = read_arrays(&path, &options);
    let _ = read_sparse_rows(&path, &options);
    let _ = read_labels(&path);
});
