//! Files that are truncated, padded, claim a wrong size, or have another format.

use std::io::Cursor;

use karhunen_formats::{FormatError, ReadOptions};
use proptest::prelude::*;

use crate::replay::exercise;
use crate::{gzip, idx, npy, read_bytes};

/// A small limit, to catch a reader that allocates memory because of a header alone.
const SMALL: ReadOptions = ReadOptions { limit_bytes: 1 << 16, ..ReadOptions::DEFAULT };
const LARGE: ReadOptions = ReadOptions { limit_bytes: u64::MAX, ..ReadOptions::DEFAULT };

fn good_idx() -> Vec<u8> {
    idx(0x0b, &[2, 2, 3], &[7; 24])
}

fn good_npy() -> Vec<u8> {
    npy("<i2", false, "(2, 2, 3)", &[7; 24])
}

/// A 9 x 7 picture with some structure.
fn picture(format: image::ImageFormat) -> Vec<u8> {
    let pixels = (0..63u32).map(|i| (i * i * 37 % 251) as u8).collect();
    let image = image::GrayImage::from_raw(9, 7, pixels).unwrap();
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn tiff_file() -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let pixels: Vec<u8> = (0..63).collect();
    tiff::encoder::TiffEncoder::new(&mut bytes)
        .unwrap()
        .write_image::<tiff::encoder::colortype::Gray8>(9, 7, &pixels)
        .unwrap();
    bytes.into_inner()
}

#[test]
fn arrays_cut_anywhere_say_how_much_is_missing() {
    for bytes in [good_idx(), good_npy()] {
        for length in 8..bytes.len() {
            let error = read_bytes(&bytes[..length], &SMALL).unwrap_err();
            let FormatError::Truncated { expected, found, .. } = error else { panic!("{error}") };
            assert!(found == length as u64 && found < expected && expected <= bytes.len() as u64);
        }
    }
}

#[test]
fn gzip_cut_anywhere_is_an_error() {
    let packed = gzip(&good_idx());
    for length in 0..packed.len() {
        assert!(read_bytes(&packed[..length], &SMALL).is_err(), "{length}");
    }
    let mut wrong_sum = packed.clone();
    let at = packed.len() - 6;
    wrong_sum[at] ^= 1;
    assert!(matches!(read_bytes(&wrong_sum, &SMALL), Err(FormatError::Read { .. })));
    let short = gzip(&good_idx()[..30]);
    let error = read_bytes(&short, &SMALL).unwrap_err();
    assert!(matches!(error, FormatError::Truncated { expected: 40, found: 30, .. }), "{error}");
}

#[test]
fn pictures_cut_anywhere_are_errors_or_whole() {
    for whole in [picture(image::ImageFormat::Png), picture(image::ImageFormat::Jpeg), tiff_file()]
    {
        let expected = read_bytes(&whole, &SMALL).unwrap().values;
        for length in 0..whole.len() {
            // a final end marker may be missing, but not a value
            if let Ok(fields) = read_bytes(&whole[..length], &SMALL) {
                assert_eq!(fields.values, expected, "{length} of {}", whole.len());
            }
        }
        assert!(read_bytes(&whole[..whole.len() / 2], &SMALL).is_err());
    }
}

#[test]
fn bytes_after_the_values_are_an_error() {
    for mut bytes in [good_idx(), good_npy()] {
        let expected = bytes.len() as u64;
        bytes.push(0);
        for bytes in [gzip(&bytes), bytes] {
            let error = read_bytes(&bytes, &SMALL).unwrap_err();
            assert!(matches!(error, FormatError::Trailing { expected: e, .. } if e == expected));
        }
    }
}

