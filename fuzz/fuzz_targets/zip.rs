#![no_main]
//! Archives: NPZ, and pictures in a zip.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    karhunen_fuzz::exercise(bytes, &[b"PK"], &["", ":rho", ":p"]);
});
