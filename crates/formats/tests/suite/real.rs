//! Known statistics of public data sets.

use karhunen_formats::{FormatError, PatchSource, ReadOptions, SourceType, read, split_blocks};

use crate::data;

/// Mean and standard deviation over all values.
fn moments(values: &[f32]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
    let square = values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n;
    (mean, square.sqrt())
}

#[test]
fn mnist_has_its_published_moments() {
    let Some(path) = data::find("mnist/train-images-idx3-ubyte.gz") else { return };
    let fields = read(&path, &ReadOptions::default()).unwrap();
    assert_eq!((fields.count(), &fields.points[..], fields.channels), (60_000, &[28, 28][..], 1));
    assert_eq!(fields.dtype, SourceType::U8);
    let (mean, std) = moments(&fields.values);
    // published to four digits
    assert!((mean / 255.0 - 0.1307).abs() < 5e-5, "{}", mean / 255.0);
    assert!((std / 255.0 - 0.3081).abs() < 5e-5, "{}", std / 255.0);
}

#[test]
fn mnist_labels_are_no_fields() {
    let Some(path) = data::find("mnist/t10k-labels-idx1-ubyte.gz") else { return };
    let error = read(&path, &ReadOptions::default()).unwrap_err();
    assert!(matches!(error, FormatError::Labels { count: 10_000, .. }), "{error}");
}

#[test]
fn the_silicon_carbide_stack_is_62_slices_with_a_hole() {
    let Some(path) = data::find("materials/sic_diamonds") else { return };
    let fields = read(&path, &ReadOptions::default()).unwrap();
    assert_eq!((fields.count(), &fields.points[..], fields.channels), (62, &[600, 600][..], 1));
    let (mean, std) = moments(&fields.values);
    // published to one digit
    assert!((mean - 114.1).abs() < 0.05 && (std - 38.1).abs() < 0.05, "{mean} {std}");
    let positions: Vec<u64> = (1..=46).chain(67..=82).collect();
    assert_eq!(fields.positions, positions);
    let notes = fields.notes.join("\n");
    for part in [
        "img_val_material.png = img081.png",
        "img_learn_material.png",
        "img_test_material.png",
        "LICENSE",
        "between slices 46 and 67",
    ] {
        assert!(notes.contains(part), "{part} in {notes}");
    }

    let split = split_blocks(&fields.positions, 0.15, 2, 6).unwrap();
    let patches = PatchSource::new(&fields, &split.train, &[64, 64], 1).unwrap().cut(0..50);
    let held: Vec<u64> = split.validation.iter().map(|&i| positions[i]).collect();
    let near = |p: &u64| held.iter().any(|h| h.abs_diff(*p) <= 6);
    assert!(!patches.unwrap().positions.iter().any(near));

    let volume = read(&path, &ReadOptions { dim: Some(3), ..ReadOptions::default() });
    assert!(matches!(volume, Err(FormatError::Hole { before: 46, after: 67, .. })));
}
