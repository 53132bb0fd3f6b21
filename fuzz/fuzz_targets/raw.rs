#![no_main]
//! The notation of raw values, in a name and in a file beside it.

use karhunen_formats::{ReadOptions, StoredFields, read};

libfuzzer_sys::fuzz_target!(|note: &str| {
    let path = karhunen_fuzz::folder().join("f.raw");
    let beside = karhunen_fuzz::folder().join("f.raw.toml");
    if !path.exists() {
        std::fs::write(&path, [7; 64]).expect("a file");
    }
    let options = ReadOptions { limit_bytes: karhunen_fuzz::LIMIT, ..ReadOptions::default() };
    let address = format!("{}:{note}", path.display());
    let _ = std::fs::remove_file(&beside);
    let _ = read(&address, &options);
    let _ = StoredFields::open(&address, &options);
    std::fs::write(&beside, note).expect("a file");
    let _ = read(&path, &options);
});
