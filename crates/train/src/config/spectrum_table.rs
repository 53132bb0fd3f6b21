//! A table of frequencies and eigenvalues from the user, in the configuration or in a file.
//!
//! The file is CSV (two columns; a header line and lines starting with # are allowed) or NPY of
//! shape (n, 2). A run reads the file once. Its resolved configuration and its checkpoints hold the
//! rows, so a model does not depend on the file.

use std::path::Path;

use karhunen_formats::ReadOptions;
use serde::{Deserialize, Serialize};

use crate::TrainError;

/// Rows (|ω|, λ), or the file with the rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SpectrumTable {
    /// The rows themselves.
    Rows(Vec<[f64; 2]>),
    /// A CSV or NPY file.
    File(String),
}

impl SpectrumTable {
    /// The rows, read from the file if one is given.
    ///
    /// # Errors
    /// [`TrainError::Read`], [`TrainError::Data`] with line and reason, or errors of the NPY reader.
    pub fn rows(&self) -> Result<Vec<[f64; 2]>, TrainError> {
        match self {
            Self::Rows(rows) => Ok(rows.clone()),
            Self::File(name) if name.ends_with(".npy") => array(Path::new(name)),
            Self::File(name) => {
                let path = Path::new(name);
                let text = std::fs::read_to_string(path)
                    .map_err(|source| TrainError::Read { path: path.into(), source })?;
                parse(&text)
                    .map_err(|message| TrainError::Data { source_name: name.clone(), message })
            }
        }
    }
}

fn array(path: &Path) -> Result<Vec<[f64; 2]>, TrainError> {
    // the NPY reader sees the rows as functions of two points
    let options = ReadOptions { dim: Some(1), channels: None, ..ReadOptions::default() };
    let raw = karhunen_formats::read(path, &options)?;
    if raw.points != [2] || raw.channels != 1 {
        return Err(TrainError::Data {
            source_name: path.display().to_string(),
            message: format!(
                "a table of frequencies and eigenvalues has shape (n, 2); the last axis has {:?}",
                raw.points
            ),
        });
    }
    let value = |v: f32| raw.offset + f64::from(v);
    Ok(raw.values.chunks_exact(2).map(|row| [value(row[0]), value(row[1])]).collect())
}

fn parse(text: &str) -> Result<Vec<[f64; 2]>, String> {
    let mut rows = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let cells: Vec<&str> = line.split([',', ';', '\t']).map(str::trim).collect();
        let numbers: Vec<f64> = cells.iter().filter_map(|cell| cell.parse().ok()).collect();
        match numbers[..] {
            [frequency, eigenvalue] if cells.len() == 2 => rows.push([frequency, eigenvalue]),
            // a header line with the names of the columns
            [] if rows.is_empty() && cells.len() == 2 => {}
            _ => {
                return Err(format!(
                    "line {}: `{line}` is no row of two numbers, frequency and eigenvalue",
                    number + 1
                ));
            }
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_tables_are_read_with_or_without_a_header() {
        let expected = Ok(vec![[0.0, 1.0], [3.5, 2e-3]]);
        for text in [
            "0,1\n3.5,2e-3\n",
            "omega,lambda\n0,1\n3.5 , 2e-3",
            "# measured\n\n0;1\n3.5;0.002\n",
            "frequency\tvariance\r\n0\t1\r\n3.5\t2e-3\r\n",
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
        for (text, line) in [("0,1,2", 1), ("0,1\nx,y", 2), ("1 2", 1), ("0,1\n2,", 2)] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(&format!("line {line}: ")), "{error}");
        }
    }

    #[test]
    fn files_become_rows() {
        let folder = std::env::temp_dir().join(format!("karhunen-table-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let csv = folder.join("spectrum.csv");
        std::fs::write(&csv, "0,1\n1,0.5\n2,0.01\n").unwrap();
        let table = SpectrumTable::File(csv.display().to_string());
        assert_eq!(table.rows().unwrap(), [[0.0, 1.0], [1.0, 0.5], [2.0, 0.01]]);
        // NPY version 1: magic, length of the header, the header, little-endian doubles
        let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }";
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend(((header.len() + 1) as u16).to_le_bytes());
        bytes.extend(header.bytes().chain([b'\n']));
        [1.0f64, 0.5, 2.0, 0.25].iter().for_each(|v| bytes.extend(v.to_le_bytes()));
        let npy = folder.join("spectrum.npy");
        std::fs::write(&npy, bytes).unwrap();
        let table = SpectrumTable::File(npy.display().to_string());
        assert_eq!(table.rows().unwrap(), [[1.0, 0.5], [2.0, 0.25]]);
        let missing = SpectrumTable::File(folder.join("none.csv").display().to_string());
        assert!(missing.rows().unwrap_err().to_string().contains("none.csv: cannot be read"));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
