//! Raw values, written: the numbers alone, and a TOML file beside them that says what they are.

use std::io::Write as _;
use std::path::Path;

use crate::format::raw::sidecar;
use crate::write::encoding::Encoding;
use crate::write::staged::{Staged, place};
use crate::{Form, FormatError};

/// Refuses a sidecar that is in the way.
pub(crate) fn check(path: &Path, overwrite: bool) -> Result<(), FormatError> {
    let beside = sidecar(path);
    match !overwrite && beside.exists() {
        true => Err(FormatError::Exists { path: beside }),
        false => Ok(()),
    }
}

/// Gives the numbers their name and writes their sidecar. The shape is `(N, axes…)` for one channel, else
/// `(N, C, axes…)`; numbers are little-endian.
///
/// New numbers never lie beside the sidecar of old ones. If both change, there is no sidecar for a moment.
pub(crate) fn place_with_sidecar(
    numbers: Staged,
    form: &Form,
    encoding: Encoding,
) -> Result<(), FormatError> {
    let (path, overwrite) = (numbers.path.clone(), numbers.overwrite);
    let (beside, shape, units) = (sidecar(&path), form.shape(), &form.units);
    let mut text =
        format!("shape = {shape:?}\ndtype = \"{}\"\nendian = \"little\"\n", encoding.raw());
    if let Some(spacing) = &units.spacing {
        // the axes of samples and channels have a spacing of one
        let mut all = vec![1.0; shape.len() - form.points.len()];
        all.extend(spacing);
        text.push_str(&format!("spacing = {all:?}\n"));
    }
    if let Some(unit) = &units.length {
        text.push_str(&format!("unit = {unit:?}\n"));
    }
    let failed = |source| FormatError::Write { path: beside.clone(), source };
    let note = || place(&beside, overwrite, |to| to.write_all(text.as_bytes()).map_err(failed));
    if !path.exists() {
        // the sidecar first: numbers without one cannot be read
        note()?;
        return numbers.place().inspect_err(|_| drop(std::fs::remove_file(&beside)));
    }
    if std::fs::read(&beside).is_ok_and(|there| there == text.as_bytes()) {
        return numbers.place();
    }
    // without a sidecar the numbers of one file cannot be read as those of the other
    if beside.exists() {
        std::fs::remove_file(&beside).map_err(failed)?;
    }
    numbers.place()?;
    note()
}

#[cfg(test)]
mod tests {
    use crate::read;
    use crate::{RawFields, ReadOptions, SourceType, WriteOptions, write};

    #[test]
    fn raw_files_say_beside_them_what_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let values = (0..24).map(|v| v as f32).collect();
        let mut fields =
            RawFields::array(std::path::Path::new("a"), vec![2, 3, 4], 1, values, SourceType::F32)
                .unwrap();
        fields.units.spacing = Some(vec![2.0, 0.5, 0.25]);
        fields.units.length = Some("um".into());
        let path = folder.path().join("a.raw");
        write(&path, &fields, &WriteOptions::default()).unwrap();
        let options = ReadOptions { dim: Some(3), ..ReadOptions::default() };
        let back = read(&path, &options).unwrap();
        assert_eq!(
            (&back.values, &back.points, &back.units),
            (&fields.values, &fields.points, &fields.units)
        );
        assert!(write(&path, &fields, &WriteOptions::default()).is_err());
    }
}
