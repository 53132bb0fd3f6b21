//! Location of real data, if they exist.

use std::path::{Path, PathBuf};

/// A file or folder of the data collection: in the folder named by the environment variable
/// `KARHUNEN_DATA`, or in `shared/data` beside the repository. `None`, and a printed reason, if it
/// does not exist.
pub(crate) fn find(part: &str) -> Option<PathBuf> {
    let root = match std::env::var_os("KARHUNEN_DATA") {
        Some(root) => PathBuf::from(root),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
    };
    let path = root.join(part);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: no {}; set KARHUNEN_DATA to the folder of data sets", path.display());
    None
}
