//! Files made of random decisions, and malicious archives, documents, links and shapes.

use std::fs;

use karhunen_formats::{
    FormatError, ReadOptions, open, read, read_attributes, read_labels_of, read_sparse_rows,
    read_state_dict,
};
use proptest::prelude::*;

use crate::made::{self, Choices};
use crate::replay::{exercise, visit_inside};
use crate::{file, folder, wraps};

const SMALL: ReadOptions = ReadOptions { limit_bytes: 1 << 16, ..ReadOptions::DEFAULT };

/// Number of random files and tables: `KARHUNEN_INPUTS`, or a few if it is not set.
fn inputs() -> u32 {
    std::env::var("KARHUNEN_INPUTS").ok().and_then(|n| n.parse().ok()).unwrap_or(300)
}

/// A file of every kind that is made of decisions.
fn made_of(kind: usize, bytes: &[u8]) {
    let choices = &mut Choices::new(bytes);
    match kind {
        0 => exercise(&made::tiff::make(choices), ""),
        1 => exercise(&made::netcdf::make(choices), ""),
        2 => exercise(&made::hdf5::make(choices), ":/x"),
        3 => exercise(&made::archive::make(choices), ":a"),
        4 => visit_inside("pickle", &made::pickle::make(choices)),
        _ => visit_inside("zarr", &made::zarr::make(choices)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: inputs(), failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_decision_makes_a_reader_panic(
        kind in 0usize..6,
        bytes in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        made_of(kind, &bytes);
    }

    #[test]
    fn tables_of_any_text_are_read_or_refused(
        text in "[0-9a-z.,;\\-+e\\t \\n\"#]{0,200}|name,x\\n[a-c0-9.,\\n-]{0,80}",
    ) {
        let folder = folder();
        let path = file(&folder, "t.csv", text.as_bytes());
        let names = [Some("a.png"), Some("b.png")];
        let _ = read_attributes(&path, &names);
        let _ = read_attributes(&path, &[None, None, None]);
        let _ = read_labels_of(&path, &names);
    }
}

/// Decisions that a fuzzer found: a tensor with one axis of length 0, and other axes whose lengths
/// have no product.
#[test]
fn shapes_of_empty_tensors_have_a_product() {
    let bytes =
        [0xc9, 0x07, 0xc9, 0x09, 0, 6, 0, 0, 0, 0, 0xf7, 0x44, 0x44, 0xbb, 0x47, 0x43, 0x47, 0x4d];
    let made = wraps::pickle(&made::pickle::make(&mut Choices::new(&bytes)));
    let folder = folder();
    let path = file(&folder, "x.pt", &made);
    let read = read_state_dict(&path, &ReadOptions::default());
    for array in read.as_deref().unwrap_or_default() {
        let product = array.shape.iter().try_fold(1usize, |n, axis| n.checked_mul(*axis));
        assert!(product.is_some(), "{:?}", array.shape);
    }
    assert!(matches!(read, Err(FormatError::TooLarge { .. })), "{read:?}");
}

/// A Zarr array that has a shape and nothing else: chunks that are not there have the fill value, so
/// one slice of it would be 64 GiB.
#[test]
fn slices_of_empty_arrays_are_limited() {
    let folder = folder();
    let meta = r#"{"zarr_format": 2, "shape": [4, 131072, 131072], "chunks": [1, 131072, 131072], "dtype": "<f8",
        "compressor": null, "fill_value": 0.0, "order": "C", "filters": null}"#;
    file(&folder, ".zarray", meta.as_bytes());
    for options in [SMALL, ReadOptions { dim: Some(3), ..SMALL }] {
        let opened = open(folder.path(), &options).map(|_| ());
        assert!(matches!(opened, Err(FormatError::TooLarge { .. })), "{opened:?}");
    }
}

/// Some of the made files are valid, otherwise no test would reach the code behind a header.
#[test]
fn decisions_make_files_that_are_read() {
    type Maker = (&'static str, fn(&mut Choices) -> Vec<u8>);
    let makers: [Maker; 5] = [
        ("tiff", made::tiff::make),
        ("netcdf", made::netcdf::make),
        ("hdf5", made::hdf5::make),
        ("archive", made::archive::make),
        ("pickle", |choices| wraps::pickle(&made::pickle::make(choices))),
    ];
    let mut state = 1u64;
    for (name, make) in makers {
        let mut well = 0;
        for _ in 0..500 {
            let bytes: Vec<u8> = (0..400)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (state >> 56) as u8
                })
                .collect();
            let folder = folder();
            let path = file(&folder, "file", &make(&mut Choices::new(&bytes)));
            let x = format!("{}:/x", path.display());
            well += usize::from(
                read(&path, &SMALL).is_ok()
                    || read(x, &SMALL).is_ok()
                    || read_state_dict(&path, &SMALL).is_ok(),
            );
        }
        println!("{name}: {well} of 500 are read");
        assert!(well >= 4, "{name}: {well} of 500 are read");
    }
}

/// Everything in and around a folder.
fn everything(folder: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        found.push(entry.path().display().to_string());
        if entry.file_type().unwrap().is_dir() {
            found.extend(everything(&entry.path()));
        }
    }
    found.sort();
    found
}

