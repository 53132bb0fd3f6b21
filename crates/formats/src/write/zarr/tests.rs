//! Stores that are written are read back, whole and by blocks.

use karhunen_field::{Boundary, Ensemble, Grid};

use super::Cut;
use crate::read;
use crate::{
    FieldSource, FieldsRef, Form, FormatError, Precision, ReadOptions, StoredFields, Units,
    WriteOptions, ZarrParts, write,
};

fn fields(points: &[usize], channels: usize, count: usize) -> Ensemble {
    let grid = Grid::unit(points, Boundary::Neumann).unwrap();
    let len = count * channels * grid.len();
    // exact in single precision, and no two alike
    Ensemble::new(grid, channels, (0..len).map(|i| i as f64).collect()).unwrap()
}

#[test]
fn stores_come_back_with_their_spacing() {
    let folder = tempfile::tempdir().unwrap();
    for (i, (points, channels, count)) in [
        (&[300][..], 1, 3),
        (&[17, 9], 1, 40),
        (&[17, 9], 3, 4),
        (&[5, 4, 3], 2, 2),
        // beyond one chunk, in every direction
        (&[600, 700], 1, 2),
        (&[70, 65, 130], 1, 2),
        (&[65, 70, 66], 2, 1),
        (&[300_000], 1, 2),
    ]
    .into_iter()
    .enumerate()
    {
        let path = folder.path().join(format!("{i}.zarr"));
        let all = fields(points, channels, count);
        write(&path, FieldsRef::Measured(&all, "mm"), &WriteOptions::default()).unwrap();
        let channels = Some(channels).filter(|c| *c > 1);
        let options = ReadOptions { dim: Some(points.len()), channels, ..ReadOptions::default() };
        let back = read(&path, &options).unwrap();
        assert_eq!((back.count(), &back.points[..]), (count, points));
        assert!(
            back.values.iter().zip(&all.values).all(|(a, b)| f64::from(*a) == *b),
            "{points:?}"
        );
        assert_eq!(back.units.length.as_deref(), Some("mm"));
        let spacing: Vec<f64> =
            all.grid.axes().iter().map(|a| a.length / a.points as f64).collect();
        assert_eq!(back.units.spacing, Some(spacing));
        let stored = StoredFields::open(&path, &options).unwrap();
        let (mut block, corner) = (Vec::new(), vec![1; points.len()]);
        let inner: Vec<usize> = points.iter().map(|n| n - 2).collect();
        stored.block(count - 1, &corner, &inner, &mut block).unwrap();
        let first = corner.iter().zip(points).fold(0, |at, (c, n)| at * n + c);
        assert_eq!(f64::from(block[0]), all.fields().last().unwrap()[first]);
        let notes = stored.notes();
        assert!(notes.iter().all(|note| !note.contains("not in the store")), "{notes:?}");
    }
}

#[test]
fn stores_are_replaced_only_when_asked_and_other_folders_never() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.zarr");
    let (one, two) = (fields(&[4, 4], 1, 1), fields(&[3, 3], 1, 2));
    write(&path, &one, &WriteOptions::default()).unwrap();
    let error = write(&path, &two, &WriteOptions::default()).unwrap_err();
    assert!(matches!(error, FormatError::Exists { .. }));
    let force = WriteOptions { overwrite: true, ..WriteOptions::default() };
    write(&path, &two, &force).unwrap();
    assert_eq!(read(&path, &ReadOptions::default()).unwrap().count(), 2);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let other = folder.path().join("other.zarr");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("dear"), "to somebody").unwrap();
    assert!(matches!(write(&other, &one, &force), Err(FormatError::Exists { .. })));
    let begun = ZarrParts::begin(&other, &FieldsRef::from(&one).form(), true);
    assert!(matches!(begun, Err(FormatError::Exists { .. })));
    assert!(other.join("dear").is_file());
}

#[test]
fn numbers_of_two_bytes_say_what_they_mean() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.zarr");
    let range = Some((-1.0, 24.0));
    let options = WriteOptions { precision: Precision::U16, range, ..WriteOptions::default() };
    let all = fields(&[4, 5], 1, 1);
    write(&path, &all, &options).unwrap();
    let back = read(&path, &ReadOptions::default()).unwrap();
    let far = |(a, b): (&f32, &f64)| (back.offset + f64::from(*a) - b).abs();
    assert!(back.values.iter().zip(&all.values).map(far).all(|d| d < 25.0 / 65535.0));
}

#[test]
fn shards_are_bounded_and_whole_numbers_of_chunks() {
    for (points, channels, count) in [
        (&[28, 28][..], 1, 60_000),
        (&[4096, 4096], 1, 3),
        (&[512, 512, 512], 2, 1),
        (&[1000, 20, 3000], 1, 1),
        (&[1 << 26], 1, 1),
        (&[511, 512], 1, 1),
    ] {
        let form = Form { points: points.into(), channels, count, units: Units::default() };
        let cut = Cut::of(&form);
        assert!(cut.shard.iter().zip(&cut.chunk).all(|(s, c)| s % c == 0), "{cut:?}");
        assert!(cut.shard.iter().product::<usize>() <= super::SHARD, "{cut:?}");
        let files: usize = Cut::counts(&cut.shape, &cut.shard).iter().product();
        assert!(files <= 2 * form.len().div_ceil(super::SHARD) + 2 * count * channels, "{cut:?}");
    }
}

#[test]
fn parts_of_a_store_are_removed_where_it_cannot_be_finished() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.zarr");
    let one = fields(&[4, 4], 1, 1);
    let form = FieldsRef::from(&one).form();
    let begun = ZarrParts::begin(&path, &form, false).unwrap();
    let parts = ZarrParts { path: path.clone(), folder: begun, form };
    parts.put(0, &one, Precision::F32).unwrap();
    assert!(matches!(
        parts.put(0, &one, Precision::U16),
        Err(FormatError::Parameter { parameter: "range", .. })
    ));
    // another store came meanwhile
    write(&path, &one, &WriteOptions::default()).unwrap();
    let finished = parts.finish(Precision::F32, false);
    assert!(matches!(finished, Err(FormatError::Exists { .. })));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    assert_eq!(ZarrParts::fields_a_shard(&Form { count: 0, ..FieldsRef::from(&one).form() }), 1);
}
