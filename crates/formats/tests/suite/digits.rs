//! Values that single precision would round to one number, and arrays with channels last.

use karhunen_formats::{
    FieldSource, FieldsRef, Missing, ReadOptions, StoredFields, WriteOptions, read, write,
};

use crate::{file, folder, npy};

/// 8 fields of 3 x 4 points with the value 101325 and deviations of a few hundredths.
fn pressures() -> Vec<f64> {
    (0..96).map(|i| 101_325.0 + 0.02 * f64::from(i * 37 % 96) / 96.0).collect()
}

#[test]
fn small_deviations_from_a_large_number_are_kept() {
    let folder = folder();
    let bytes: Vec<u8> = pressures().iter().flat_map(|v| v.to_le_bytes()).collect();
    let path = file(&folder, "p.npy", &npy("<f8", false, "(8, 3, 4)", &bytes));
    let fields = read(&path, &ReadOptions::default()).unwrap();
    let near = |offset: f64, values: &[f32]| {
        values.iter().zip(pressures()).all(|(v, p)| (offset + f64::from(*v) - p).abs() < 1e-8)
    };
    assert!(fields.offset != 0.0 && near(fields.offset, &fields.values));
    let stored = StoredFields::open(&path, &ReadOptions::default()).unwrap();
    let mut values = Vec::new();
    (0..8).for_each(|item| stored.block(item, &[0, 0], &[3, 4], &mut values).unwrap());
    assert!(near(stored.offsets()[0], &values));
    // written again, in eight bytes
    let back = folder.path().join("back.npy");
    write(&back, FieldsRef::Raw(&fields), &WriteOptions::default()).unwrap();
    let again = read(&back, &ReadOptions::default()).unwrap();
    assert!(near(again.offset, &again.values));
}

#[test]
fn values_that_keep_their_digits_are_what_they_were() {
    let folder = folder();
    let values: Vec<f64> = (0..12).map(|i| 290.0 + f64::from(i)).collect();
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let path = file(&folder, "t.npy", &npy("<f8", false, "(1, 3, 4)", &bytes));
    let fields = read(&path, &ReadOptions::default()).unwrap();
    assert_eq!(fields.offset, 0.0);
    assert!(fields.values.iter().zip(&values).all(|(a, b)| *a == *b as f32));
}

#[test]
fn a_stand_in_for_missing_values_is_in_the_files_units() {
    let folder = folder();
    let mut values = pressures();
    values[5] = f64::NAN;
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let path = file(&folder, "p.npy", &npy("<f8", false, "(8, 3, 4)", &bytes));
    let filled = ReadOptions { missing: Missing::Filled(101_325.0), ..ReadOptions::DEFAULT };
    let fields = read(&path, &filled).unwrap();
    assert_eq!(fields.offset + f64::from(fields.values[5]), 101_325.0);
}

#[test]
fn channels_last_are_the_same_whole_and_by_part() {
    let folder = folder();
    // 2 fields of 3 x 4 points and 2 channels; value = 100 · channel + point
    let values: Vec<u8> = (0..48).map(|i| 100 * (i % 2) + i / 2).collect();
    let path = file(&folder, "a.npy", &npy("|u1", false, "(2, 3, 4, 2)", &values));
    let options = ReadOptions { channels_last: true, ..ReadOptions::DEFAULT };
    let fields = read(&path, &options).unwrap();
    assert_eq!((fields.count(), fields.channels, &fields.points[..]), (2, 2, &[3, 4][..]));
    assert_eq!(fields.values[12..15], [100., 101., 102.]);
    assert_eq!(fields.values[24..27], [12., 13., 14.]);
    let stored = StoredFields::open(&path, &options).unwrap();
    let mut block = Vec::new();
    stored.block(1, &[2, 1], &[1, 3], &mut block).unwrap();
    assert_eq!(block, [21., 22., 23., 121., 122., 123.]);
    // a note suggests channels last where that is likely
    let wide = file(&folder, "b.npy", &npy("|u1", false, "(20, 20, 3)", &[0; 1200]));
    let notes = read(&wide, &ReadOptions::default()).unwrap().notes.join(" ");
    assert!(notes.contains("its last axis has 3 points"), "{notes}");
}