#[test]
fn names_in_archives_are_never_places_on_the_disk() {
    let around = folder();
    let inner = around.path().join("inner");
    fs::create_dir(&inner).unwrap();
    let array = made::archive::npy(&mut Choices::new(&[0; 200]));
    for name in ["../../escaped.npy", "/escaped.npy", "..\\escaped.npy", "a/../../escaped.npy"] {
        let path = inner.join("x.npz");
        fs::write(
            &path,
            made::archive::zip(&[(name, &array, false), ("fields.npy", &array, true)], &mut |_| {}),
        )
        .unwrap();
        let before = everything(around.path());
        let _ = read(&path, &SMALL);
        let _ = read(format!("{}:{name}", path.display()), &SMALL);
        assert_eq!(everything(around.path()), before, "{name}");
    }
}

#[test]
fn folders_are_read_without_what_they_point_away_at() {
    // the user's own links are followed: a folder of links to pictures elsewhere is a way to choose some
    let around = folder();
    let pictures = around.path().join("pictures");
    fs::create_dir(&pictures).unwrap();
    #[cfg(unix)]
    {
        // a circle of folders
        std::os::unix::fs::symlink(&pictures, pictures.join("circle")).unwrap();
        let error = read(&pictures, &SMALL).unwrap_err();
        assert!(error.to_string().contains("pictures"), "{error}");
        // a link to itself, and one to nothing
        let own = around.path().join("own.npy");
        std::os::unix::fs::symlink(&own, &own).unwrap();
        assert!(matches!(read(&own, &SMALL).unwrap_err(), FormatError::Read { .. }));
        // neither waited for nor read without end
        for device in ["/dev/zero", "/dev/stdin"].map(std::path::Path::new) {
            if std::fs::metadata(device).is_ok_and(|kind| !kind.is_file()) {
                let told = read(device, &SMALL).unwrap_err().to_string();
                assert!(told.contains("no file but a pipe or a device"), "{told}");
                assert!(read_attributes(device, &[None]).is_err());
            }
        }
    }
}

#[test]
fn zips_of_zeros_are_not_unpacked() {
    // 64 MiB of zeros in 64 KiB, in a stated size that is true
    let header = b"\x93NUMPY\x01\0\x46\0{'descr': '<f4', 'fortran_order': False, 'shape': (4, 2048, 2048), }   \n";
    let mut bomb = header.to_vec();
    bomb.resize(header.len() + (64 << 20), 0);
    let bytes = made::archive::zip(&[("fields.npy", &bomb, true)], &mut |_| {});
    assert!(bytes.len() < 1 << 20);
    let folder = folder();
    let path = file(&folder, "bomb.npz", &bytes);
    let error = read(&path, &SMALL).unwrap_err();
    assert!(matches!(error, FormatError::TooLarge { .. }), "{error}");
    assert!(read_sparse_rows(&path, &SMALL).is_err());
    // the same that says it were small, as a whole and in its header
    let small = made::archive::npy(&mut Choices::new(&[0; 200]));
    let mut liar = small.clone();
    liar.resize(64 << 20, 0);
    let bytes = made::archive::zip(&[("fields.npy", &liar, true)], &mut |said| {
        said[2] = small.len() as u32
    });
    let path = file(&folder, "liar.npz", &bytes);
    assert!(read(&path, &SMALL).is_err());
}

#[test]
fn documents_expand_no_entities_and_end() {
    let laughs = |n: usize| -> String {
        let more: String = (1..n)
            .map(|i| format!("<!ENTITY a{i} \"{}\">", format!("&a{};", i - 1).repeat(10)))
            .collect();
        format!("<!DOCTYPE x [<!ENTITY a0 \"ha\">{more}]>")
    };
    let start = "<VTKFile type=\"ImageData\" version=\"1.0\" byte_order=\"LittleEndian\"><ImageData WholeExtent=\"0 1 0 1 0 0\" \
                 Spacing=\"1 1 1\"><Piece Extent=\"0 1 0 1 0 0\"><PointData><DataArray type=\"Float32\" Name=\"";
    let end = "\" format=\"ascii\">1 2 3 4</DataArray></PointData></Piece></ImageData></VTKFile>";
    let folder = folder();
    let outside = "<!DOCTYPE x [<!ENTITY f SYSTEM \"file:///etc/passwd\">]>";
    for (head, name) in
        [(laughs(12), "&a11;"), (outside.to_string(), "&f;"), (String::new(), "&#x110000;")]
    {
        let path = file(
            &folder,
            "x.vti",
            format!("<?xml version=\"1.0\"?>{head}{start}{name}{end}").as_bytes(),
        );
        let told = match read(&path, &SMALL) {
            Ok(fields) => format!("{:?}", fields.notes),
            Err(error) => error.to_string(),
        };
        assert!(told.len() < 4000 && !told.contains("root:"), "{told}");
    }
    // so deep that a reader which calls itself would run out of stack
    let deep =
        format!("<?xml version=\"1.0\"?><VTKFile type=\"ImageData\">{}", "<a>".repeat(500_000));
    let path = file(&folder, "deep.vti", deep.as_bytes());
    assert!(read(&path, &SMALL).is_err());
}

#[cfg(feature = "hdf5")]
#[test]
fn circles_of_links_and_chunks_end() {
    // choices that are all zeros link the root to itself
    let folder = folder();
    for bytes in [vec![0u8; 64], vec![23; 900], vec![7; 900], vec![255; 900]] {
        let path = file(&folder, "x.h5", &made::hdf5::make(&mut Choices::new(&bytes)));
        for part in ["", ":/x", ":/g/g/g/g/g/g/x", ":/x/x/x/x/x/x/x/x/x/x"] {
            let _ = read(format!("{}{part}", path.display()), &SMALL);
        }
    }
}
