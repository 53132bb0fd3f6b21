//! Zarr hierarchies made in the test: missing chunks, damaged chunks, unsupported codecs.

use std::fs;

use flate2::write::ZlibEncoder;
use karhunen_formats::{FieldSource, FormatError, PatchSource, ReadOptions, StoredFields, read};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::folder;

const SMALL: ReadOptions = ReadOptions { limit_bytes: 1 << 16, ..ReadOptions::DEFAULT };
const LARGE: ReadOptions = ReadOptions { limit_bytes: u64::MAX, ..ReadOptions::DEFAULT };

/// An array of version 2 with named chunks.
fn two(change: Value, chunks: &[(&str, &[u8])]) -> TempDir {
    let mut meta = json!({
        "zarr_format": 2, "shape": [4, 6], "chunks": [2, 3], "dtype": "<f4", "order": "C",
        "fill_value": 0, "compressor": null, "filters": null,
    });
    for (key, value) in change.as_object().unwrap() {
        meta[key] = value.clone();
    }
    store(".zarray", &meta, chunks)
}

/// An array of version 3: little-endian floats in chunks of 2 x 3.
fn three(change: Value, chunks: &[(&str, &[u8])]) -> TempDir {
    let mut meta = json!({
        "zarr_format": 3, "node_type": "array", "shape": [4, 6], "data_type": "float32",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2, 3]}},
        "chunk_key_encoding": {"name": "default"}, "fill_value": 0,
        "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
    });
    for (key, value) in change.as_object().unwrap() {
        meta[key] = value.clone();
    }
    store("zarr.json", &meta, chunks)
}

