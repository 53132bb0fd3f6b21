//! What is refused before anything is written.

use std::path::Path;

use crate::FormatError;
use crate::address::{ending, is_remote};
use crate::limits::ENDINGS;
use crate::write::form::Form;

/// Refuses what the format of a name could not hold, and a file in the way.
pub(crate) fn check_form(path: &Path, form: &Form, overwrite: bool) -> Result<(), FormatError> {
    if !ENDINGS.contains(&ending(path).as_str()) {
        return Err(FormatError::UnknownEnding { path: path.into() });
    }
    if !(1..=3).contains(&form.points.len()) {
        return Err(FormatError::Parameter {
            parameter: "points",
            value: format!("{:?}", form.points),
            requirement: "fields have 1 to 3 axes".into(),
        });
    }
    if is_remote(path) {
        crate::address::check(path)?;
        #[cfg(not(feature = "cloud"))]
        return Err(crate::address::without_cloud(path));
        #[cfg(feature = "cloud")]
        if ending(path) != "zarr" {
            let what = "only Zarr is written to buckets; end the name in .zarr".into();
            return Err(FormatError::Bucket { path: path.into(), what });
        }
    }
    check(path, form.len(), overwrite)
}

/// Refuses what no format could write.
pub(crate) fn check(path: &Path, values: usize, overwrite: bool) -> Result<(), FormatError> {
    if values == 0 {
        return Err(FormatError::Empty { path: path.into(), what: "no field to write".into() });
    }
    if !overwrite && path.exists() {
        return Err(FormatError::Exists { path: path.into() });
    }
    Ok(())
}
