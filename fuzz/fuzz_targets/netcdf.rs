#![no_main]
//! The reader of classic NetCDF, whole and by part.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    karhunen_fuzz::exercise(bytes, &[b"CDF"], &["", ":t", ":odd"]);
});
