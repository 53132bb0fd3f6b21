#![no_main]
//! The VTI reader.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    karhunen_fuzz::exercise(bytes, &[b"<?xml", b"<VTKFile"], &["", ":q"]);
});
