#![no_main]
//! Reads archives built from the decisions that a fuzzer makes: `crates/formats/tests/suite/made/archive.rs`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let made = karhunen_fuzz::made::archive::make(&mut karhunen_fuzz::made::Choices::new(bytes));
    karhunen_fuzz::exercise(&made, &[], &["", ":a", ":fields"]);
});
