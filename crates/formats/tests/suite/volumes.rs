//! Volumes that are read by part, and volumes that exceed the memory.

use std::fs;
use std::io::{Seek, SeekFrom, Write};

use karhunen_formats::{FieldSource, FormatError, PatchSource, ReadOptions, StoredFields, read};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::{data, file, folder, npy};

const VOLUME: ReadOptions =
    ReadOptions { dim: Some(3), limit_bytes: 1 << 20, ..ReadOptions::DEFAULT };

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..Default::default() })]

    /// Reading by part gives the same as reading completely, for any shape, order and part.
    #[test]
    fn parts_are_parts_of_the_whole(
        shape in prop::collection::vec(1usize..7, 3..=5),
        fortran: bool,
        big: bool,
        dim in 1usize..=3,
        seed: u64,
    ) {
        let total: usize = shape.iter().product();
        let bytes: Vec<u8> = (0..total as u16)
            .flat_map(|v| if big { v.to_be_bytes() } else { v.to_le_bytes() })
            .collect();
        let text = format!("{shape:?}").replace('[', "(").replace(']', ")");
        let folder = folder();
        let path = file(&folder, "a.npy", &npy(if big { ">u2" } else { "<u2" }, fortran, &text, &bytes));
        let options = ReadOptions { dim: Some(dim), ..VOLUME };
        let (stored, whole) = (StoredFields::open(&path, &options), read(&path, &options));
        prop_assert_eq!(stored.is_ok(), whole.is_ok());
        if let (Ok(stored), Ok(whole)) = (stored, whole) {
            let items: Vec<usize> = (0..whole.count()).collect();
            let size: Vec<usize> =
                whole.points.iter().map(|&n| 1 + (seed % n as u64) as usize).collect();
            let cut = |source: &dyn FieldSource| {
                PatchSource::new(source, &items, &size, seed).unwrap().cut(0..8).unwrap()
            };
            prop_assert_eq!(cut(&stored), cut(&whole));
        }
    }
}

/// A sparse file of 3000³ bytes: 27 GB, or 108 GB as `f32`, that takes no space on disk.
#[test]
fn a_volume_larger_than_memory_gives_its_patches() {
    let folder = folder();
    let path = folder.path().join("huge.raw");
    let mut huge = fs::File::create(&path).unwrap();
    let side = 3000u64;
    if huge.set_len(side * side * side).is_err() {
        println!("skipped: this file system has no sparse files");
        return;
    }
    let corner = [2998usize, 1234, 2990];
    let at = (corner[0] as u64 * side + corner[1] as u64) * side + corner[2] as u64;
    huge.seek(SeekFrom::Start(at)).unwrap();
    huge.write_all(&[1, 2, 3]).unwrap();
    huge.seek(SeekFrom::Start(at + side * side + side)).unwrap();
    huge.write_all(&[4, 5, 6]).unwrap();
    drop(huge);
    let name = format!("{}:3000x3000x3000:u8", path.display());
    let stored = StoredFields::open(&name, &VOLUME).unwrap();
    assert_eq!((stored.count(), stored.points()), (1, &[3000, 3000, 3000][..]));
    let mut values = Vec::new();
    stored.block(0, &corner, &[2, 2, 3], &mut values).unwrap();
    assert_eq!(values, [1.0, 2.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 4.0, 5.0, 6.0]);
    let error = read(&name, &VOLUME).unwrap_err();
    assert!(matches!(error, FormatError::TooLarge { bytes: 108_000_000_000, .. }), "{error}");
}

#[test]
fn a_stored_file_has_the_length_it_says() {
    let folder = folder();
    let path = file(&folder, "a.raw", &[0; 24]);
    let open = |part: &str| StoredFields::open(format!("{}:{part}", path.display()), &VOLUME);
    assert!(open("2x3x4:u8").is_ok());
    let short = open("2x3x5:u8").unwrap_err();
    assert!(matches!(short, FormatError::Truncated { expected: 30, found: 24, .. }), "{short}");
    let long = open("2x3x3:u8").unwrap_err();
    assert!(matches!(long, FormatError::Trailing { expected: 18, .. }), "{long}");
    let absurd = open("18446744073709551615x18446744073709551615x2:f64:le").unwrap_err();
    assert!(matches!(absurd, FormatError::Truncated { found: 24, .. }), "{absurd}");
    let picture = file(&folder, "a.tif.gz", &crate::gzip(b"II*\0"));
    let whole = StoredFields::open(&picture, &VOLUME).unwrap_err();
    assert!(whole.to_string().contains("read it whole"), "{whole}");
}

#[test]
fn numbers_that_are_none_are_named_by_their_place_in_the_file() {
    let folder = folder();
    let mut values = [1.0f32; 24];
    values[17] = f32::NAN;
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let path = file(&folder, "a.raw", &bytes);
    let stored = StoredFields::open(format!("{}:2x3x4:f32:le", path.display()), &VOLUME).unwrap();
    let mut values = Vec::new();
    assert!(stored.block(0, &[0, 0, 0], &[1, 3, 4], &mut values).is_ok());
    let error = stored.block(0, &[1, 1, 0], &[1, 2, 3], &mut values).unwrap_err();
    assert!(matches!(error, FormatError::Missing { index: 17, .. }), "{error}");
}

#[test]
fn the_berea_sandstone_is_read_out_of_its_archive() {
    let Some(path) = data::find("materials/berea/berea.zip") else { return };
    let options = ReadOptions { limit_bytes: 1 << 30, ..VOLUME };
    let fields = read(&path, &options).unwrap();
    assert_eq!((fields.count(), &fields.points[..]), (1, &[400, 400, 400][..]));
    let mut levels: Vec<u32> = fields.values.iter().map(|v| v.to_bits()).collect();
    levels.sort_unstable();
    levels.dedup();
    assert_eq!(levels.len(), 2, "grain and pore");
    let low = fields.values.iter().filter(|v| v.to_bits() == levels[1]).count();
    let share = low as f64 / fields.values.len() as f64;
    // the published porosity of the sample is 0.196 to three digits
    assert!((share - 0.196).abs() < 1e-3 || (1.0 - share - 0.196).abs() < 1e-3, "{share}");
}
