#![no_main]
//! HDF5 and NetCDF-4, as their library decodes them.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    karhunen_fuzz::exercise(bytes, &[b"\x89HDF\r\n\x1a\n"], &["", ":/g/h/be", ":/g/h/sum"]);
});
