//! The arrays to reproduce: a zip of `.npy` members in f32 and complex f32.

use std::collections::HashMap;
use std::io::Read;
use std::path::PathBuf;

use flate2::read::DeflateDecoder;

/// One array, widened to f64; complex values as neighbouring (re, im).
pub struct Array {
    pub shape: Vec<usize>,
    pub values: Vec<f64>,
}

/// All arrays by name.
pub struct Golden(HashMap<String, Array>);

impl Golden {
    /// Reads `reference_parity.npz` from the folder `KARHUNEN_GOLDEN`, or from a folder
    /// `shared/golden` beside the repository. `None`, and a printed reason, without it.
    pub fn load() -> Option<Self> {
        let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/golden");
        let folder = std::env::var_os("KARHUNEN_GOLDEN").map_or_else(beside, PathBuf::from);
        let path = folder.join("reference_parity.npz");
        let Ok(archive) = std::fs::read(&path) else {
            println!("skipped: no {}; set KARHUNEN_GOLDEN to its folder", path.display());
            return None;
        };
        let arrays = members(&archive).into_iter().map(|(name, bytes)| {
            let array = npy(&bytes).unwrap_or_else(|| panic!("{name} is an npy array of f32"));
            (name.trim_end_matches(".npy").to_string(), array)
        });
        Some(Self(arrays.collect()))
    }

    pub fn array(&self, name: &str) -> &Array {
        self.0.get(name).unwrap_or_else(|| panic!("the archive holds {name}"))
    }

    pub fn values(&self, name: &str) -> &[f64] {
        &self.array(name).values
    }
}

/// Names and contents of the compressed members, from the central directory of the archive.
fn members(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let short = |at: usize| usize::from(u16::from_le_bytes([archive[at], archive[at + 1]]));
    let long = |at: usize| short(at) + (short(at + 2) << 16);
    let end = archive.len() - 22;
    assert_eq!(archive[end..end + 4], *b"PK\x05\x06", "a zip archive without a comment");
    let (count, mut at) = (short(end + 10), long(end + 16));
    let mut members = Vec::new();
    for _ in 0..count {
        assert_eq!(archive[at..at + 4], *b"PK\x01\x02", "a directory entry");
        assert_eq!(short(at + 10), 8, "a deflated member");
        let (length, name, local) = (long(at + 20), short(at + 28), long(at + 42));
        let data = local + 30 + short(local + 26) + short(local + 28);
        let mut bytes = Vec::new();
        DeflateDecoder::new(&archive[data..data + length])
            .read_to_end(&mut bytes)
            .expect("an intact member");
        members.push((String::from_utf8_lossy(&archive[at + 46..at + 46 + name]).into(), bytes));
        at += 46 + name + short(at + 30) + short(at + 32);
    }
    members
}

/// Reads the only variant in the archive: version 1 header, little-endian f32 or complex f32, C
/// order.
fn npy(bytes: &[u8]) -> Option<Array> {
    let bytes = bytes.strip_prefix(b"\x93NUMPY\x01\x00")?;
    let (length, bytes) = bytes.split_at_checked(2)?;
    let (header, data) =
        bytes.split_at_checked(usize::from(u16::from_le_bytes([length[0], length[1]])))?;
    let header = std::str::from_utf8(header).ok()?;
    let complex = match header {
        _ if header.contains("'fortran_order': True") => return None,
        _ if header.contains("'<f4'") => false,
        _ if header.contains("'<c8'") => true,
        _ => return None,
    };
    let shape = header.split_once('(')?.1.split_once(')')?.0;
    let shape: Option<Vec<usize>> =
        shape.split(',').map(str::trim).filter(|n| !n.is_empty()).map(|n| n.parse().ok()).collect();
    let shape = shape?;
    let values: Vec<f64> = data
        .chunks_exact(4)
        .map(|b| f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]])))
        .collect();
    let count = shape.iter().product::<usize>() << u32::from(complex);
    (values.len() == count).then_some(Array { shape, values })
}
