#![no_main]
//! The TIFF readers, decoding and by part.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    karhunen_fuzz::exercise(bytes, &[b"II", b"MM"], &[""]);
});
