#![no_main]
//! Reads NetCDF files built from the decisions that a fuzzer makes: `crates/formats/tests/suite/made/netcdf.rs`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let made = karhunen_fuzz::made::netcdf::make(&mut karhunen_fuzz::made::Choices::new(bytes));
    karhunen_fuzz::exercise(&made, &[], &[""]);
});
