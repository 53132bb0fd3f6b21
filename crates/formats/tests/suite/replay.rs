//! Every reader against bytes that were made to break it: what the fuzz targets do, on kept files.
//!
//! `tests/peers` and `tests/odd` hold files of other programs, the seeds of the targets in `/fuzz`, `tests/seeds`
//! those of targets whose input is inside of a file; `tests/damage` what the targets found. Each is
//! read whole, cut short, and changed.

use std::fs;
use std::path::Path;

use karhunen_formats::{
    ArrayValues, FieldSource, ReadOptions, StoredFields, read, read_labels, read_state_dict,
};
use proptest::prelude::*;

use crate::{file, folder, wraps};

/// Memory that any file may claim here.
const LIMIT: u64 = 1 << 16;

/// Reads bytes every way there is; it ends in fields within the limit or in an error.
pub(crate) fn exercise(bytes: &[u8], part: &str) {
    let folder = folder();
    let path = file(&folder, "file", bytes);
    visit(&format!("{}{part}", path.display()));
    visit_state_dict(&path);
}

/// Reads what lies at an address every way there is.
fn visit(address: &str) {
    let _ = read_labels(address);
    for dim in [None, Some(1), Some(2), Some(3)] {
        let options = ReadOptions { dim, limit_bytes: LIMIT, ..ReadOptions::default() };
        if let Ok(fields) = read(address, &options) {
            assert!(4 * fields.values.len() as u64 <= LIMIT);
            assert!(fields.count() > 0);
            assert_eq!(fields.count() * fields.field_len(), fields.values.len());
            assert!(fields.values.iter().all(|v| v.is_finite()));
            assert_eq!(fields.positions.len(), fields.count());
            let spacing = fields.units.spacing.as_ref();
            assert!(spacing.is_none_or(|s| s.len() == fields.points.len()));
        }
        if let Ok(stored) = StoredFields::open(address, &options) {
            let points = stored.points().to_vec();
            let part: Vec<usize> = points.iter().map(|n| n.div_ceil(2).min(8)).collect();
            let corner: Vec<usize> = points.iter().zip(&part).map(|(n, p)| n - p).collect();
            let mut values = Vec::new();
            let item = stored.count() - 1;
            let fits = stored.channels() as u64 * part.iter().product::<usize>() as u64 <= LIMIT;
            if fits && stored.block(item, &corner, &part, &mut values).is_ok() {
                assert_eq!(values.len(), stored.channels() * part.iter().product::<usize>());
            }
        }
    }
}

/// Reads a file as a state dict, within the limit.
fn visit_state_dict(path: &Path) {
    let options = ReadOptions { limit_bytes: LIMIT, ..ReadOptions::default() };
    for array in read_state_dict(path, &options).unwrap_or_default() {
        let count = match array.values {
            ArrayValues::Real(values) => values.len(),
            ArrayValues::Complex(values) => values.len(),
        };
        assert_eq!(array.shape.iter().product::<usize>(), count);
        assert!(4 * count as u64 <= LIMIT);
    }
}

/// Bytes that are inside of a file, as the target of that name reads them.
pub(crate) fn visit_inside(target: &str, bytes: &[u8]) {
    let folder = folder();
    let path = match target {
        "pickle" => return exercise(&wraps::pickle(bytes), ":x"),
        "zarr" => wraps::zarr(bytes, folder.path()),
        "zarr_chunk" => wraps::chunk(bytes, folder.path()),
        other => panic!("no target {other}"),
    };
    visit(&path.display().to_string());
}

/// Targets whose input is no file.
const INSIDE: [&str; 3] = ["pickle", "zarr", "zarr_chunk"];

/// All kept files with their names.
fn kept(part: &str) -> Vec<(String, Vec<u8>)> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(part);
    let Ok(files) = fs::read_dir(place) else { return Vec::new() };
    let files = files.map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files
        .filter(|path| path.is_file() && path.extension().is_none_or(|ending| ending != "json"))
        .map(|path| (path.file_name().unwrap().to_string_lossy().into(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

/// A part that the file has, so that reading goes on behind the choice.
fn part(name: &str) -> &'static str {
    match name {
        "two.npz" => ":rho",
        "two.vti" => ":q",
        "groups.h5" => ":/g/h/be",
        "f.raw" => ":3x4x5:f32:le:F:skip=5",
        "2.zarr.zip" => ":blosc/lz41",
        "3.zarr.zip" => ":shards/start",
        "state.pt" | "state.safetensors" => ":plain",
        "fields.pt" => ":x",
        "a.raw" => ":3x4x5:u16:be",
        "plain.mat" | "packed.mat" => ":f4",
        "narrow.mat" => ":s",
        "not.mat" => ":z",
        "three.nc" | "four.nc" => ":part",
        "xarray2.zarr.zip" | "xarray3.zarr.zip" => ":t",
        "elements.h5" => ":x",
        name if name.ends_with(".nc") && name.contains("cdf") => ":t",
        _ => "",
    }
}

#[test]
fn what_once_broke_a_reader_is_read_or_refused() {
    for (_, bytes) in kept("damage") {
        for part in ["", ":t", ":rho", ":/g/h/be", ":q", ":3x4x5:u16:be"] {
            exercise(&bytes, part);
        }
    }
    for target in INSIDE {
        for (_, bytes) in kept(&format!("damage/{target}")) {
            visit_inside(target, &bytes);
        }
    }
}

#[test]
fn seeds_of_the_targets_are_read_or_refused() {
    for target in INSIDE {
        let seeds = kept(&format!("seeds/{target}"));
        assert!(seeds.len() > 2, "{target}");
        seeds.iter().for_each(|(_, bytes)| visit_inside(target, bytes));
    }
}

#[test]
fn files_cut_anywhere_are_errors_or_whole() {
    let options = ReadOptions { limit_bytes: LIMIT, ..ReadOptions::default() };
    for (name, bytes) in kept("peers") {
        let folder = folder();
        let whole = {
            let path = file(&folder, "file", &bytes);
            read(format!("{}{}", path.display(), part(&name)), &options).unwrap().values
        };
        // a prime number of bytes apart, so that every kind of place is met in some file
        for length in (0..bytes.len()).step_by(if bytes.len() > 2000 { 211 } else { 23 }) {
            let path = file(&folder, "file", &bytes[..length]);
            match read(format!("{}{}", path.display(), part(&name)), &options) {
                // a closing tag or a directory that is not needed may be missing; a value may not
                Ok(fields) => assert_eq!(fields.values, whole, "{name} cut at {length}"),
                Err(error) => {
                    let text = error.to_string();
                    assert!(text.contains("file"), "{name} cut at {length}: {text}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_change_makes_a_reader_panic(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        front: bool,
    ) {
        let files = [kept("peers"), kept("odd")].concat();
        let (name, bytes) = &files[which.index(files.len())];
        let mut bytes = bytes.clone();
        for (at, value) in changes {
            // headers stand in front; values do not decide much
            let room = if front { bytes.len().min(600) } else { bytes.len() };
            let at = at.index(room);
            bytes[at] = value;
        }
        exercise(&bytes, part(name));
    }

    #[test]
    fn no_change_inside_makes_a_reader_panic(
        target in prop::sample::select(&INSIDE[..]),
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let seeds = kept(&format!("seeds/{target}"));
        let mut bytes = seeds[which.index(seeds.len())].1.clone();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        visit_inside(target, &bytes);
    }
}
