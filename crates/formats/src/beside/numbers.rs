//! Arrays of any shape in double precision, as NumPy writes them: coordinates, values, sparse
//! matrices.
//!
//! They are not fields: their axes have no spatial meaning, and values may be NaN.

use std::path::Path;

use crate::container::input::Input;
use crate::container::plain::head_of;
use crate::container::zip;
use crate::container::zip::archive::{Archive, Member};
use crate::format::{self, npy};
use crate::{Address, FormatError, ReadOptions};

/// One array with its name: that of the archive member (without `.npy`), or empty.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberArray {
    /// Name of the member; empty for a file of one array.
    pub name: String,
    /// Size of each axis, slowest first.
    pub shape: Vec<usize>,
    /// Values, last axis fastest; empty for text.
    pub values: Vec<f64>,
    /// The content of an array of bytes, such as the `format` of a sparse matrix.
    pub text: Option<String>,
}

/// A sparse matrix in compressed row format (CSR).
#[derive(Debug, Clone, PartialEq)]
pub struct SparseRows {
    /// Number of rows and of columns.
    pub shape: [usize; 2],
    /// Index of each row's first entry in `columns` and `data`, followed by the end of the last
    /// row.
    pub starts: Vec<usize>,
    /// Column of each entry.
    pub columns: Vec<usize>,
    /// Entries.
    pub data: Vec<f64>,
}

/// Reads the array of an NPY file or all arrays of an NPZ. A path may name one of them:
/// `run.npz:density`.
///
/// # Errors
/// Errors while reading; [`FormatError::Unsupported`] for another format.
pub fn read_arrays(
    path: impl AsRef<Path>,
    options: &ReadOptions,
) -> Result<Vec<NumberArray>, FormatError> {
    let address = Address::of(path.as_ref());
    let file = &address.path;
    match format::of_head(&head_of(file)?) {
        Some(format) if format.is(&npy::FORMAT) && address.part.is_none() => {
            Ok(vec![array(String::new(), Input::plain(file)?, options)?])
        }
        Some(format) if format.is(&zip::FORMAT) => {
            let archive = Archive::open(file)?;
            let members: Vec<&Member> = match address.part.as_deref() {
                Some(part) => vec![archive.choose(Some(part))?],
                None => archive.all(),
            };
            let of = |member: &Member| {
                let name = member.name.strip_suffix(".npy").unwrap_or(&member.name).to_string();
                let place = file.join(&member.name);
                if name == "format" {
                    // a short header line, then bytes of a fixed length
                    let bytes = member.unpack(file, &place, options)?;
                    let line = bytes.iter().position(|b| *b == b'\n').map_or(0, |at| at + 1);
                    let text = String::from_utf8_lossy(&bytes[line..]);
                    let text = Some(text.trim_end_matches('\0').to_string());
                    return Ok(NumberArray { name, shape: Vec::new(), values: Vec::new(), text });
                }
                let (input, _) = member.open(file, &place)?;
                array(name, input, options)
            };
            members.into_iter().map(of).collect()
        }
        _ => Err(FormatError::Unsupported {
            path: file.clone(),
            what: "numbers are read from NPY and NPZ files".into(),
        }),
    }
}

/// Reads a matrix that `scipy.sparse.save_npz` wrote in CSR form.
///
/// # Errors
/// As [`read_arrays`]; [`FormatError::Unsupported`] for another sparse format, or for inconsistent
/// arrays.
pub fn read_sparse_rows(
    path: impl AsRef<Path>,
    options: &ReadOptions,
) -> Result<SparseRows, FormatError> {
    let file = path.as_ref();
    let arrays = read_arrays(file, options)?;
    let refused = |what: String| FormatError::Unsupported { path: file.into(), what };
    let named = |name: &str| {
        arrays
            .iter()
            .find(|a| a.name == name)
            .ok_or_else(|| refused(format!("no array {name:?} as scipy.sparse.save_npz writes it")))
    };
    if let Some(form) = named("format")?.text.as_deref().filter(|form| *form != "csr") {
        return Err(refused(format!("a sparse matrix in the form {form:?}; save matrix.tocsr()")));
    }
    let whole = |name: &str| -> Result<Vec<usize>, FormatError> {
        let values = &named(name)?.values;
        match values.iter().find(|v| !(**v >= 0.0 && v.fract() == 0.0)) {
            Some(v) => Err(refused(format!("{v} in {name:?}, which counts"))),
            None => Ok(values.iter().map(|v| *v as usize).collect()),
        }
    };
    let shape = whole("shape")?;
    let (starts, columns, data) =
        (whole("indptr")?, whole("indices")?, named("data")?.values.clone());
    let ordered = starts.windows(2).all(|w| w[0] <= w[1]) && starts.first() == Some(&0);
    match shape[..] {
        [rows, width]
            if ordered
                && starts.len() == rows + 1
                && starts[rows] == data.len()
                && columns.len() == data.len()
                && columns.iter().all(|c| *c < width) =>
        {
            Ok(SparseRows { shape: [rows, width], starts, columns, data })
        }
        _ => Err(refused("indptr, indices, data and shape do not fit together".into())),
    }
}

fn array(
    name: String,
    mut input: Input<'_>,
    options: &ReadOptions,
) -> Result<NumberArray, FormatError> {
    let place = npy::header::place(&mut input)?;
    let mut values = input.wide_values(&place.shape, place.dtype, place.endian, options)?;
    let shape: Vec<usize> = place.shape.iter().map(|n| *n as usize).collect();
    if place.fortran_order && shape.len() > 1 {
        values = transposed(&values, &shape);
    }
    Ok(NumberArray { name, shape, values, text: None })
}

/// Converts values from Fortran order to C order.
fn transposed(values: &[f64], shape: &[usize]) -> Vec<f64> {
    let mut index = vec![0; shape.len()];
    let mut out = Vec::with_capacity(values.len());
    for _ in 0..values.len() {
        let flat = index.iter().zip(shape).rev().fold(0, |at, (i, n)| at * n + i);
        out.push(values[flat]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    out
}