#[test]
fn claims_of_size_are_checked_before_memory_is_taken() {
    let most = u32::MAX;
    let claims = [
        idx(0x0e, &[most, most, most, most], &[]),
        npy("<f8", false, "(18446744073709551615, 18446744073709551615)", &[]),
    ];
    for bytes in claims {
        for bytes in [gzip(&bytes), bytes] {
            for options in [SMALL, LARGE] {
                let error = read_bytes(&bytes, &options).unwrap_err();
                assert!(matches!(error, FormatError::TooLarge { .. }), "{error}");
            }
        }
    }
    // within the limit, but more than the file can hold
    let hollow = idx(0x08, &[1 << 14, 1, 1 << 20], &[]);
    for bytes in [gzip(&hollow), hollow] {
        let error = read_bytes(&bytes, &LARGE).unwrap_err();
        assert!(matches!(error, FormatError::Truncated { found: 16, .. }), "{error}");
    }
    // a true size that exceeds the limit
    let limit = ReadOptions { limit_bytes: 47, ..SMALL };
    let error = read_bytes(&good_idx(), &limit).unwrap_err();
    assert!(matches!(error, FormatError::TooLarge { bytes: 48, limit: 47, .. }), "{error}");
}

#[test]
fn a_gzip_bomb_is_not_unpacked_beyond_its_header() {
    let mut bytes = good_idx();
    bytes.resize(64 << 20, 0);
    let error = read_bytes(&gzip(&bytes), &SMALL).unwrap_err();
    assert!(matches!(error, FormatError::Trailing { expected: 40, .. }), "{error}");
}

#[test]
fn a_picture_beyond_the_limit_is_refused_by_its_header() {
    let wide = image::GrayImage::new(300, 300);
    let mut bytes = Cursor::new(Vec::new());
    wide.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    let error = read_bytes(&bytes.into_inner(), &SMALL).unwrap_err();
    assert!(matches!(error, FormatError::TooLarge { bytes: 360_000, .. }), "{error}");
}

#[test]
fn what_is_no_field_says_what_it_is() {
    let error = |bytes: &[u8]| read_bytes(bytes, &SMALL).unwrap_err();
    assert!(matches!(error(b""), FormatError::Empty { .. }));
    assert!(matches!(error(b"a,b,c\n1,2,3\n"), FormatError::UnknownContent { .. }));
    assert!(matches!(error(&gzip(b"a,b,c\n1,2,3\n")), FormatError::Unsupported { .. }));
    assert!(matches!(error(b"PK\x03\x04rest"), FormatError::Archive { .. }));
    assert!(matches!(error(&idx(0x08, &[3], &[1, 2, 3])), FormatError::Labels { count: 3, .. }));
    assert!(matches!(error(&idx(0x08, &[0, 2], &[])), FormatError::Empty { .. }));
    assert!(matches!(error(&idx(0x08, &[2, 0], &[])), FormatError::Empty { .. }));
    let five_axes = idx(0x08, &[1; 5], &[1]);
    assert!(matches!(error(&five_axes), FormatError::Header { offset: 3, .. }));
    assert!(matches!(
        error(&npy("<c8", false, "(1, 1)", &[0; 8])),
        FormatError::Header { offset: 10, .. }
    ));
    assert!(matches!(error(&npy("<f4", false, "(1,)", &[0; 4])), FormatError::Layout { .. }));
    assert!(matches!(error(b"\x93NUMPY\x09\0\0\0\0\0"), FormatError::Header { offset: 6, .. }));
    let endless = b"\x93NUMPY\x02\0\xff\xff\xff\xff";
    assert!(matches!(error(endless), FormatError::Header { offset: 12, .. }));
    let missing = karhunen_formats::read("/no/such/file", &SMALL).unwrap_err();
    assert!(
        matches!(missing, FormatError::Read { .. }) && missing.to_string().contains("/no/such")
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    /// Reading a damaged file gives fields within the limit or an error, whatever the damage.
    #[test]
    fn no_damage_makes_a_reader_panic(
        which in 0usize..6,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = match which {
            0 => good_idx(),
            1 => good_npy(),
            2 => gzip(&good_npy()),
            3 => picture(image::ImageFormat::Png),
            4 => picture(image::ImageFormat::Jpeg),
            _ => tiff_file(),
        };
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes.truncate(cut.index(2 * bytes.len()).max(1));
        exercise(&bytes, "");
    }
}
