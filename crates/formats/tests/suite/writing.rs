//! Written files can be read again, and are complete or absent.

use std::fs;

use karhunen_field::{Boundary, Ensemble, Grid};
use karhunen_formats::{
    FormatError, Montage, Precision, ReadOptions, WriteOptions, Written, read, write,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::{file, folder};

fn ensemble(points: &[usize], channels: usize, count: usize) -> Ensemble {
    let grid = Grid::unit(points, Boundary::Neumann).unwrap();
    let values = (0..count * channels * grid.len()).map(|i| (i as f64 * 0.7).sin()).collect();
    Ensemble::new(grid, channels, values).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..Default::default() })]

    #[test]
    fn npy_round_trips_in_every_dimension(
        points in prop::collection::vec(1usize..8, 1..=3),
        channels in 1usize..5,
        count in 1usize..5,
        double: bool,
    ) {
        let folder = folder();
        let path = folder.path().join("fields.npy");
        let fields = ensemble(&points, channels, count);
        let precision = if double { Precision::F64 } else { Precision::F32 };
        let written = write(&path, &fields, &WriteOptions { precision, ..Default::default() });
        prop_assert_eq!(written.unwrap(), Written { count, range: None });
        let options = ReadOptions {
            dim: Some(points.len()),
            channels: Some(channels),
            ..ReadOptions::default()
        };
        let back = read(&path, &options).unwrap();
        prop_assert_eq!((back.count(), back.channels, &back.points), (count, channels, &points));
        let same = back.values.iter().zip(&fields.values).all(|(a, b)| *a == *b as f32);
        prop_assert!(same);

        // fields that were read are written unchanged
        let again = folder.path().join("again.npy");
        write(&again, &back, &WriteOptions::default()).unwrap();
        prop_assert_eq!(read(&again, &options).unwrap().values, back.values);
    }
}

#[test]
fn double_precision_keeps_every_bit() {
    let folder = folder();
    let path = folder.path().join("fields.npy");
    let fields = ensemble(&[3, 5], 2, 2);
    let options = WriteOptions { precision: Precision::F64, ..WriteOptions::default() };
    write(&path, &fields, &options).unwrap();
    let bytes = fs::read(&path).unwrap();
    let start = bytes.len() - 8 * fields.values.len();
    assert_eq!(start % 64, 0);
    let stored: Vec<u8> = fields.values.iter().flat_map(|v| v.to_le_bytes()).collect();
    assert_eq!(bytes[start..], stored);
}

#[test]
fn existing_files_are_safe_unless_overwriting_is_asked_for() {
    let folder = folder();
    let fields = ensemble(&[4], 1, 2);
    for name in ["fields.npy", "fields.png"] {
        let path = file(&folder, name, b"precious");
        let error = write(&path, &fields, &WriteOptions::default()).unwrap_err();
        assert!(matches!(error, FormatError::Exists { .. }), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"precious");
        write(&path, &fields, &WriteOptions { overwrite: true, ..Default::default() }).unwrap();
        assert_eq!(read(&path, &ReadOptions::default()).unwrap().channels, 1);
    }
}

#[test]
fn a_failure_leaves_the_old_file_and_no_other() {
    let folder = folder();
    let path = file(&folder, "fields.npy", b"precious");
    let mut fields = ensemble(&[4], 1, 3);
    let options = WriteOptions { overwrite: true, ..WriteOptions::default() };
    for (value, index) in [(f64::NAN, 11), (1e300, 5)] {
        fields.values[index] = value;
        let error = write(&path, &fields, &options).unwrap_err();
        assert!(matches!(error, FormatError::NonFinite { index: i, .. } if i == index), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"precious");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let wide = WriteOptions { precision: Precision::F64, ..options };
    fields.values[11] = 0.0;
    assert!(write(&path, &fields, &wide).is_ok(), "1e300 fits double precision");
}

#[test]
fn impossible_targets_are_named() {
    let folder = folder();
    let fields = ensemble(&[4], 1, 2);
    let error = |name: &str| {
        write(folder.path().join(name), &fields, &WriteOptions::default()).unwrap_err()
    };
    assert!(matches!(error("fields.csv"), FormatError::UnknownEnding { .. }));
    assert!(matches!(error("fields"), FormatError::UnknownEnding { .. }));
    let nowhere = error("no/such/folder/fields.npy");
    assert!(matches!(nowhere, FormatError::Write { .. }), "{nowhere}");
    assert!(nowhere.to_string().contains("no/such/folder/fields.npy"), "{nowhere}");
    let empty = Ensemble::zeros(fields.grid, 1, 0);
    let error = write(folder.path().join("e.npy"), &empty, &WriteOptions::default()).unwrap_err();
    assert!(matches!(error, FormatError::Empty { .. }), "{error}");
}

#[cfg(unix)]
#[test]
fn written_files_have_ordinary_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let plain = file(&folder, "plain", b"");
    let path = folder.path().join("fields.npy");
    write(&path, &ensemble(&[4], 1, 2), &WriteOptions::default()).unwrap();
    let mode = |p| fs::metadata(p).unwrap().permissions().mode();
    assert_eq!(mode(&path), mode(&plain));
}

#[test]
fn a_montage_is_a_picture_with_a_stated_range() {
    let folder = folder();
    let path = folder.path().join("fields.png");
    let montage = Montage { columns: Some(3), enlarge: 4, at_most: 5, ..Montage::default() };
    let options = WriteOptions { montage, ..WriteOptions::default() };
    let written = write(&path, &ensemble(&[6, 8], 1, 9), &options).unwrap();
    assert_eq!(written.count, 5);
    let (low, high) = written.range.unwrap();
    assert!((-1.0..-0.9).contains(&low) && (0.9..=1.0).contains(&high), "{low} {high}");
    let picture = read(&path, &ReadOptions::default()).unwrap();
    // 3 columns of 32 and 2 rows of 24 pixels, with gaps of 2
    assert_eq!((picture.channels, &picture.points[..]), (1, &[50, 100][..]));
    let colour = folder.path().join("colour.png");
    write(&colour, &ensemble(&[6, 8], 3, 1), &WriteOptions::default()).unwrap();
    assert_eq!(read(&colour, &ReadOptions::default()).unwrap().channels, 3);
}
