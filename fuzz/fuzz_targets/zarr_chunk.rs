#![no_main]
//! The codecs of Zarr, shards among them.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let path = karhunen_fuzz::wraps::chunk(bytes, &karhunen_fuzz::folder());
    karhunen_fuzz::visit(&path.display().to_string(), bytes);
});
