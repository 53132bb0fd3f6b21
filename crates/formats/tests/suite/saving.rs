//! Volumes and stacks are written and read again: values, spacing and units.

use karhunen_field::{Axis, Boundary, Ensemble, Grid};
use karhunen_formats::{
    FieldsRef, FormatError, Precision, RawFields, ReadOptions, StoredFields, Units, WriteOptions,
    Written, read, write, write_pictures,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::{file, folder};

/// Fields on a box whose cells have the given spacing.
fn ensemble(points: &[usize], spacing: &[f64], channels: usize, count: usize) -> Ensemble {
    let boundary = Boundary::Neumann;
    let axes: Vec<Axis> = points
        .iter()
        .zip(spacing)
        .map(|(&points, h)| Axis { points, length: h * points as f64, boundary })
        .collect();
    let grid = Grid::new(&axes).unwrap();
    let values = (0..count * channels * grid.len()).map(|i| (i as f64 * 0.7).sin()).collect();
    Ensemble::new(grid, channels, values).unwrap()
}

fn options(dim: usize) -> ReadOptions {
    ReadOptions { dim: Some(dim), limit_bytes: 1 << 24, ..ReadOptions::default() }
}

/// Tolerance of spacings, which pass through text, fractions and the length of the box.
const SPACING_TOLERANCE: f64 = 1e-5;

fn same_spacing(units: &Units, spacing: &[f64]) -> bool {
    let near = |(a, b): (&f64, &f64)| (a / b - 1.0).abs() < SPACING_TOLERANCE;
    units
        .spacing
        .as_ref()
        .is_some_and(|s| s.len() == spacing.len() && s.iter().zip(spacing).all(near))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..Default::default() })]

    #[test]
    fn vti_keeps_values_channels_and_spacing(
        points in prop::collection::vec(2usize..7, 1..=3),
        channels in 1usize..4,
        count in 1usize..12,
        double: bool,
    ) {
        let folder = folder();
        let path = folder.path().join("fields.vti");
        let spacing = [3.0, 0.5, 0.125][..points.len()].to_vec();
        let fields = ensemble(&points, &spacing, channels, count);
        let precision = if double { Precision::F64 } else { Precision::F32 };
        let written = write(&path, &fields, &WriteOptions { precision, ..Default::default() });
        prop_assert_eq!(written.unwrap(), Written { count, range: None });
        let back = read(&path, &options(points.len())).unwrap();
        prop_assert_eq!((back.count(), back.channels, &back.points), (count, channels, &points));
        prop_assert!(back.values.iter().zip(&fields.values).all(|(a, b)| *a == *b as f32));
        prop_assert!(same_spacing(&back.units, &spacing));
    }

    #[test]
    fn npz_keeps_values_and_spacing(
        points in prop::collection::vec(1usize..7, 1..=3),
        channels in 1usize..4,
        count in 1usize..4,
    ) {
        let folder = folder();
        let path = folder.path().join("fields.npz");
        let spacing = [3.0, 0.5, 0.125][..points.len()].to_vec();
        let fields = ensemble(&points, &spacing, channels, count);
        write(&path, &fields, &WriteOptions::default()).unwrap();
        let options = ReadOptions { channels: Some(channels), ..options(points.len()) };
        let back = read(&path, &options).unwrap();
        prop_assert_eq!((back.count(), back.channels, &back.points), (count, channels, &points));
        prop_assert!(back.values.iter().zip(&fields.values).all(|(a, b)| *a == *b as f32));
        prop_assert!(same_spacing(&back.units, &spacing));
        let stored = StoredFields::open(&path, &options).unwrap();
        prop_assert!(stored.notes().is_empty());
    }

    #[test]
    fn tiff_keeps_pages_of_every_precision(
        height in 1usize..6,
        width in 1usize..6,
        depth in 1usize..5,
        colour: bool,
        volume: bool,
        which in 0usize..3,
    ) {
        let folder = folder();
        let path = folder.path().join("fields.tif");
        let channels = if colour { 3 } else { 1 };
        let (points, count, dim) =
            if volume { (vec![depth, height, width], 1, 3) } else { (vec![height, width], depth, 2) };
        let spacing = [3.0, 0.5, 0.125][3 - dim..].to_vec();
        let fields = ensemble(&points, &spacing, channels, count);
        let precision = [Precision::F32, Precision::F64, Precision::U16][which];
        let range = (precision == Precision::U16).then_some((-1.0, 1.0));
        let options_of_writing = WriteOptions { precision, range, ..Default::default() };
        let written = write(&path, &fields, &options_of_writing).unwrap();
        prop_assert_eq!(written, Written { count, range });
        let back = read(&path, &options(dim)).unwrap();
        prop_assert_eq!((back.count(), back.channels, &back.points), (count, channels, &points));
        prop_assert!(same_spacing(&back.units, &spacing));
        for (a, b) in back.values.iter().zip(&fields.values) {
            let expected = match range {
                // nearest of 65536 levels from -1 to 1
                Some(_) => ((b + 1.0) / 2.0 * 65535.0).round() as f32,
                None => *b as f32,
            };
            prop_assert_eq!(*a, expected);
        }
        prop_assert_eq!(StoredFields::open(&path, &options(dim)).is_ok(), channels == 1);
    }
}

