//! Fields written one by one are byte for byte those written at once.

use std::collections::BTreeMap;
use std::path::Path;

use karhunen_field::{Boundary, Ensemble, Grid};

use crate::read;
use crate::{
    ENDINGS, FieldWriter, FieldsRef, Form, FormatError, Precision, ReadOptions, WriteOptions, write,
};

/// All bytes of a file or folder.
fn bytes(path: &Path) -> BTreeMap<String, Vec<u8>> {
    if path.is_file() {
        return [(String::new(), std::fs::read(path).unwrap())].into();
    }
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        all.extend(bytes(&entry.path()).into_iter().map(|(k, v)| (format!("{name}/{k}"), v)));
    }
    all
}

fn fields(points: &[usize], channels: usize, values: Vec<f64>) -> Ensemble {
    let grid = Grid::unit(points, Boundary::Neumann).unwrap();
    Ensemble::new(grid, channels, values).unwrap()
}

/// Writes parts of so many fields each.
fn in_parts(path: &Path, all: &Ensemble, part: usize, precision: Precision) {
    let form = FieldsRef::Measured(all, "mm").form();
    let options = WriteOptions { precision, ..WriteOptions::default() };
    let mut writer = FieldWriter::create(path, &form, &options).unwrap();
    for first in (0..all.count()).step_by(part) {
        let part = all.slice(first..all.count().min(first + part));
        writer.push(FieldsRef::Measured(&part, "mm")).unwrap();
        assert!(!path.exists());
    }
    writer.finish().unwrap();
}

#[test]
fn files_written_by_parts_are_those_written_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let wave = |i: usize| (i as f64 * 0.37).sin();
    // values that lose digits at first, in the end, never, and a constant
    let faint = |i: usize| if i < 70 { 101_325.0 + 1e-3 * wave(i) } else { wave(i) };
    let always = |i: usize| 101_325.0 + 1e-3 * wave(i);
    let kinds: [&dyn Fn(usize) -> f64; 4] = [&wave, &faint, &always, &|_| 101_325.1];
    for (points, channels, count) in
        [(&[5, 7][..], 1, 5), (&[4, 3], 3, 6), (&[9], 2, 5), (&[3, 4, 5], 1, 1), (&[2, 3, 2], 2, 3)]
    {
        for (kind, value) in kinds.iter().enumerate() {
            let len = count * channels * points.iter().product::<usize>();
            let all = fields(points, channels, (0..len).map(value).collect());
            for ending in ENDINGS.iter().filter(|e| **e != "png") {
                let name = |what: &str| {
                    folder.path().join(format!("{what}{points:?}{kind}{channels}.{ending}"))
                };
                let whole = FieldsRef::Measured(&all, "mm");
                if let Err(e) = write(name("whole"), whole, &WriteOptions::default()) {
                    assert!(matches!(e, FormatError::Parameter { .. }), "{e}");
                    let form = whole.form();
                    let refused = FieldWriter::create(&name("part"), &form, &Default::default())
                        .and_then(|mut writer| writer.push(whole).and_then(|()| writer.finish()));
                    assert_eq!(refused.unwrap_err().to_string(), e.to_string());
                    continue;
                }
                let expected = bytes(&name("whole"));
                for (i, part) in [1, 2, count].into_iter().enumerate() {
                    let path = name(&format!("part{i}-"));
                    in_parts(&path, &all, part, Precision::F32);
                    assert!(bytes(&path) == expected, "{ending} {points:?} {kind} {part}");
                }
            }
        }
    }
}

#[test]
fn labels_are_bytes_as_they_come() {
    let folder = tempfile::tempdir().unwrap();
    let all = fields(&[6, 5], 1, (0..120).map(|i| f64::from(i / 7 % 3)).collect());
    for ending in ["npy", "zarr", "tif"] {
        let (a, b) =
            (folder.path().join(format!("a.{ending}")), folder.path().join(format!("b.{ending}")));
        let options = WriteOptions { precision: Precision::U8, ..WriteOptions::default() };
        write(&a, FieldsRef::Measured(&all, "mm"), &options).unwrap();
        in_parts(&b, &all, 3, Precision::U8);
        assert!(bytes(&a) == bytes(&b), "{ending}");
        assert_eq!(read(&b, &ReadOptions::default()).unwrap().values[8], 1.0);
    }
}

