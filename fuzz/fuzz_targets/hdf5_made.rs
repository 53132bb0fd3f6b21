#![no_main]
//! Reads HDF5 files built from the decisions that a fuzzer makes: `crates/formats/tests/suite/made/hdf5.rs`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let made = karhunen_fuzz::made::hdf5::make(&mut karhunen_fuzz::made::Choices::new(bytes));
    karhunen_fuzz::exercise(&made, &[], &["", ":/x", ":/g/x"]);
});
