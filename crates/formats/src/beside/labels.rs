//! Class labels: one whole number a field, in a file beside the fields.
//!
//! IDX of one axis (as MNIST has them), NPY of one axis, either in gzip or in an archive; written as
//! NPY. Not here: which field a label belongs to, and what a class is called.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;

use crate::address::ending;
use crate::container::input::Input;
use crate::container::plain::{existing, head_of};
use crate::container::zip::archive::Archive;
use crate::container::{gzip, zip};
use crate::format::entry::Format;
use crate::format::npy::header::place;
use crate::format::{self, idx};
use crate::limits::LARGEST_LABEL;
use crate::write::{npy, staged};
use crate::{Address, FormatError, ReadOptions};

/// The labels in a file, in its order.
///
/// **Errors** [`FormatError::Label`] for a value that is no whole number from 0 to
/// [`LARGEST_LABEL`]; [`FormatError::Unsupported`] for an array of more than one axis, or a file that is
/// neither IDX nor NPY; those of [`read`](crate::read()) about damaged files.
///
/// # Example
/// ```
/// let path = std::env::temp_dir().join(format!("labels-{}.npy", std::process::id()));
/// karhunen_formats::write_labels(&path, &[7, 2, 1], true)?;
/// assert_eq!(karhunen_formats::read_labels(&path)?, [7, 2, 1]);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_labels(path: impl AsRef<Path>) -> Result<Vec<u32>, FormatError> {
    let name = path.as_ref();
    let Address { path, part } = Address::of(name);
    if existing(&path)?.is_dir() {
        return unsupported(name, "a folder holds no labels; give a file of one number a field");
    }
    let head = head_of(&path)?;
    let format = format::of_head(&head);
    let is = |other: &Format| format.is_some_and(|format| format.is(other));
    match part.as_deref() {
        part if is(&zip::FORMAT) => {
            let archive = Archive::open(&path)?;
            let (input, head) = archive.choose(part)?.open(&path, name)?;
            array(name, input, &head)
        }
        Some(part) => unsupported(name, &format!("has no part {part:?} behind a colon")),
        None if is(&gzip::FORMAT) => {
            let (input, head) = Input::gzip(&path)?;
            array(name, input, &head)
        }
        None => array(name, Input::plain(&path)?, &head),
    }
}

/// The labels of fields with these names, one a name: a table of names and labels (CSV), in any order,
/// else the labels in a file, which are in the order of the fields.
///
/// A line of a table is a name, a comma (or a tab, or a semicolon) and a whole number; a first line
/// without a number is its head. Names are those of the fields, with or without the folders before.
///
/// # Errors
/// As [`read_labels`]; [`FormatError::Unsupported`] for a table that misses a field, names one twice, or
/// of fields that have no names.
pub fn read_labels_of(
    path: impl AsRef<Path>,
    names: &[Option<&str>],
) -> Result<Vec<u32>, FormatError> {
    let name = path.as_ref();
    let text = table(name)?;
    let Some(text) = text else { return read_labels(name) };
    let mut labels = HashMap::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = |what: &str| unsupported(name, &format!("line {}: {what}", index + 1));
        let Some((field, label)) = line.rsplit_once([',', '\t', ';']) else {
            return wrong("a name and a label are meant, with a comma between them");
        };
        let plain = |text: &str| text.trim().trim_matches('"').to_string();
        let (field, label) = (plain(field), plain(label));
        let label = match label.parse::<u32>() {
            Ok(label) if label <= LARGEST_LABEL => label,
            _ if index == 0 && label.parse::<f64>().is_err() => continue,
            _ => return wrong(&format!("{label:?} is no whole number from 0 to {LARGEST_LABEL}")),
        };
        let field = field.rsplit(['/', '\\']).next().unwrap_or_default().to_string();
        if labels.insert(field.clone(), label).is_some_and(|before| before != label) {
            return wrong(&format!("{field} has another label before"));
        }
    }
    let found = names.iter().enumerate().map(|(index, field)| match field {
        None => unsupported(name, &format!("field {index} has no name to be found by; give NPY")),
        Some(field) => match labels.get(*field) {
            Some(label) => Ok(*label),
            None => unsupported(name, &format!("no label for {field}")),
        },
    });
    found.collect()
}

/// The text of a table of labels; none of a file of another kind.
fn table(path: &Path) -> Result<Option<String>, FormatError> {
    let ending = ending(path);
    if !["csv", "tsv", "txt"].contains(&ending.as_str()) {
        return Ok(None);
    }
    existing(path)?;
    std::fs::read_to_string(path)
        .map(Some)
        .map_err(|source| FormatError::Read { path: path.into(), source })
}

/// The labels in one array, which begins with these bytes.
fn array(path: &Path, mut input: Input<'_>, head: &[u8]) -> Result<Vec<u32>, FormatError> {
    let (shape, dtype, endian) = match format::of_head(head) {
        Some(format) if format.is(&idx::FORMAT) => idx::place(&mut input)?,
        Some(format) if format.is(&format::npy::FORMAT) => {
            let place = place(&mut input)?;
            (place.shape, place.dtype, place.endian)
        }
        _ => {
            return unsupported(
                path,
                "labels are read from IDX and NPY, and of named fields from CSV; convert the file",
            );
        }
    };
    if shape.len() != 1 {
        let what =
            format!("the shape {shape:?} is not that of labels: one axis, one label a field");
        return unsupported(path, &what);
    }
    let values = input.values(&shape, dtype, endian, &ReadOptions::default())?;
    let label = |(index, value): (usize, f32)| {
        let whole = value.fract() == 0.0 && (0.0..=LARGEST_LABEL as f32).contains(&value);
        match whole {
            true => Ok(value as u32),
            false => Err(FormatError::Label { path: path.into(), index, value }),
        }
    };
    values.into_iter().enumerate().map(label).collect()
}

