//! Files written by NumPy, h5py, netCDF4, SciPy, tifffile, VTK, Zarr and PyTorch; see
//! golden/formats.py.

use std::path::{Path, PathBuf};

use karhunen_formats::{FieldSource, PatchSource, ReadOptions, StoredFields, read};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Expected {
    shape: Vec<usize>,
    values: Vec<f32>,
    dim: Option<usize>,
    spacing: Option<Vec<f64>>,
    unit: Option<String>,
    /// An address with the same values.
    like: Option<String>,
}

/// Tolerance of spacings, which some formats round as text or fractions.
const SPACING_TOLERANCE: f64 = 1e-6;

fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(name)
}

fn expected() -> BTreeMap<String, Expected> {
    let text = std::fs::read_to_string(place("expected.json")).unwrap();
    let mut all: BTreeMap<String, Expected> = serde_json::from_str(&text).unwrap();
    let copied: Vec<(String, String)> =
        all.iter().filter_map(|(address, e)| Some((address.clone(), e.like.clone()?))).collect();
    for (address, like) in copied {
        let values = all[&like].values.clone();
        all.get_mut(&address).unwrap().values = values;
    }
    all
}

fn options(dim: Option<usize>) -> ReadOptions {
    ReadOptions { dim, limit_bytes: 1 << 20, ..ReadOptions::default() }
}

/// Whether this build supports the format.
fn is_read(address: &str) -> bool {
    cfg!(feature = "hdf5") || !(address.contains(".h5") || address.starts_with("netcdf4"))
}

#[test]
fn every_file_has_the_values_its_writer_gave_it() {
    for (address, expected) in expected().iter().filter(|(address, _)| is_read(address)) {
        let fields = read(place(address), &options(expected.dim)).unwrap();
        assert_eq!(fields.values, expected.values, "{address}");
        let dim = fields.points.len();
        assert_eq!(fields.points[..], expected.shape[expected.shape.len() - dim..], "{address}");
        let spacing = fields.units.spacing.unwrap_or_default();
        let wanted = expected.spacing.clone().unwrap_or_default();
        assert_eq!(spacing.len(), wanted.len(), "{address}");
        let near = |(a, b): (&f64, &f64)| (a / b - 1.0).abs() < SPACING_TOLERANCE;
        assert!(spacing.iter().zip(&wanted).all(near), "{address}: {spacing:?}, not {wanted:?}");
        assert_eq!(fields.units.length, expected.unit, "{address}");
    }
}

#[test]
fn what_stays_in_its_file_has_the_same_values() {
    let mut opened = Vec::new();
    for (address, expected) in expected() {
        let options = options(expected.dim);
        let Ok(stored) = StoredFields::open(place(&address), &options) else { continue };
        let whole = read(place(&address), &options).unwrap();
        assert_eq!((stored.count(), stored.points()), (whole.count(), &whole.points[..]));
        assert_eq!((stored.dtype(), stored.units()), (whole.dtype, &whole.units), "{address}");
        let items: Vec<usize> = (0..whole.count()).collect();
        let size: Vec<usize> = whole.points.iter().map(|n| n.div_ceil(2)).collect();
        let cut = |source: &dyn FieldSource| {
            PatchSource::new(source, &items, &size, 3).unwrap().cut(0..40).unwrap()
        };
        let (there, here) = (cut(&stored), cut(&whole));
        assert_eq!(there.values, here.values, "{address}");
        assert_eq!((&there.items, &there.units), (&here.items, &here.units), "{address}");
        opened.push(address);
    }
    for part in [
        "a.raw",
        "f.raw",
        "fortran.npy",
        "one.npz",
        "cdf1.nc:t",
        "cdf5.nc:odd",
        "record.nc",
        "u8.tif",
        "u16be.tif",
        "strips.tif",
        "big.tif",
        // packed members: unpacked once, then read by part
        "stack.zip:deep/u8.tif",
        "two.npz:rho",
        "imagej.tif",
        "2.zarr.zip:types/f8",
        "2.zarr.zip:some",
        "2.zarr.zip:x/t",
        "3.zarr.zip:turned",
        "3.zarr.zip:shards/end",
        "3.zarr/s/0",
        "fields.pt:x",
        "fields.pt:y",
        "fields.safetensors",
    ] {
        assert!(opened.iter().any(|address| address.starts_with(part)), "{part} in {opened:?}");
    }
    assert!(!opened.iter().any(|a| a.starts_with("zlib.tif")));
}

#[test]
fn a_file_of_several_arrays_names_them() {
    for (file, part) in [
        ("two.npz", "two.npz:rho"),
        ("cdf1.nc", "cdf1.nc:t"),
        ("two.vti", "two.vti:p"),
        ("groups.h5", "groups.h5:/g/h/be"),
        ("netcdf4.nc", "netcdf4.nc:/t"),
        ("2.zarr.zip", "2.zarr.zip:blosc/blosclz0"),
        ("3.zarr", "3.zarr:s/0"),
        ("fields.pt", "fields.pt:x"),
        ("state.safetensors", "state.safetensors:brain"),
    ] {
        if !is_read(file) {
            continue;
        }
        let text = read(place(file), &options(None)).unwrap_err().to_string();
        assert!(text.contains("holds") && text.contains(part), "{text}");
        let absent = read(place(&format!("{file}:absent")), &options(None)).unwrap_err();
        assert!(absent.to_string().contains("has no part \"absent\""), "{absent}");
    }
    let text = read(place("groups.h5:/text"), &options(None)).unwrap_err().to_string();
    assert!(text.contains("holds values that are text") || !is_read("a.h5"), "{text}");
}
