#![no_main]
//! Tables of attributes and of labels, for fields with names and without.

use karhunen_formats::{read_attributes, read_labels, read_labels_of};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let path = karhunen_fuzz::folder().join("t.csv");
    std::fs::write(&path, bytes).expect("a file");
    let names = [Some("a.png"), Some("b.png")];
    if let Ok(table) = read_attributes(&path, &names) {
        assert!(table.rows.iter().flatten().all(|v| v.is_finite()));
    }
    let _ = read_attributes(&path, &[None, None]);
    let _ = read_labels_of(&path, &names);
    let _ = read_labels(&path);
});
