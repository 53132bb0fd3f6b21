#![no_main]
//! The IDX reader.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    karhunen_fuzz::exercise(bytes, &[b"\0\0"], &[""]);
});
