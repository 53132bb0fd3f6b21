//! Valid IDX and NPY files, plain and in gzip, and the interpretation of their axes by the options.

use karhunen_formats::{FormatError, ReadOptions, SourceType, read};

use crate::{file, folder, gzip, idx, npy, read_bytes};

const DEFAULT: ReadOptions = ReadOptions { limit_bytes: 1 << 20, ..ReadOptions::DEFAULT };

/// The numbers 0 … 11 in each type, as 2 fields of 2 x 3.
fn numbers<const B: usize>(encode: impl Fn(u8) -> [u8; B]) -> Vec<u8> {
    (0..12).flat_map(encode).collect()
}

#[test]
fn idx_of_every_type_plain_and_in_gzip() {
    let expected: Vec<f32> = (0..12).map(|v| v as f32).collect();
    for (code, dtype, values) in [
        (0x08, SourceType::U8, numbers(|v| [v])),
        (0x09, SourceType::I8, numbers(|v| [v])),
        (0x0b, SourceType::I16, numbers(|v| i16::from(v).to_be_bytes())),
        (0x0c, SourceType::I32, numbers(|v| i32::from(v).to_be_bytes())),
        (0x0d, SourceType::F32, numbers(|v| f32::from(v).to_be_bytes())),
        (0x0e, SourceType::F64, numbers(|v| f64::from(v).to_be_bytes())),
    ] {
        let bytes = idx(code, &[2, 2, 3], &values);
        for bytes in [gzip(&bytes), bytes] {
            let fields = read_bytes(&bytes, &DEFAULT).unwrap();
            assert_eq!((fields.count(), &fields.points[..]), (2, &[2, 3][..]));
            assert_eq!((fields.dtype, &fields.values), (dtype, &expected));
            assert_eq!(fields.positions, [0, 1]);
        }
    }
}

#[test]
fn idx_axes_are_space_unless_said_otherwise() {
    let volume = idx(0x08, &[1, 2, 2, 3], &numbers(|v| [v]));
    let fields = read_bytes(&volume, &DEFAULT).unwrap();
    assert_eq!((fields.channels, &fields.points[..]), (1, &[2, 2, 3][..]));
    let coloured = ReadOptions { channels: Some(2), ..DEFAULT };
    let fields = read_bytes(&volume, &coloured).unwrap();
    assert_eq!((fields.channels, &fields.points[..]), (2, &[2, 3][..]));
    let line = read_bytes(&idx(0x08, &[4, 3], &numbers(|v| [v])), &DEFAULT).unwrap();
    assert_eq!((line.count(), &line.points[..]), (4, &[3][..]));
}

#[test]
fn npy_of_every_type_and_byte_order() {
    let expected: Vec<f32> = (0..12).map(|v| v as f32).collect();
    macro_rules! both {
        ($code:literal, $t:ty, $dtype:ident) => {
            for (descr, values) in [
                (concat!("<", $code), numbers(|v| (v as $t).to_le_bytes())),
                (concat!(">", $code), numbers(|v| (v as $t).to_be_bytes())),
            ] {
                let bytes = npy(descr, false, "(2, 2, 3)", &values);
                for bytes in [gzip(&bytes), bytes] {
                    let fields = read_bytes(&bytes, &DEFAULT).unwrap();
                    assert_eq!((fields.count(), &fields.points[..]), (2, &[2, 3][..]));
                    assert_eq!((fields.dtype, &fields.values), (SourceType::$dtype, &expected));
                }
            }
        };
    }
    both!("u1", u8, U8);
    both!("i1", i8, I8);
    both!("u2", u16, U16);
    both!("i2", i16, I16);
    both!("u4", u32, U32);
    both!("i4", i32, I32);
    both!("u8", u64, U64);
    both!("i8", i64, I64);
    both!("f4", f32, F32);
    both!("f8", f64, F64);
    let flags = read_bytes(&npy("|b1", false, "(2, 2)", &[0, 1, 1, 0]), &DEFAULT).unwrap();
    assert_eq!((flags.dtype, &flags.values[..]), (SourceType::Bool, &[0.0, 1.0, 1.0, 0.0][..]));
}

