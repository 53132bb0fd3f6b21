#![no_main]
//! The JPEG reader.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    karhunen_fuzz::exercise(bytes, &[b"\xff\xd8\xff"], &[""]);
});