#[test]
fn units_travel_from_file_to_file() {
    let folder = folder();
    let note = "shape = [2, 3, 4]\ndtype = 'u8'\nspacing = [2.25, 0.1, 3]\nunit = 'µm'";
    let raw = file(&folder, "a.raw", &(0..24).collect::<Vec<u8>>());
    file(&folder, "a.raw.toml", note.as_bytes());
    let fields = read(&raw, &options(3)).unwrap();
    for (name, unit) in [("a.vti", Some("µm")), ("a.tif", Some("um")), ("a.npz", None)] {
        let path = folder.path().join(name);
        write(&path, &fields, &WriteOptions::default()).unwrap();
        let back = read(&path, &options(3)).unwrap();
        assert_eq!((back.values, &back.points), (fields.values.clone(), &fields.points), "{name}");
        assert!(same_spacing(&back.units, &[2.25, 0.1, 3.0]), "{name}: {:?}", back.units);
        assert_eq!(back.units.length.as_deref(), unit, "{name}");
    }
}

#[test]
fn a_png_of_16_bits_is_one_field_and_a_folder_is_many() {
    let folder = folder();
    let deep = WriteOptions { precision: Precision::U16, ..WriteOptions::default() };
    let one = ensemble(&[3, 5], &[1.0, 1.0], 1, 1);
    let path = folder.path().join("one.png");
    let (low, high) = write(&path, &one, &deep).unwrap().range.unwrap();
    let back = read(&path, &options(2)).unwrap();
    for (a, b) in back.values.iter().zip(&one.values) {
        assert_eq!(*a, ((b - low) / (high - low) * 65535.0).round() as f32);
    }
    let many = ensemble(&[3, 5], &[1.0, 1.0], 1, 11);
    let error = write(folder.path().join("many.png"), &many, &deep).unwrap_err();
    assert!(matches!(error, FormatError::Parameter { parameter: "fields", .. }), "{error}");

    let pictures = folder.path().join("many");
    let range = Some((-0.5, 0.5));
    let written = write_pictures(&pictures, &many, &WriteOptions { range, ..deep.clone() });
    assert_eq!(written.unwrap(), Written { count: 11, range });
    let back = read(&pictures, &options(2)).unwrap();
    assert_eq!((back.count(), back.items[10].as_str()), (11, "field10.png"));
    for (a, b) in back.values.iter().zip(&many.values) {
        assert_eq!(*a, ((b.clamp(-0.5, 0.5) + 0.5) * 65535.0).round() as f32);
    }
    let again = write_pictures(&pictures, &many, &WriteOptions { overwrite: true, ..deep.clone() });
    assert!(matches!(again, Err(FormatError::Exists { .. })));
    let volume = ensemble(&[4, 3, 5], &[1.0; 3], 3, 1);
    write_pictures(folder.path().join("slices"), &volume, &deep).unwrap();
    let back = read(folder.path().join("slices"), &options(3)).unwrap();
    assert_eq!((back.channels, &back.points[..]), (3, &[4, 3, 5][..]));
    // no partial file is left in the folder
    let names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(names.iter().all(|n| !n.to_string_lossy().starts_with('.')), "{names:?}");
}

#[test]
fn what_a_format_does_not_hold_is_said() {
    let folder = folder();
    let refused = |name: &str, fields: &Ensemble, options: &WriteOptions| {
        write(folder.path().join(name), fields, options).unwrap_err()
    };
    let plain = WriteOptions::default();
    let volumes = ensemble(&[2, 2, 2], &[1.0; 3], 1, 2);
    let error = refused("a.tif", &volumes, &plain);
    assert!(matches!(error, FormatError::Parameter { parameter: "fields", .. }), "{error}");
    let two = ensemble(&[2, 2], &[1.0; 2], 2, 1);
    let error = refused("a.tif", &two, &plain);
    assert!(matches!(error, FormatError::Parameter { parameter: "channels", .. }), "{error}");
    for range in [(1.0, 1.0), (0.0, f64::NAN)] {
        let options =
            WriteOptions { precision: Precision::U16, range: Some(range), ..plain.clone() };
        let error = refused("a.npy", &two, &options);
        assert!(matches!(error, FormatError::Parameter { parameter: "range", .. }), "{error}");
    }
    let mut broken = ensemble(&[2, 2], &[1.0; 2], 1, 1);
    broken.values[3] = f64::NAN;
    for name in ["a.npy", "a.npz", "a.vti", "a.tif", "a.png"] {
        for precision in [Precision::F32, Precision::U16] {
            let error = refused(name, &broken, &WriteOptions { precision, ..plain.clone() });
            assert!(matches!(error, FormatError::NonFinite { index: 3, .. }), "{name}: {error}");
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_constant_field_has_no_range_and_is_black() {
    let folder = folder();
    let path = folder.path().join("flat.tif");
    let grid = Grid::unit(&[2, 2], Boundary::Neumann).unwrap();
    let flat = Ensemble::new(grid, 1, vec![7.0; 4]).unwrap();
    let deep = WriteOptions { precision: Precision::U16, ..WriteOptions::default() };
    assert_eq!(write(&path, &flat, &deep).unwrap().range, Some((7.0, 7.0)));
    let back: RawFields = read(&path, &options(2)).unwrap();
    assert_eq!(back.values, [0.0; 4]);
    // fields that were read can be written again
    write(folder.path().join("again.vti"), FieldsRef::from(&back), &deep).unwrap();
}
