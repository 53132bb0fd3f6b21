#![no_main]
//! The NPY reader, whole and by part.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    karhunen_fuzz::exercise(bytes, &[b"\x93NUMPY"], &[""]);
});
