//! The arrays to reproduce: a zip of `.npy` members in f32 and complex f32.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use zip::ZipArchive;

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
        let Ok(file) = File::open(&path) else {
            println!("skipped: no {}; set KARHUNEN_GOLDEN to its folder", path.display());
            return None;
        };
        let mut archive = ZipArchive::new(file).expect("a zip archive");
        let arrays = (0..archive.len()).map(|i| {
            let mut member = archive.by_index(i).expect("a readable member");
            let mut bytes = Vec::new();
            member.read_to_end(&mut bytes).expect("an intact member");
            let name = member.name().expect("a name in UTF-8").trim_end_matches(".npy").to_string();
            let array = npy(&bytes).unwrap_or_else(|| panic!("{name} is an npy array of f32"));
            (name, array)
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

/// Version 1 header, little-endian f32 or complex f32, C order: all that the archive uses.
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
