#![no_main]
//! Zarr: metadata up to a zero byte, then one chunk, under the names that it may have.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((version, rest)) = bytes.split_first() else { return };
    let end = rest.iter().position(|b| *b == 0).unwrap_or(rest.len());
    let (meta, chunk) = (&rest[..end], rest.get(end + 1..).unwrap_or_default());
    let folder = karhunen_fuzz::folder().join("z");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(folder.join("c/0/0")).expect("a folder");
    let name = if version & 1 == 0 { ".zarray" } else { "zarr.json" };
    std::fs::write(folder.join(name), meta).expect("metadata");
    if version & 2 != 0 {
        std::fs::write(folder.join(".zattrs"), meta).expect("attributes");
    }
    for name in ["0", "0.0", "0.0.0", "c/0/0/0", "c/0/1"] {
        std::fs::write(folder.join(name), chunk).expect("a chunk");
    }
    karhunen_fuzz::visit(&folder.display().to_string());
});
