//! Arrays that are not fields, and sparse matrices, as NumPy and SciPy write them
//! (golden/sparse.py).

use std::path::{Path, PathBuf};

use karhunen_formats::{FormatError, ReadOptions, read_arrays, read_sparse_rows};

const SMALL: ReadOptions = ReadOptions { limit_bytes: 1 << 16, ..ReadOptions::DEFAULT };

fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/matrices").join(name)
}

/// The matrix [[0, 2.5, 0, 0], [0, 0, 0, 0], [-1, 0, 0, 16777217]]; single precision has no
/// 16777217.
#[test]
fn sparse_matrices_have_scipys_entries() {
    for name in ["sparse.npz", "sparse-packed.npz"] {
        let matrix = read_sparse_rows(place(name), &SMALL).unwrap();
        assert_eq!(matrix.shape, [3, 4], "{name}");
        assert_eq!(matrix.starts, [0, 1, 1, 3], "{name}");
        assert_eq!(matrix.columns, [1, 0, 3], "{name}");
        assert_eq!(matrix.data, [2.5, -1.0, 16_777_217.0], "{name}");
    }
}

#[test]
fn other_forms_are_named() {
    let error = read_sparse_rows(place("sparse-columns.npz"), &SMALL).unwrap_err();
    assert!(error.to_string().contains("\"csc\""), "{error}");
    let error = read_sparse_rows(place("numbers.npz"), &SMALL).unwrap_err();
    assert!(error.to_string().contains("no array \"format\""), "{error}");
}

/// NaN, Fortran order and integers of eight bytes are read exactly.
#[test]
fn arrays_keep_their_numbers() {
    let arrays = read_arrays(place("numbers.npz"), &SMALL).unwrap();
    let find = |name: &str| arrays.iter().find(|a| a.name == name).unwrap();
    assert_eq!(
        (&find("order").shape[..], &find("order").values[..]),
        (&[2, 3][..], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0][..])
    );
    assert_eq!(find("whole").values, [9_007_199_254_740_991.0, -3.0]);
    let holes = &find("holes").values;
    assert!(holes[0].is_nan() && holes[1] == 0.5 && holes[2].is_infinite());
    assert!(find("nothing").values.is_empty());
    let one = read_arrays(format!("{}:order", place("numbers.npz").display()), &SMALL).unwrap();
    assert_eq!(one.len(), 1);
}

#[test]
fn claims_beyond_the_file_are_refused() {
    let folder = crate::folder();
    let mut bytes = std::fs::read(place("claims.npy")).unwrap();
    bytes.truncate(bytes.len() - 8);
    let path = crate::file(&folder, "short.npy", &bytes);
    assert!(matches!(read_arrays(path, &SMALL), Err(FormatError::Truncated { .. })));
    let tiny = ReadOptions { limit_bytes: 8, ..SMALL };
    assert!(matches!(read_arrays(place("claims.npy"), &tiny), Err(FormatError::TooLarge { .. })));
    let path = crate::file(&folder, "text.csv", b"x,y\n1,2\n");
    assert!(matches!(read_arrays(path, &SMALL), Err(FormatError::Unsupported { .. })));
}
