//! Arrays whose stored numbers are not their values, such as packed ones; see golden/arrays.py.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use karhunen_formats::{FieldSource, FormatError, Missing, ReadOptions, StoredFields, read};
use serde::Deserialize;

#[derive(Deserialize)]
struct Expected {
    #[serde(default)]
    shape: Vec<usize>,
    /// Expected values; none where a value is missing.
    #[serde(default)]
    values: Vec<Option<f64>>,
    spacing: Option<Vec<f64>>,
    /// A word of the error message, if the array is refused.
    refused: Option<String>,
}

fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/odd").join(name)
}

fn expected() -> BTreeMap<String, Expected> {
    let all: BTreeMap<String, Expected> =
        serde_json::from_str(&std::fs::read_to_string(place("expected.json")).unwrap()).unwrap();
    let is_read = |address: &str| {
        let hdf5 = [".h5", "seven.mat", "four.nc"].iter().any(|part| address.contains(part));
        cfg!(feature = "hdf5") || !hdf5
    };
    all.into_iter().filter(|(address, _)| is_read(address)).collect()
}

fn options(e: &Expected, missing: Missing) -> ReadOptions {
    // a first axis of length 1 means one field
    let one = e.shape.first() == Some(&1) && e.shape.len() == 4;
    let dim = if one { 3 } else { e.shape.len() - 1 };
    ReadOptions { dim: Some(dim), missing, limit_bytes: 1 << 20, ..ReadOptions::DEFAULT }
}

#[test]
fn arrays_have_the_values_their_library_reads() {
    for (address, e) in expected().iter().filter(|(_, e)| e.refused.is_none()) {
        let fields = read(place(address), &options(e, Missing::Kept)).unwrap();
        let dim = fields.points.len();
        assert_eq!(fields.points[..], e.shape[e.shape.len() - dim..], "{address}");
        assert_eq!(fields.values.len(), e.values.len(), "{address}");
        let largest = e.values.iter().flatten().fold(0.0f64, |m, v| m.max(v.abs()));
        for (i, (found, wanted)) in fields.values.iter().zip(&e.values).enumerate() {
            match wanted {
                None => assert!(found.is_nan(), "{address}: value {i} is {found}, not missing"),
                Some(v) => {
                    let off = (f64::from(*found) - v).abs();
                    assert!(off <= 1.2e-7 * largest, "{address}: value {i} is {found}, not {v}");
                }
            }
        }
        assert_eq!(fields.units.spacing, e.spacing, "{address}");
        if let Ok(stored) = StoredFields::open(place(address), &options(e, Missing::Kept)) {
            let (mut values, item) = (Vec::new(), stored.count() - 1);
            stored.block(item, &vec![0; dim], &fields.points, &mut values).unwrap();
            let last = fields.fields().next_back().unwrap();
            assert!(values.iter().zip(last).all(|(a, b)| a == b || a.is_nan() && b.is_nan()));
        }
    }
}

#[test]
fn missing_values_are_refused_with_their_number_or_filled() {
    for (address, e) in expected().iter().filter(|(_, e)| e.values.contains(&None)) {
        let error = read(place(address), &options(e, Missing::Refused)).unwrap_err();
        let gone = e.values.iter().filter(|v| v.is_none()).count();
        let first = e.values.iter().position(|v| v.is_none()).unwrap();
        match error {
            FormatError::Missing { count, of, index, whole: true, .. } => {
                assert_eq!((count, of, index), (gone, e.values.len(), first), "{address}");
            }
            other => panic!("{address}: {other}"),
        }
        let filled = read(place(address), &options(e, Missing::Filled(-7.5))).unwrap();
        assert_eq!(filled.values[first], -7.5, "{address}");
        assert!(filled.values.iter().all(|v| v.is_finite()), "{address}");
        assert!(filled.notes.iter().any(|n| n.contains("-7.5 is put in")), "{:?}", filled.notes);
    }
}

#[test]
fn what_is_refused_says_why() {
    let read_all = ReadOptions { limit_bytes: 1 << 20, ..ReadOptions::DEFAULT };
    for (address, e) in expected() {
        let Some(why) = e.refused else { continue };
        let text = read(place(&address), &read_all).unwrap_err().to_string();
        assert!(text.contains(&why) && !text.contains("cannot decode"), "{address}: {text}");
    }
}

#[test]
fn axes_that_matlab_reverses_are_told() {
    for address in ["packed.mat:f4", "seven.mat"] {
        if address == "seven.mat" && !cfg!(feature = "hdf5") {
            continue;
        }
        let notes = read(place(address), &ReadOptions::DEFAULT).unwrap().notes.join(" ");
        assert!(notes.contains("[3, 4, 5]; the file stores them reversed"), "{notes}");
    }
    let several = read(place("plain.mat"), &ReadOptions::DEFAULT).unwrap_err().to_string();
    assert!(several.contains("holds 6 arrays") && several.contains("plain.mat:"), "{several}");
    let absent = read(place("plain.mat:q"), &ReadOptions::DEFAULT).unwrap_err().to_string();
    assert!(absent.contains("has no part \"q\""), "{absent}");
}

#[test]
fn a_short_or_lying_mat_file_is_refused() {
    let bytes = std::fs::read(place("narrow.mat")).unwrap();
    for end in 129..bytes.len() {
        let folder = super::folder();
        let path = super::file(&folder, "a.mat", &bytes[..end]);
        assert!(read(format!("{}:s", path.display()), &ReadOptions::DEFAULT).is_err(), "{end}");
    }
    // the axes of the first variable claim two thousand million values
    let mut lying = bytes;
    let at = lying.windows(8).position(|w| w == [4, 0, 0, 0, 5, 0, 0, 0]).unwrap();
    lying[at..at + 8].copy_from_slice(&[255, 255, 0, 0, 255, 127, 0, 0]);
    let folder = super::folder();
    let path = super::file(&folder, "a.mat", &lying);
    let small = ReadOptions { limit_bytes: 1 << 20, ..ReadOptions::DEFAULT };
    let error = read(format!("{}:n", path.display()), &small).unwrap_err();
    assert!(matches!(error, FormatError::TooLarge { .. }), "{error}");
    let error =
        read(format!("{}:n", path.display()), &ReadOptions { limit_bytes: u64::MAX, ..small });
    assert!(matches!(error, Err(FormatError::Header { .. })));
}