fn store(name: &str, meta: &Value, chunks: &[(&str, &[u8])]) -> TempDir {
    let folder = folder();
    fs::write(folder.path().join(name), meta.to_string()).unwrap();
    for (name, bytes) in chunks {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut packed = ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn refusal(folder: &TempDir) -> String {
    read(folder.path(), &SMALL).unwrap_err().to_string()
}

#[test]
fn what_was_never_written_has_the_fill_value() {
    let chunk = floats(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let folder = two(json!({"fill_value": 9, "shape": [3, 5]}), &[("0.1", &chunk)]);
    let fields = read(folder.path(), &SMALL).unwrap();
    // points of the chunk outside the shape do not belong to the array
    let expected = [9., 9., 9., 1., 2., 9., 9., 9., 4., 5., 9., 9., 9., 9., 9.];
    assert_eq!(fields.values, expected);
    let none = two(json!({"fill_value": "NaN"}), &[("0.1", &chunk)]);
    let error = read(none.path(), &SMALL).unwrap_err();
    assert!(matches!(error, FormatError::Missing { index: 0, .. }), "{error}");
    let stored = StoredFields::open(none.path(), &SMALL).unwrap();
    let mut values = Vec::new();
    stored.block(1, &[3], &[3], &mut values).unwrap();
    assert_eq!(values, [4.0, 5.0, 6.0]);
    let error = stored.block(1, &[2], &[3], &mut values).unwrap_err();
    assert!(matches!(error, FormatError::Missing { index: 8, .. }), "{error}");
    // a fill value given by the bits of an infinity in single precision
    let bits = three(json!({"fill_value": "0x7f800000"}), &[]);
    let error = read(bits.path(), &SMALL).unwrap_err();
    assert!(matches!(error, FormatError::NonFinite { index: 0, .. }), "{error}");
}

#[test]
fn chunks_in_folders_are_found_though_nothing_says_so() {
    let chunk = floats(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let folder = two(json!({"fill_value": 9}), &[]);
    fs::create_dir(folder.path().join("0")).unwrap();
    fs::write(folder.path().join("0/1"), &chunk).unwrap();
    let fields = read(folder.path(), &SMALL).unwrap();
    assert!(fields.values.contains(&6.0), "{:?}", fields.values);
    let notes = fields.notes.join(" ");
    assert!(notes.contains("in folders") && notes.contains("not in the store"), "{notes}");
}

#[test]
fn missing_values_of_the_attributes_are_refused() {
    let folder = two(json!({"fill_value": 2}), &[]);
    fs::write(folder.path().join(".zattrs"), r#"{"_FillValue": 2}"#).unwrap();
    let error = read(folder.path(), &SMALL).unwrap_err();
    assert!(matches!(error, FormatError::Missing { index: 0, .. }), "{error}");
    fs::write(folder.path().join(".zattrs"), r#"{"scale_factor": 0.5, "add_offset": 1}"#).unwrap();
    let fields = read(folder.path(), &SMALL).unwrap();
    assert!(fields.values.iter().all(|v| *v == 2.0));
    assert!(fields.notes.iter().any(|n| n.contains("0.5 · stored + 1")), "{:?}", fields.notes);
}

#[test]
fn absurd_claims_take_no_memory() {
    let most = u64::MAX;
    for options in [SMALL, LARGE] {
        for change in [
            json!({"shape": [most, most], "chunks": [2, 3]}),
            json!({"shape": [4, 6], "chunks": [most, most]}),
            json!({"shape": [1u64 << 40, 1u64 << 40], "chunks": [1, 1]}),
        ] {
            let error = read(two(change, &[]).path(), &options).unwrap_err();
            assert!(matches!(error, FormatError::TooLarge { .. }), "{error}");
        }
    }
    // a chunk far above the limit in an array below it
    let error = read(two(json!({"chunks": [1 << 10, 1 << 10]}), &[]).path(), &SMALL).unwrap_err();
    assert!(matches!(error, FormatError::TooLarge { bytes: 4_194_304, .. }), "{error}");
    // a block of an array of 10^18 values loads only its own chunks
    let side = 1_000_000u64;
    let huge = json!({"shape": [side, side, side], "chunks": [8, 8, 8], "fill_value": 5});
    let huge = two(huge, &[("124999.0.124998", &floats(&[1.0; 512]))]);
    let volume = ReadOptions { dim: Some(3), ..SMALL };
    let stored = StoredFields::open(huge.path(), &volume).unwrap();
    let mut values = Vec::new();
    stored.block(0, &[999_999, 7, 999_990], &[1, 2, 4], &mut values).unwrap();
    assert_eq!(values, [1.0, 1.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0]);
    let error = read(huge.path(), &volume).unwrap_err();
    assert!(matches!(error, FormatError::TooLarge { .. }), "{error}");
}

#[test]
fn bombs_are_not_unpacked() {
    let zeros = vec![0; 16 << 20];
    let folder = two(json!({"compressor": {"id": "zlib"}}), &[("0.0", &zlib(&zeros))]);
    assert!(refusal(&folder).contains("chunk 0.0: codec zlib: more than 24 bytes come out"));
    let large = two(json!({}), &[("0.0", &zeros)]);
    let error = read(large.path(), &SMALL).unwrap_err();
    assert!(matches!(error, FormatError::TooLarge { .. }), "{error}");
}

#[test]
fn what_a_zarr_cannot_be_is_said() {
    let chunk = floats(&[1.0; 6]);
    for (change, part) in [
        (json!({"dtype": "<c8"}), "array /: values of type '<c8'"),
        (json!({"dtype": [["a", "<f4"]]}), "its dtype is no text"),
        (json!({"order": "K"}), "not \"C\" or \"F\""),
        (json!({"chunks": [2]}), "chunks of [2] for a shape of [4, 6]"),
        (json!({"chunks": [0, 3]}), "chunks of [0, 3]"),
        (json!({"shape": [4, -6]}), "its shape is no list of lengths"),
        (json!({"shape": [0, 6]}), "holds no field"),
        (json!({"compressor": {"id": "lzma"}}), "array /: codec \"lzma\" is not read here; known"),
        (json!({"filters": [{"id": "delta"}]}), "codec \"delta\""),
        (json!({"fill_value": "no"}), "fill_value \"no\" is no number of type f32"),
        (json!({"dimension_separator": "-"}), "separated by \"-\""),
        (json!({"compressor": {"id": "zlib"}}), "chunk 0.0: codec zlib"),
        (json!({"compressor": {"id": "blosc"}}), "chunk 0.0: codec blosc: Blosc format 0"),
        (json!({"chunks": [2, 2]}), "chunk 0.0: it has 24 bytes of 16"),
    ] {
        let text = refusal(&two(change, &[("0.0", &chunk)]));
        assert!(text.contains(part), "{part} in {text}");
    }
    for (change, part) in [
        (json!({"data_type": "complex64"}), "\"complex64\" are no fields"),
        (json!({"data_type": {"name": "numpy.datetime64"}}), "numpy.datetime64"),
        (json!({"chunk_grid": {"name": "rectilinear"}}), "only \"regular\""),
        (json!({"chunk_key_encoding": {"name": "fanout"}}), "known are default, v2"),
        (json!({"node_type": "link"}), "not array or group"),
        (json!({"codecs": ["vlen-utf8"]}), "codec \"vlen-utf8\""),
    ] {
        let text = refusal(&three(change, &[("c/0/0", &chunk)]));
        assert!(text.contains(part), "{part} in {text}");
    }
    let folder = two(json!({}), &[]);
    fs::write(folder.path().join(".zarray"), "{").unwrap();
    assert!(refusal(&folder).contains(".zarray: no metadata of Zarr"));
    let group = store(".zgroup", &json!({"zarr_format": 2}), &[("a/.zarray", b"{}")]);
    assert!(refusal(&group).contains("array a: its dtype"), "{}", refusal(&group));
    for part in ["b", "../x", "a/.."] {
        let error = read(format!("{}:{part}", group.path().display()), &SMALL).unwrap_err();
        assert!(matches!(error, FormatError::Part { .. }), "{error}");
    }
    let empty = store(".zgroup", &json!({}), &[]);
    assert!(refusal(&empty).contains("no array of numbers"));
}

/// A shard of 2 x 2 chunks of 2 x 3 bytes, with a table of `places`.
fn shard(places: &[u64], chunks: &[u8]) -> TempDir {
    let codec = json!([{"name": "sharding_indexed", "configuration": {
        "chunk_shape": [2, 3], "codecs": ["bytes"],
        "index_codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
    }}]);
    let grid = json!({"name": "regular", "configuration": {"chunk_shape": [4, 6]}});
    let change = json!({"codecs": codec, "chunk_grid": grid, "data_type": "uint8"});
    let table: Vec<u8> = places.iter().flat_map(|n| n.to_le_bytes()).collect();
    three(change, &[("c/0/0", &[chunks, &table].concat())])
}

#[test]
fn tables_of_shards_are_held_against_their_files() {
    let (none, chunk) = (u64::MAX, [1, 2, 3, 4, 5, 6]);
    let good = shard(&[none, none, 0, 6, none, none, 0, 6], &chunk);
    let fields = read(good.path(), &SMALL).unwrap();
    assert_eq!(fields.values[..12], [0., 0., 0., 1., 2., 3., 0., 0., 0., 4., 5., 6.]);
    assert_eq!(fields.values[12..], fields.values[..12]);
    for (places, part) in [
        (&[0, 1 << 40, 0, 6, none, none, none, none][..], "a chunk of 1099511627776 bytes"),
        (&[none - 1, 6, 0, 6, none, none, none, none], "a chunk of 6 bytes"),
        (&[0, 5, 0, 6, none, none, none, none], "it has 5 bytes of 6"),
        (&[0, 6], "have no room for 4 places"),
    ] {
        let text = refusal(&shard(places, &chunk));
        assert!(text.contains(part), "{part} in {text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..Default::default() })]

    /// Reading by part gives the same as reading completely, and the values that were written, for
    /// any shape, chunks and order.
    #[test]
    fn parts_are_parts_of_the_whole(
        axes in prop::collection::vec((1usize..7, 1usize..5), 2..=5),
        fortran: bool,
        dim in 1usize..=3,
        seed: u64,
    ) {
        let (shape, chunk): (Vec<usize>, Vec<usize>) = axes.into_iter().unzip();
        let value = |at: &[usize]| at.iter().zip(&shape).fold(0, |v, (i, n)| v * n + i) as f32;
        let unravel = |mut flat: usize, lengths: &[usize]| {
            let mut at = vec![0; lengths.len()];
            for (i, n) in at.iter_mut().zip(lengths).rev() {
                *i = flat % n;
                flat /= n;
            }
            at
        };
        let grid: Vec<usize> = shape.iter().zip(&chunk).map(|(n, c)| n.div_ceil(*c)).collect();
        let mut chunks = Vec::new();
        for flat in 0..grid.iter().product() {
            let place = unravel(flat, &grid);
            let stored: Vec<usize> =
                if fortran { chunk.iter().rev().copied().collect() } else { chunk.clone() };
            let values: Vec<f32> = (0..chunk.iter().product()).map(|flat| {
                let mut at = unravel(flat, &stored);
                if fortran {
                    at.reverse();
                }
                let at: Vec<usize> =
                    at.iter().zip(&place).zip(&chunk).map(|((i, p), c)| p * c + i).collect();
                value(&at)
            }).collect();
            let name: Vec<String> = place.iter().map(usize::to_string).collect();
            chunks.push((name.join("."), floats(&values)));
        }
        let chunks: Vec<(&str, &[u8])> = chunks.iter().map(|(n, b)| (&n[..], &b[..])).collect();
        let order = if fortran { "F" } else { "C" };
        let folder = two(json!({"shape": shape, "chunks": chunk, "order": order}), &chunks);
        let options = ReadOptions { dim: Some(dim), ..SMALL };
        let (stored, whole) =
            (StoredFields::open(folder.path(), &options), read(folder.path(), &options));
        prop_assert_eq!(stored.is_ok(), whole.is_ok());
        if let (Ok(stored), Ok(whole)) = (stored, whole) {
            let expected: Vec<f32> = (0..whole.values.len()).map(|i| i as f32).collect();
            prop_assert_eq!(&whole.values, &expected);
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