#[test]
fn npy_in_fortran_order_is_the_same_array() {
    // a[n, i, j] = 6 n + 3 i + j, first axis fastest
    let stored: Vec<u8> =
        (0..12).map(|flat| 6 * (flat % 2) + 3 * (flat / 2 % 2) + flat / 4).collect();
    let fields = read_bytes(&npy("|u1", true, "(2, 2, 3)", &stored), &DEFAULT).unwrap();
    assert_eq!(fields.values, (0..12).map(|v| v as f32).collect::<Vec<_>>());
}

#[test]
fn later_npy_versions_have_a_longer_length() {
    let first = npy("|u1", false, "(2, 3)", &[1, 2, 3, 4, 5, 6]);
    for version in [2, 3] {
        let mut bytes = first[..6].to_vec();
        bytes.extend([version, 0]);
        bytes.extend(u32::from(u16::from_le_bytes([first[8], first[9]])).to_le_bytes());
        bytes.extend(&first[10..]);
        assert_eq!(read_bytes(&bytes, &DEFAULT).unwrap().points, [3]);
    }
}

#[test]
fn guesses_are_noted_and_options_override_them() {
    let bytes = npy("|u1", false, "(2, 2, 3)", &numbers(|v| [v]));
    let guessed = read_bytes(&bytes, &DEFAULT).unwrap();
    assert!(guessed.notes[0].contains("2 fields of 1 channel(s) on [2, 3]"), "{guessed:?}");
    let volume = read_bytes(&bytes, &ReadOptions { dim: Some(3), ..DEFAULT }).unwrap();
    assert_eq!((volume.count(), &volume.points[..]), (1, &[2, 2, 3][..]));
    assert!(volume.notes.is_empty());
    let lines = read_bytes(&bytes, &ReadOptions { dim: Some(1), ..DEFAULT }).unwrap();
    assert_eq!((lines.count(), lines.channels, &lines.points[..]), (2, 2, &[3][..]));
    for (dim, channels, name) in [(Some(4), None, "dim"), (None, Some(0), "channels")] {
        let error = read_bytes(&bytes, &ReadOptions { dim, channels, ..DEFAULT }).unwrap_err();
        assert!(matches!(error, FormatError::Parameter { parameter, .. } if parameter == name));
    }
}

#[test]
fn digits_lost_in_single_precision_are_noted() {
    let values = |v: i32| v.to_le_bytes();
    let exact = npy("<i4", false, "(1, 1)", &values(1 << 24));
    let lossy = npy("<i4", false, "(1, 2)", &[values(0), values((1 << 24) + 2)].concat());
    let notes = |bytes: &[u8]| read_bytes(bytes, &DEFAULT).unwrap().notes.join(" ");
    assert!(!notes(&exact).contains("rounded") && notes(&lossy).contains("rounded"));
}

#[test]
fn the_content_decides_and_not_the_ending() {
    let folder = folder();
    let path = file(&folder, "picture.png", &idx(0x08, &[1, 2], &[3, 4]));
    let fields = read(&path, &DEFAULT).unwrap();
    assert_eq!((fields.values, fields.source), (vec![3.0, 4.0], path));
}

#[test]
fn infinite_and_too_large_numbers_are_named_by_index() {
    for (bytes, at) in [
        (idx(0x0d, &[1, 2], &[f32::MAX.to_be_bytes(), f32::INFINITY.to_be_bytes()].concat()), 1),
        (npy("<f8", false, "(1, 2)", &[1e300f64.to_le_bytes(), [0; 8]].concat()), 0),
    ] {
        let error = read_bytes(&bytes, &DEFAULT).unwrap_err();
        assert!(matches!(error, FormatError::NonFinite { index, .. } if index == at), "{error}");
    }
}