/// Writes labels as NPY of 64-bit whole numbers, as NumPy's own are.
///
/// # Errors
/// [`FormatError::Exists`] unless `overwrite`; [`FormatError::UnknownEnding`] for another name than
/// `.npy`; [`FormatError::Write`].
pub fn write_labels(
    path: impl AsRef<Path>,
    labels: &[u32],
    overwrite: bool,
) -> Result<(), FormatError> {
    let path = path.as_ref();
    if path.extension().is_none_or(|ending| !ending.eq_ignore_ascii_case("npy")) {
        return unsupported(path, "labels are written as NPY; end the name in .npy");
    }
    if !overwrite && path.exists() {
        return Err(FormatError::Exists { path: path.into() });
    }
    staged::place(path, overwrite, |to| {
        let numbers = labels.iter().flat_map(|label| i64::from(*label).to_le_bytes());
        let bytes: Vec<u8> =
            npy::header(&[labels.len()], "<i8").into_iter().chain(numbers).collect();
        to.write_all(&bytes).map_err(|source| FormatError::Write { path: path.into(), source })
    })
}

fn unsupported<T>(path: &Path, what: &str) -> Result<T, FormatError> {
    Err(FormatError::Unsupported { path: path.into(), what: what.into() })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    struct Scratch(std::path::PathBuf);

    impl Scratch {
        fn of(name: &str, bytes: &[u8]) -> Self {
            let path = std::env::temp_dir().join(format!("{}-{name}", std::process::id()));
            std::fs::write(&path, bytes).unwrap();
            Self(path)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    fn npy_of(descr: &str, count: usize, values: &[u8]) -> Vec<u8> {
        [npy::header(&[count], descr), values.to_vec()].concat()
    }

    #[test]
    fn idx_and_npy_plain_and_packed_are_the_same_labels() {
        let idx = [&[0, 0, 8, 1, 0, 0, 0, 3][..], &[5, 0, 9]].concat();
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&idx).unwrap();
        let numbers = |v: &[f32]| v.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
        for (name, bytes) in [
            ("labels.idx", idx.clone()),
            ("labels.gz", gzip.finish().unwrap()),
            ("labels-u1.npy", npy_of("|u1", 3, &[5, 0, 9])),
            ("labels-i2.npy", npy_of(">i2", 3, &[0, 5, 0, 0, 0, 9])),
            ("labels-f4.npy", npy_of("<f4", 3, &numbers(&[5.0, 0.0, 9.0]))),
        ] {
            let file = Scratch::of(name, &bytes);
            assert_eq!(read_labels(&file.0).unwrap(), [5, 0, 9], "{name}");
        }
    }

    #[test]
    fn what_is_no_label_is_named_with_its_place() {
        let floats = |v: &[f32]| v.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
        for (name, bytes, said) in [
            ("half.npy", npy_of("<f4", 2, &floats(&[1.0, 2.5])), "label 1 is 2.5"),
            ("nan.npy", npy_of("<f4", 1, &floats(&[f32::NAN])), "label 0 is NaN"),
            ("minus.npy", npy_of("|i1", 2, &[3, 0xff]), "label 1 is -1"),
            ("large.npy", npy_of("<i2", 1, &4096i16.to_le_bytes()), "label 0 is 4096"),
            ("pictures.idx", vec![0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 1, 7], "one label a field"),
            ("text.csv", b"1,2,3".to_vec(), "IDX and NPY"),
        ] {
            let file = Scratch::of(name, &bytes);
            let error = read_labels(&file.0).unwrap_err().to_string();
            assert!(error.contains(said) && error.contains(name), "{error}");
        }
    }

    #[test]
    fn a_table_gives_labels_by_name() {
        let text = b"file,class\nimages/b.png,1\n\"a.png\", 0\n\nc.png;2\n";
        let file = Scratch::of("table.csv", text);
        let names = [Some("a.png"), Some("b.png"), Some("c.png")];
        assert_eq!(read_labels_of(&file.0, &names).unwrap(), [0, 1, 2]);
        let said = |text: &[u8], names: &[Option<&str>]| {
            let file = Scratch::of("wrong.csv", text);
            read_labels_of(&file.0, names).unwrap_err().to_string()
        };
        assert!(said(text, &[Some("d.png")]).contains("no label for d.png"));
        assert!(said(text, &[None]).contains("field 0 has no name"));
        assert!(said(b"a.png,1\na.png,2", &names).contains("line 2: a.png has another label"));
        assert!(said(b"a.png,1\nb.png,cat", &names).contains("line 2: \"cat\" is no whole number"));
        assert!(said(b"a.png\n", &names).contains("line 1"));
        let npy = Scratch::of("order.npy", &npy_of("|u1", 3, &[5, 0, 9]));
        assert_eq!(read_labels_of(&npy.0, &names).unwrap(), [5, 0, 9]);
    }

    #[test]
    fn writing_keeps_what_is_there() {
        let file = Scratch::of("kept.npy", b"here");
        assert!(matches!(write_labels(&file.0, &[1], false), Err(FormatError::Exists { .. })));
        assert!(write_labels(file.0.with_extension("txt"), &[1], true).is_err());
    }
}
