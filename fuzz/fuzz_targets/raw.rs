#![no_main]
//! The notation of raw values, in a name and in a file beside it.

use karhunen_formats::{ReadOptions, StoredFields, read};

libfuzzer_sys::fuzz_target!(|note: &str| {
    let folder = tempfile::tempdir_in(karhunen_fuzz::memory()).expect("a folder");
    let path = folder.path().join("f.raw");
    std::fs::write(&path, [7; 64]).expect("a file");
    let options = ReadOptions { limit_bytes: 1 << 20, ..ReadOptions::default() };
    let address = format!("{}:{note}", path.display());
    let _ = read(&address, &options);
    let _ = StoredFields::open(&address, &options);
    std::fs::write(folder.path().join("f.raw.toml"), note).expect("a file");
    let _ = read(&path, &options);
});
