#![no_main]
//! Reads Zarr's metadata built from the decisions that a fuzzer makes: `crates/formats/tests/suite/made/zarr.rs`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let made = karhunen_fuzz::made::zarr::make(&mut karhunen_fuzz::made::Choices::new(bytes));
    let path = karhunen_fuzz::wraps::zarr(&made, &karhunen_fuzz::folder());
    karhunen_fuzz::visit(&path.display().to_string(), bytes);
});
