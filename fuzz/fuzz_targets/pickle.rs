#![no_main]
//! PyTorch's files: the pickle is fuzzed, the archive around it is whole.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    karhunen_fuzz::exercise(&karhunen_fuzz::wraps::pickle(bytes), &[], &["", ":x"]);
    karhunen_fuzz::visit_state_dict(&karhunen_fuzz::folder().join("f"));
});
