#![no_main]
//! Zarr: metadata and one chunk.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let path = karhunen_fuzz::wraps::zarr(bytes, &karhunen_fuzz::folder());
    karhunen_fuzz::visit(&path.display().to_string(), bytes);
});
