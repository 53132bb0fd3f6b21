#![no_main]
//! Reads pickles built from the decisions that a fuzzer makes: `crates/formats/tests/suite/made/pickle.rs`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let made = karhunen_fuzz::made::pickle::make(&mut karhunen_fuzz::made::Choices::new(bytes));
    karhunen_fuzz::exercise(&karhunen_fuzz::wraps::pickle(&made), &[], &["", ":x"]);
    karhunen_fuzz::visit_state_dict(&karhunen_fuzz::folder().join("f"));
});
