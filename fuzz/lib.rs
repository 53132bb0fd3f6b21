//! One step of every target: bytes become a file, the file is read in every way there is.
//!
//! Fuzzing finds bytes that make a reader panic, hang or take memory on a header's word. What was
//! found lies in `crates/formats/tests/damage`, where the ordinary test suite reads it too; seeds
//! are `crates/formats/tests/peers`. See README.md beside this file.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use karhunen_formats::{
    ArrayValues, FieldSource, ReadOptions, StoredFields, read, read_labels, read_state_dict,
};

#[path = "../crates/formats/tests/suite/wraps.rs"]
pub mod wraps;

#[path = "../crates/formats/tests/suite/made/mod.rs"]
pub mod made;

/// Memory that any file may claim. It is large enough to reach every reader, and small enough that one input takes little time.
pub const LIMIT: u64 = 1 << 16;

/// Reads `bytes` that should begin with `magic`, as a file and with the part named behind it.
pub fn exercise(bytes: &[u8], magic: &[&[u8]], parts: &[&str]) {
    if !magic.is_empty() && !magic.iter().any(|m| bytes.starts_with(m)) {
        return;
    }
    let path = folder().join("f");
    std::fs::write(&path, bytes).expect("a file");
    parts.iter().for_each(|part| visit(&format!("{}{part}", path.display()), bytes));
}

/// Reads what lies at an address whole and by part; the bytes decide, once and for all, whether as
/// volumes.
pub fn visit(address: &str, bytes: &[u8]) {
    let even = bytes.iter().fold(0u8, |sum, b| sum ^ b).count_ones().is_multiple_of(2);
    let dim = even.then_some(3);
    let options = ReadOptions { dim, limit_bytes: LIMIT, ..ReadOptions::default() };
    if let Ok(fields) = read(address, &options) {
        assert!(4 * fields.values.len() as u64 <= LIMIT);
        assert_eq!(fields.count() * fields.field_len(), fields.values.len());
        assert!(fields.values.iter().all(|v| v.is_finite()));
    }
    let _ = read_labels(address);
    if let Ok(stored) = StoredFields::open(address, &options) {
        let points = stored.points().to_vec();
        let part: Vec<usize> = points.iter().map(|n| n.div_ceil(2).min(8)).collect();
        let corner: Vec<usize> = points.iter().zip(&part).map(|(n, p)| n - p).collect();
        if stored.channels() <= 64 {
            let mut values = Vec::new();
            let _ = stored.block(stored.count() - 1, &corner, &part, &mut values);
        }
    }
}

/// Reads a file as a state dict.
pub fn visit_state_dict(path: &Path) {
    let options = ReadOptions { limit_bytes: LIMIT, ..ReadOptions::default() };
    for array in read_state_dict(path, &options).unwrap_or_default() {
        let count = match array.values {
            ArrayValues::Real(values) => values.len(),
            ArrayValues::Complex(values) => values.len(),
        };
        assert_eq!(array.shape.iter().product::<usize>(), count);
        assert!(4 * count as u64 <= LIMIT);
    }
}

/// This process's folder.
pub fn folder() -> PathBuf {
    thread_local! {
        static FOLDER: OnceCell<tempfile::TempDir> = const { OnceCell::new() };
    }
    FOLDER.with(|folder| {
        folder.get_or_init(|| tempfile::tempdir_in(memory()).expect("a folder")).path().into()
    })
}

/// A folder that is memory, where there is one: files are written a thousand times a second.
fn memory() -> PathBuf {
    let shared = PathBuf::from("/dev/shm");
    if shared.is_dir() { shared } else { std::env::temp_dir() }
}
