//! Wraps test bytes into complete files: a pickle, Zarr's metadata, or a chunk.
//!
//! The fuzz targets in `/fuzz` use this file too, so that their findings can be replayed exactly.

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use zip::write::SimpleFileOptions;

/// A PyTorch archive with this pickle and one storage.
pub fn pickle(bytes: &[u8]) -> Vec<u8> {
    let mut archive = Cursor::new(Vec::new());
    let mut zip = zip::ZipWriter::new(&mut archive);
    for (name, content) in [("m/data.pkl", bytes), ("m/data/0", &[7; 96])] {
        zip.start_file(name, SimpleFileOptions::default()).expect("a member");
        zip.write_all(content).expect("a content");
    }
    zip.finish().expect("an archive");
    archive.into_inner()
}

/// A Zarr array in `folder`. The first byte gives the version. Metadata follow up to a zero byte,
/// then one chunk, which is written under all its possible names.
pub fn zarr(bytes: &[u8], folder: &Path) -> PathBuf {
    let (version, rest) = bytes.split_first().unwrap_or((&0, &[]));
    let end = rest.iter().position(|b| *b == 0).unwrap_or(rest.len());
    let (meta, chunk) = (&rest[..end], rest.get(end + 1..).unwrap_or_default());
    let folder = folder.join(format!("zarr{}", version & 3));
    fs::create_dir_all(folder.join("c/0/0")).expect("a folder");
    let name = if version & 1 == 0 { ".zarray" } else { "zarr.json" };
    fs::write(folder.join(name), meta).expect("metadata");
    if version & 2 != 0 {
        fs::write(folder.join(".zattrs"), meta).expect("attributes");
    }
    for name in ["0", "0.0", "0.0.0", "c/0/0/0", "c/0/1"] {
        fs::write(folder.join(name), chunk).expect("a chunk");
    }
    folder
}

/// A Zarr array of one chunk in `folder`. The first byte chooses its codec.
pub fn chunk(bytes: &[u8], folder: &Path) -> PathBuf {
    let (choice, chunk) = bytes.split_first().unwrap_or((&0, &[]));
    let choice = usize::from(*choice) % (TWO.len() + THREE.len());
    let folder = folder.join(format!("chunk{choice}"));
    let (name, key) = if choice < TWO.len() { (".zarray", "0.0") } else { ("zarr.json", "c/0/0") };
    if !folder.join(name).exists() {
        let meta = match TWO.get(choice) {
            Some(codec) => format!(
                r#"{{"shape":[4,30],"chunks":[4,30],"dtype":"<f4","order":"F","fill_value":1,
                   "compressor":{codec},"filters":null}}"#
            ),
            None => format!(
                r#"{{"node_type":"array","shape":[4,30],"data_type":"float32","fill_value":1,
                   "chunk_grid":{{"name":"regular","configuration":{{"chunk_shape":[4,30]}}}},
                   "chunk_key_encoding":{{"name":"default"}},"codecs":{}}}"#,
                THREE[choice - TWO.len()]
            ),
        };
        fs::create_dir_all(folder.join("c/0")).expect("a folder");
        fs::write(folder.join(name), meta).expect("metadata");
    }
    fs::write(folder.join(key), chunk).expect("a chunk");
    folder
}

/// Compressors of version 2 and codecs of version 3.
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
