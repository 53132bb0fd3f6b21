#![no_main]
//! Safetensors, as state dict and as fields.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    karhunen_fuzz::exercise(bytes, &[], &["", ":plain"]);
    karhunen_fuzz::visit_state_dict(&karhunen_fuzz::folder().join("f"));
});