#[test]
fn what_breaks_off_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let all = fields(&[4, 4], 1, (0..48).map(f64::from).collect());
    let mut broken = all.clone();
    broken.values[37] = f64::NAN;
    for ending in ENDINGS.iter().filter(|e| **e != "png") {
        let path = folder.path().join(format!("a.{ending}"));
        let form = FieldsRef::from(&all).form();
        let mut writer = FieldWriter::create(&path, &form, &WriteOptions::default()).unwrap();
        writer.push(&all.slice(0..2)).unwrap();
        let error = writer.push(&broken.slice(2..3)).unwrap_err();
        assert!(matches!(error, FormatError::NonFinite { index: 37, .. }), "{ending}: {error}");
        drop(writer);
        let mut writer = FieldWriter::create(&path, &form, &WriteOptions::default()).unwrap();
        writer.push(&all.slice(0..2)).unwrap();
        assert!(matches!(writer.push(&all), Err(FormatError::Parameter { .. })));
        assert!(matches!(writer.finish(), Err(FormatError::Parameter { .. })), "{ending}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{ending}");
    }
    let form = Form { count: 0, ..FieldsRef::from(&all).form() };
    let none = FieldWriter::create(&folder.path().join("a.npy"), &form, &Default::default());
    assert!(matches!(none, Err(FormatError::Empty { .. })));
    let wide = WriteOptions { precision: Precision::U16, ..WriteOptions::default() };
    let form = FieldsRef::from(&all).form();
    let none = FieldWriter::create(&folder.path().join("a.npy"), &form, &wide);
    assert!(matches!(none, Err(FormatError::Parameter { .. })));
    let none = FieldWriter::create(&folder.path().join("a.png"), &form, &Default::default());
    assert!(matches!(none, Err(FormatError::Parameter { .. })));
    for points in [vec![], vec![2; 4]] {
        let form = Form { points, ..form.clone() };
        let none = FieldWriter::create(&folder.path().join("a.zarr"), &form, &Default::default());
        assert!(matches!(none, Err(FormatError::Parameter { parameter: "points", .. })));
    }
    let none = FieldWriter::create(&folder.path().join("no/a.npy"), &form, &Default::default());
    assert!(matches!(none, Err(FormatError::Write { .. })));
}

#[test]
fn numbers_that_cannot_be_are_refused_as_in_a_file_written_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let all = fields(&[4, 4], 1, (0..32).map(|i| f64::from(i) - 0.5).collect());
    let form = FieldsRef::from(&all).form();
    let refused = |options: &WriteOptions| {
        let at_once = write(&path, &all, options).unwrap_err().to_string();
        let by_parts = FieldWriter::create(&path, &form, options)
            .and_then(|mut writer| writer.push(&all).and_then(|()| writer.finish()));
        assert_eq!(by_parts.unwrap_err().to_string(), at_once);
        assert!(!path.exists(), "{at_once}");
    };
    refused(&WriteOptions { precision: Precision::U8, ..WriteOptions::default() });
    for range in [(1.0, 0.0), (1.0, 1.0), (0.0, f64::INFINITY), (f64::NAN, 1.0)] {
        let (precision, range) = (Precision::U16, Some(range));
        refused(&WriteOptions { precision, range, ..WriteOptions::default() });
    }
}

#[test]
fn a_push_of_no_field_decides_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a.npy"), folder.path().join("b.npy"));
    let all = fields(&[4, 4], 1, (0..32).map(|i| 101_325.0 + 1e-3 * f64::from(i)).collect());
    write(&a, &all, &WriteOptions::default()).unwrap();
    let form = FieldsRef::from(&all).form();
    let mut writer = FieldWriter::create(&b, &form, &WriteOptions::default()).unwrap();
    writer.push(&all.slice(0..0)).unwrap();
    writer.push(&all).unwrap();
    writer.finish().unwrap();
    assert!(bytes(&a) == bytes(&b));
}
