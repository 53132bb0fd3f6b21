//! Addresses of fields: a file or folder, and optionally a part of it.
//!
//! Many formats hold several arrays in one file. A part is named after a colon, as in
//! `run.npz:density`, `scan.zip:slices/stack.tif`, `flow.nc:temperature`, `sim.h5:/fields/rho` or
//! `scan.raw:400x400x400:u8`. A path that exists as a whole has no part, even if it contains
//! colons.

use std::path::{Path, PathBuf};

use crate::FormatError;

/// Schemes of addresses of stores in buckets and on servers.
const SCHEMES: [&str; 10] = [
    "s3://", "s3a://", "gs://", "az://", "azure://", "abfs://", "abfss://", "adl://", "http://",
    "https://",
];

/// Whether a name is the address of a store in a bucket or on a server.
pub fn is_remote(name: impl AsRef<Path>) -> bool {
    let text = name.as_ref().to_str().unwrap_or_default();
    SCHEMES
        .iter()
        .any(|scheme| text.get(..scheme.len()).is_some_and(|s| s.eq_ignore_ascii_case(scheme)))
}

/// Refuses an address that may contain credentials, because addresses are written into logs and checkpoints. Paths of
/// files are accepted.
///
/// # Errors
/// [`FormatError::Bucket`].
pub fn check_address(name: &Path) -> Result<(), FormatError> {
    if is_remote(name) { check(name) } else { Ok(()) }
}

pub(crate) fn check(name: &Path) -> Result<(), FormatError> {
    let text = name.to_str().unwrap_or_default();
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    let host = rest.split('/').next().unwrap_or_default();
    // abfss://container@account names two places and no secret
    let azure = scheme.to_ascii_lowercase().starts_with("abfs");
    // a colon begins a port, or a password: one with a slash ends the host before its @; an IPv6 address has brackets
    let behind = host.rsplit_once(']').map_or(host, |(_, behind)| behind);
    let password = behind
        .split_once(':')
        .is_some_and(|(_, port)| port.is_empty() || !port.bytes().all(|b| b.is_ascii_digit()));
    if password || (host.contains('@') && !azure) || rest.contains(['?', '#']) {
        // shown without what may be a secret
        let shown = rest.split(['?', '#']).next().unwrap_or_default();
        let shown = match shown.rsplit_once('@') {
            Some((_, host)) => host,
            None if password || host.contains('@') => "…",
            None => shown,
        };
        return Err(FormatError::Bucket {
            path: format!("{scheme}://{shown}").into(),
            what: "an address holds no credentials and no query; credentials are read from the environment".into(),
        });
    }
    Ok(())
}

/// What to say of an address where there is no way to it.
#[cfg(not(feature = "cloud"))]
pub(crate) fn without_cloud(path: &Path) -> FormatError {
    let what = "this program was built without `--features cloud`, which knows buckets and servers";
    FormatError::Bucket { path: path.into(), what: what.into() }
}

/// The ending of a name, in small letters.
pub(crate) fn ending(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase()
}

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
        if is_remote(whole) {
            return Self::of_remote(whole);
        }
        let text = whole.to_str().filter(|_| !whole.exists()).unwrap_or_default();
        let split = text.rmatch_indices(':').map(|(at, _)| (&text[..at], &text[at + 1..]));
        let found = split.filter(|(path, _)| !path.is_empty()).find(|(p, _)| Path::new(p).exists());
        match found {
            Some((path, part)) => Self { path: path.into(), part: Some(part.into()) },
            None => Self { path: whole.into(), part: None },
        }
    }

    /// The part of a store in a bucket stands behind its ending.
    fn of_remote(whole: &Path) -> Self {
        let text = whole.to_str().unwrap_or_default();
        let place = [".zarr:", ".zarr/:", ".npy:"].iter().find_map(|mark| {
            let at = text.find(mark)? + mark.len();
            Some((&text[..at - 1], &text[at..]))
        });
        match place {
            Some((path, part)) => Self { path: path.into(), part: Some(part.into()) },
            None => Self { path: whole.into(), part: None },
        }
    }

    /// Whether the file or folder exists. The part is not checked.
    pub fn exists(&self) -> bool {
        is_remote(&self.path) || self.path.exists()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_stores_hold_no_credentials() {
        for (name, path, part) in [
            ("s3://b/x.zarr", "s3://b/x.zarr", None),
            ("s3://b/x.zarr:images/0", "s3://b/x.zarr", Some("images/0")),
            ("http://host:8000/a/x.npy", "http://host:8000/a/x.npy", None),
            ("https://host:8000/x.zarr:rho", "https://host:8000/x.zarr", Some("rho")),
            ("http://[::1]:8000/x.npy", "http://[::1]:8000/x.npy", None),
        ] {
            assert!(is_remote(name));
            let address = Address::of(name);
            assert_eq!((address.path.to_str().unwrap(), address.part.as_deref()), (path, part));
            assert!(check(&address.path).is_ok(), "{name}");
        }
        assert!(!is_remote("s3/x.zarr") && !is_remote("/tmp/s3:b") && !is_remote("ü"));
        for name in [
            "s3://AKIAID:SECRET@b/x.zarr",
            "https://user:SECRET@host/x.npy",
            "https://SECRET?x@host/x.npy",
            "https://host/x.npy?X-Amz-Signature=SECRET",
            "abfss://c:SECRET@account/x.zarr",
            "s3://AKIAID:SEC/RET@b/x.zarr",
            "https://user:SECRET/x.npy",
        ] {
            let error = check(Path::new(name)).unwrap_err().to_string();
            assert!(!error.contains("SEC") && !error.contains("AKIAID"), "{error}");
            assert!(error.contains("environment"), "{error}");
        }
        assert!(check(Path::new("abfss://container@account.dfs.core.windows.net/x.zarr")).is_ok());
    }

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
