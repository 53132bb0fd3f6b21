//! Addresses of fields: a file or folder, and optionally a part of it.
//!
//! Many formats hold several arrays in one file. A part is named after a colon, as in
//! `run.npz:density`, `scan.zip:slices/stack.tif`, `flow.nc:temperature`, `sim.h5:/fields/rho` or
//! `scan.raw:400x400x400:u8`. A path that exists as a whole has no part, even if it contains
//! colons.

use std::path::{Path, PathBuf};

/// A path and an optional part after a colon.
///
/// # Example
/// ```
/// use karhunen_formats::Address;
/// let path = std::env::temp_dir().join(format!("address-{}.raw", std::process::id()));
/// std::fs::write(&path, [0; 8])?;
/// let address = Address::of(format!("{}:2x2x2:u8", path.display()));
/// assert_eq!((address.path, address.part.as_deref()), (path.clone(), Some("2x2x2:u8")));
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The file or folder.
    pub path: PathBuf,
    /// The part of it; none for the whole.
    pub part: Option<String>,
}

impl Address {
    /// Splits a name at a colon: the longest existing path before it, and the part after it. If
    /// `name` exists as a whole, or nothing exists, there is no part.
    pub fn of(name: impl AsRef<Path>) -> Self {
        let whole = name.as_ref();
        let text = whole.to_str().filter(|_| !whole.exists()).unwrap_or_default();
        let split = text.rmatch_indices(':').map(|(at, _)| (&text[..at], &text[at + 1..]));
        let found = split.filter(|(path, _)| !path.is_empty()).find(|(p, _)| Path::new(p).exists());
        match found {
            Some((path, part)) => Self { path: path.into(), part: Some(part.into()) },
            None => Self { path: whole.into(), part: None },
        }
    }

    /// Whether the file or folder exists. The part is not checked.
    pub fn exists(&self) -> bool {
        self.path.exists()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_path_that_exists_counts() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        std::fs::write(place("a"), "").unwrap();
        std::fs::write(place("a:b"), "").unwrap();
        let of = |name: &str| {
            let address = Address::of(place(name));
            (address.path, address.part)
        };
        assert_eq!(of("a"), (place("a"), None));
        assert_eq!(of("a:b"), (place("a:b"), None));
        assert_eq!(of("a:b:c"), (place("a:b"), Some("c".into())));
        assert_eq!(of("a:c:d"), (place("a"), Some("c:d".into())));
        assert_eq!(of("z:c"), (place("z:c"), None));
        assert!(!Address::of(place("z:c")).exists());
    }
}
