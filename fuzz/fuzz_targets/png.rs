#![no_main]
//! The PNG reader.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    karhunen_fuzz::exercise(bytes, &[b"\x89PNG\r\n\x1a\n"], &[""]);
});
