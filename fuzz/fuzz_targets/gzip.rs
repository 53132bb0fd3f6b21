#![no_main]
//! IDX and NPY in gzip.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    karhunen_fuzz::exercise(bytes, &[b"\x1f\x8b"], &[""]);
});
