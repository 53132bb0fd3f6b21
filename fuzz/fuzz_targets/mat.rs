#![no_main]
//! MATLAB 5: elements within elements, packed or not.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    karhunen_fuzz::exercise(bytes, &[b"MATLAB 5.0 MAT-file"], &["", ":x", ":n"]);
});
