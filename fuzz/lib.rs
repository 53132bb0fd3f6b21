//! One step of every target: bytes become a file, the file is read in every way there is.
//!
//! Fuzzing finds bytes that make a reader panic, hang or take memory on a header's word. What was
//! found lies in `crates/formats/tests/damage`, where the ordinary test suite reads it too; seeds
//! are `crates/formats/tests/peers`. See README.md beside this file.

use std::cell::OnceCell;
use std::path::PathBuf;

use karhunen_formats::{FieldSource, ReadOptions, StoredFields, read};

/// Memory that any file may claim.
const LIMIT: u64 = 1 << 20;

/// Reads `bytes` that should begin with `magic`, as a file and with the part named behind it.
pub fn exercise(bytes: &[u8], magic: &[&[u8]], parts: &[&str]) {
    thread_local! {
        static FOLDER: OnceCell<tempfile::TempDir> = const { OnceCell::new() };
    }
    if !magic.is_empty() && !magic.iter().any(|m| bytes.starts_with(m)) {
        return;
    }
    let path: PathBuf = FOLDER.with(|folder| {
        folder.get_or_init(|| tempfile::tempdir_in(memory()).expect("a folder")).path().join("f")
    });
    std::fs::write(&path, bytes).expect("a file");
    for part in parts {
        for dim in [None, Some(3)] {
            let options = ReadOptions { dim, limit_bytes: LIMIT, ..ReadOptions::default() };
            let address = format!("{}{part}", path.display());
            if let Ok(fields) = read(&address, &options) {
                assert!(4 * fields.values.len() as u64 <= LIMIT);
                assert_eq!(fields.count() * fields.field_len(), fields.values.len());
                assert!(fields.values.iter().all(|v| v.is_finite()));
            }
            if let Ok(stored) = StoredFields::open(&address, &options) {
                let points = stored.points().to_vec();
                let part: Vec<usize> = points.iter().map(|n| n.div_ceil(2).min(8)).collect();
                let corner: Vec<usize> = points.iter().zip(&part).map(|(n, p)| n - p).collect();
                if stored.channels() <= 64 {
                    let mut values = Vec::new();
                    let _ = stored.block(stored.count() - 1, &corner, &part, &mut values);
                }
            }
        }
    }
}

/// A folder that is memory, where there is one: files are written a thousand times a second.
pub fn memory() -> PathBuf {
    let shared = PathBuf::from("/dev/shm");
    if shared.is_dir() { shared } else { std::env::temp_dir() }
}
