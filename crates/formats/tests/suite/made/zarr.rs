//! Zarr's metadata of both versions by their grammar, for [`wraps::zarr`](crate::wraps::zarr): a byte for the version, JSON,
//! a zero byte, a chunk.

use super::Choices;

const CODECS: [&str; 14] = [
    r#"{"name":"bytes","configuration":{"endian":"little"}}"#,
    r#"{"name":"bytes","configuration":{"endian":"big"}}"#,
    r#"{"name":"bytes"}"#,
    r#"{"name":"transpose","configuration":{"order":[1,0]}}"#,
    r#"{"name":"transpose","configuration":{"order":"F"}}"#,
    r#"{"name":"gzip","configuration":{"level":5}}"#,
    r#"{"name":"zstd","configuration":{"level":0,"checksum":false}}"#,
    r#"{"name":"blosc","configuration":{"cname":"lz4","shuffle":"shuffle","typesize":4}}"#,
    r#"{"name":"crc32c"}"#,
    r#"{"name":"numcodecs.shuffle","configuration":{"elementsize":4}}"#,
    r#"{"name":"numcodecs.lz4"}"#,
    r#"{"name":"sharding_indexed","configuration":{"chunk_shape":[1,2],"codecs":["bytes"],"index_codecs":["bytes","crc32c"]}}"#,
    r#"{"name":"sharding_indexed","configuration":{"chunk_shape":[2,0],"codecs":[{"name":"bytes"}],"index_codecs":[{"name":"bytes"}],"index_location":"start"}}"#,
    r#"{"name":7}"#,
];
const TYPES: [&str; 14] = [
    "float32",
    "float64",
    "uint8",
    "int16",
    "float16",
    "bfloat16",
    "bool",
    "uint64",
    "complex64",
    "<f4",
    ">i2",
    "|u1",
    "|b1",
    "<M8[ns]",
];
const FILLS: [&str; 12] = [
    "0",
    "1",
    "\"NaN\"",
    "\"-Infinity\"",
    "null",
    "1e400",
    "-1",
    "\"0x7fc00000\"",
    "true",
    "[1]",
    "NaN",
    "18446744073709551616",
];

/// A list of lengths.
fn lengths(choices: &mut Choices, axes: usize) -> String {
    let all: Vec<String> = (0..axes).map(|_| choices.length(9).to_string()).collect();
    format!("[{}]", all.join(","))
}

/// What [`wraps::zarr`](crate::wraps::zarr) takes.
pub fn make(choices: &mut Choices) -> Vec<u8> {
    let version = choices.below(4) as u8;
    let axes = 1 + choices.below(4);
    let (shape, fewer) = (lengths(choices, axes), if choices.rarely(8) { axes - 1 } else { axes });
    let (chunk, kind, fill) = (lengths(choices, fewer), *choices.of(&TYPES), *choices.of(&FILLS));
    let mut text = if version & 1 == 0 {
        let codec = *choices.of(&[
            "null",
            r#"{"id":"zlib"}"#,
            r#"{"id":"gzip","level":1}"#,
            r#"{"id":"blosc"}"#,
            r#"{"id":"zstd"}"#,
            r#"{"id":"lz4"}"#,
            r#"{"id":"lzma"}"#,
        ]);
        let filters = *choices.of(&[
            "null",
            "[]",
            r#"[{"id":"shuffle","elementsize":4}]"#,
            r#"[{"id":"delta"}]"#,
        ]);
        let order = *choices.of(&["C", "F", "K"]);
        format!(
            r#"{{"zarr_format":2,"shape":{shape},"chunks":{chunk},"dtype":"{kind}","fill_value":{fill},"order":"{order}","compressor":{codec},"filters":{filters}}}"#
        )
    } else {
        let codecs: Vec<&str> = (0..1 + choices.below(3)).map(|_| *choices.of(&CODECS)).collect();
        let names = *choices.of(&["null", r#"["y","x"]"#, r#"["z","y","x"]"#]);
        let separator = *choices.of(&["/", ".", "-"]);
        format!(
            r#"{{"zarr_format":3,"node_type":"array","shape":{shape},"data_type":"{kind}","fill_value":{fill},"dimension_names":{names},"chunk_grid":{{"name":"regular","configuration":{{"chunk_shape":{chunk}}}}},"chunk_key_encoding":{{"name":"default","configuration":{{"separator":"{separator}"}}}},"codecs":[{}],"attributes":{{"scale_factor":{},"units":"{}"}}}}"#,
            codecs.join(","),
            choices.count(4),
            if choices.rarely(2) { "um" } else { "" }
        )
    };
    while choices.rarely(12) && !text.is_empty() {
        let at = choices.below(text.len().min(250));
        text.remove(at);
    }
    let values = choices.bytes(512);
    [&[version][..], text.as_bytes(), &[0], values].concat()
}
