//! The one way out: fields to a file, by the ending of its name.
//!
//! Everything is written beside the target and renamed when complete: whoever looks sees the old
//! file, the new one, or none, never half of one.

use std::fs::Permissions;
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::{FieldsRef, FormatError, Montage, montage, npy};

/// Precision of the numbers in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// Four bytes; what networks compute in.
    #[default]
    F32,
    /// Eight bytes.
    F64,
}

/// How to write.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WriteOptions {
    /// Whether an existing file may be replaced.
    pub overwrite: bool,
    /// Precision of an array; ignored by pictures.
    pub precision: Precision,
    /// Arrangement of a picture; ignored by arrays.
    pub montage: Montage,
}

/// What was written, for the caller to say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Written {
    /// Fields in the file.
    pub count: usize,
    /// Values drawn as black and as white, for a picture.
    pub range: Option<(f64, f64)>,
}

/// Writes fields: `.npy` an array of all of them, `.png` a [`Montage`].
///
/// **Shape** NPY: `(N, axes…)` for one channel, `(N, C, axes…)` for more, little-endian, C order.
///
/// **Errors** [`FormatError::UnknownEnding`]; [`FormatError::Exists`] unless
/// [`WriteOptions::overwrite`]; [`FormatError::Write`] where the system refuses;
/// [`FormatError::NonFinite`] for a value that is not finite in the precision asked for;
/// [`FormatError::Empty`] for no field; [`FormatError::Parameter`] for a montage that cannot be.
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Ensemble, Grid};
/// use karhunen_formats::{ReadOptions, WriteOptions, read, write};
/// let fields = Ensemble::zeros(Grid::unit(&[5, 7], Boundary::Neumann)?, 1, 3);
/// let path = std::env::temp_dir().join(format!("zeros-{}.npy", std::process::id()));
/// write(&path, &fields, &WriteOptions { overwrite: true, ..WriteOptions::default() })?;
/// assert_eq!(read(&path, &ReadOptions::default())?.points, [5, 7]);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write<'a>(
    path: impl AsRef<Path>,
    fields: impl Into<FieldsRef<'a>>,
    options: &WriteOptions,
) -> Result<Written, FormatError> {
    let (path, fields) = (path.as_ref(), fields.into());
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    if !["npy", "png"].contains(&ending.as_str()) {
        return Err(FormatError::UnknownEnding { path: path.into() });
    }
    if fields.len() == 0 {
        return Err(FormatError::Empty { path: path.into(), what: "no field to write".into() });
    }
    if !options.overwrite && path.exists() {
        return Err(FormatError::Exists { path: path.into() });
    }
    let field_len = fields.channels() * fields.points().iter().product::<usize>();
    let count = fields.len() / field_len;
    if ending == "npy" {
        place(path, options.overwrite, |to| npy::write(path, fields, options.precision, to))?;
        return Ok(Written { count, range: None });
    }
    let picture = montage::draw(path, fields, &options.montage)?;
    place(path, options.overwrite, |to| picture.encode(path, to))?;
    Ok(Written { count: picture.shown, range: Some(picture.range) })
}

/// Runs `fill` on a new file beside `path` and gives it that name once it is complete.
fn place(
    path: &Path,
    overwrite: bool,
    fill: impl FnOnce(&mut dyn Write) -> Result<(), FormatError>,
) -> Result<(), FormatError> {
    let failed = |source| FormatError::Write { path: path.into(), source };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".karhunen-").suffix(".part");
    if let Some(ordinary) = ordinary_permissions() {
        builder.permissions(ordinary);
    }
    let mut file = builder.tempfile_in(folder).map_err(|e| failed(e.kind().into()))?;
    let mut buffer = BufWriter::new(file.as_file_mut());
    fill(&mut buffer)?;
    buffer.flush().map_err(failed)?;
    drop(buffer);
    file.as_file().sync_all().map_err(failed)?;
    let placed = if overwrite { file.persist(path) } else { file.persist_noclobber(path) };
    match placed {
        Ok(_) => Ok(()),
        Err(e) if e.error.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(FormatError::Exists { path: path.into() })
        }
        Err(e) => Err(failed(e.error)),
    }
}

/// What a new file is usually allowed, before the user's mask; temporary files are private.
#[cfg(unix)]
fn ordinary_permissions() -> Option<Permissions> {
    use std::os::unix::fs::PermissionsExt;
    Some(Permissions::from_mode(0o666))
}

#[cfg(not(unix))]
fn ordinary_permissions() -> Option<Permissions> {
    None
}
