//! Archives of small files: names that climb out of a folder, repeat or clash, links, sizes and sums that are not true.

use std::io::{Cursor, Write as _};

use zip::CompressionMethod::{Deflated, Stored};
use zip::write::SimpleFileOptions;

use super::Choices;

const NAMES: [&str; 20] = [
    "fields.npy",
    "spacing.npy",
    "a.npy",
    "b.npy",
    "data.npy",
    "indices.npy",
    "indptr.npy",
    "shape.npy",
    "format.npy",
    "../../escaped.npy",
    "/tmp/absolute.npy",
    "..\\windows.npy",
    "C:\\x.npy",
    "a/b/c.png",
    "001.png",
    "002.png",
    ".zarray",
    "0.0",
    "zarr.json",
    "\u{202e}yp.npy",
];

/// An array of numbers in NumPy's format.
pub fn npy(choices: &mut Choices) -> Vec<u8> {
    let kind = *choices.of(&["<f4", "<f8", ">i2", "|u1", "<i8", "<u2", "|b1", "<c8", "|O", "<U3", "|S4"]);
    let shape: Vec<String> = (0..choices.below(4)).map(|_| choices.count(4).to_string()).collect();
    let order = *choices.of(&["False", "False", "True"]);
    let text = format!("{{'descr': '{kind}', 'fortran_order': {order}, 'shape': ({},), }}", shape.join(", "));
    let length = choices.mostly(text.len() as u64) as u16;
    let mut bytes = [b"\x93NUMPY\x01\0", &length.to_le_bytes()[..], text.as_bytes()].concat();
    bytes.extend(choices.bytes(96));
    bytes
}

/// An archive; what it holds is up to the choices.
pub fn make(choices: &mut Choices) -> Vec<u8> {
    let mut to = Cursor::new(Vec::new());
    let mut zip = zip::ZipWriter::new(&mut to);
    for _ in 0..1 + choices.below(5) {
        let name = *choices.of(&NAMES);
        let method = if choices.rarely(2) { Deflated } else { Stored };
        let mut options = SimpleFileOptions::default().compression_method(method);
        if choices.rarely(6) {
            // a symbolic link, in the rights that Unix writes down
            options = options.unix_permissions(0o120_777);
        }
        let content = match choices.below(6) {
            0 => choices.bytes(64).to_vec(),
            // a thousand times smaller when it is packed
            1 => vec![choices.byte(); 1 << 16],
            _ => npy(choices),
        };
        // names of one archive may not repeat in this writer
        if zip.start_file(name, options).is_ok() {
            zip.write_all(&content).expect("memory");
        }
    }
    let finished = zip.finish().is_ok();
    let mut bytes = to.into_inner();
    // what the directory says of sizes, sums and places
    while finished && choices.rarely(4) && bytes.len() > 64 {
        let from = bytes.len().saturating_sub(200);
        let at = from + choices.below(bytes.len() - from);
        bytes[at] = choices.byte();
    }
    bytes
}
