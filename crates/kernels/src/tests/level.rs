//! Levels are found by their names, and no other name is accepted.

use std::ffi::OsStr;

use crate::{KernelError, Level};

#[test]
fn every_level_answers_to_its_name_and_none_means_the_fastest() {
    for level in Level::available() {
        assert_eq!(Level::asked(Some(OsStr::new(&level.to_string()))), Ok(level));
    }
    assert_eq!(Level::asked(None), Ok(Level::available()[0]));
}

#[test]
fn other_names_are_refused_with_those_there_are() {
    for name in ["", "avx", "AVX2", "portable ", "sse9"] {
        let error = Level::asked(Some(OsStr::new(name))).unwrap_err();
        assert!(matches!(&error, KernelError::Level { asked, .. } if asked == name), "{error}");
        let message = error.to_string();
        assert!(message.starts_with(&format!("KARHUNEN_SIMD={name}: this CPU has ")), "{message}");
        assert!(message.contains("portable"), "{message}");
    }
}

#[cfg(unix)]
#[test]
fn a_name_that_is_not_unicode_is_refused() {
    use std::os::unix::ffi::OsStrExt;
    let error = Level::asked(Some(OsStr::from_bytes(b"avx\xff"))).unwrap_err();
    assert!(error.to_string().contains("avx\u{fffd}"), "{error}");
}
