#![no_main]
//! The codecs of Zarr: the first byte chooses one, the rest is a chunk of 4 x 30 numbers.

/// Compressors of version 2, and codecs of version 3 behind the bytes.
const TWO: [&str; 6] = [
    r#"{"id":"blosc"}"#,
    r#"{"id":"zstd"}"#,
    r#"{"id":"lz4"}"#,
    r#"{"id":"zlib"}"#,
    r#"{"id":"gzip"}"#,
    r#"{"id":"shuffle","elementsize":3}"#,
];
const THREE: [&str; 3] = [
    r#"[{"name":"sharding_indexed","configuration":{"chunk_shape":[2,10],"codecs":[{"name":"bytes",
        "configuration":{"endian":"big"}},{"name":"zstd"}],"index_codecs":[{"name":"bytes"}]}}]"#,
    r#"[{"name":"sharding_indexed","configuration":{"chunk_shape":[1,5],"codecs":[{"name":"bytes",
        "configuration":{"endian":"little"}}],"index_codecs":[{"name":"bytes"},{"name":"crc32c"}],
        "index_location":"start"}}]"#,
    r#"[{"name":"bytes","configuration":{"endian":"big"}},{"name":"crc32c"},{"name":"blosc"}]"#,
];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((choice, chunk)) = bytes.split_first() else { return };
    let folder = karhunen_fuzz::folder().join("z");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(folder.join("c/0")).expect("a folder");
    let choice = usize::from(*choice) % (TWO.len() + THREE.len());
    let (name, meta) = match TWO.get(choice) {
        Some(codec) => (
            ".zarray",
            format!(
                r#"{{"shape":[4,30],"chunks":[4,30],"dtype":"<f4","order":"F","fill_value":1,
                   "compressor":{codec},"filters":null}}"#
            ),
        ),
        None => (
            "zarr.json",
            format!(
                r#"{{"node_type":"array","shape":[4,30],"data_type":"float32","fill_value":1,
                   "chunk_grid":{{"name":"regular","configuration":{{"chunk_shape":[4,30]}}}},
                   "chunk_key_encoding":{{"name":"default"}},"codecs":{}}}"#,
                THREE[choice - TWO.len()]
            ),
        ),
    };
    std::fs::write(folder.join(name), meta).expect("metadata");
    std::fs::write(folder.join("0.0"), chunk).expect("a chunk");
    std::fs::write(folder.join("c/0/0"), chunk).expect("a chunk");
    karhunen_fuzz::visit(&folder.display().to_string());
});
