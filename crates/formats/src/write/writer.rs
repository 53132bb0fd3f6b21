//! Writes fields into a file one after the other, so that the caller need not keep them.
//!
//! Headers and tables depend only on the number and shape of the fields, so they can be written first. Only the
//! precision may depend on later values ([`Precision::F32`]). Until it is certain, values wait in a temporary file,
//! in double precision.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::address::{ending, is_remote};
use crate::digits::Range;
use crate::write::checks::check_form;
use crate::write::encoding::{Encoding, lost};
use crate::write::hdf5;
use crate::write::npy;
use crate::write::npz::Packed;
use crate::write::raw;
use crate::write::staged::Staged;
use crate::write::tiff::{self, Tiff};
use crate::write::vti;
use crate::write::whole::{Beside, folder_of};
use crate::write::zarr::ZarrWriter;
use crate::{FieldsRef, Form, FormatError, Precision, SourceType, WriteOptions, Written};

/// Values that are read back at a time from the temporary file.
const BACK: usize = 1 << 16;

/// A file of fields that is being written; it gets its name when it is complete.
///
/// The file is byte for byte what [`write()`](crate::write()) makes of all fields at once. Until then it lies beside
/// its place under a temporary name, and is removed if the writer is dropped before [`FieldWriter::finish`].
///
/// **Memory** a buffer; of Zarr, one shard.
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Ensemble, Grid};
/// use karhunen_formats::{FieldWriter, Form, ReadOptions, Units, WriteOptions, read};
/// let one = Ensemble::zeros(Grid::unit(&[5, 7], Boundary::Neumann)?, 1, 1);
/// let path = std::env::temp_dir().join(format!("one-by-one-{}.npy", std::process::id()));
/// let form = Form { points: vec![5, 7], channels: 1, count: 3, units: Units::default() };
/// let mut writer = FieldWriter::create(&path, &form, &WriteOptions::default())?;
/// for _ in 0..3 {
///     writer.push(&one)?;
///     assert!(!path.exists());
/// }
/// writer.finish()?;
/// assert_eq!(read(&path, &ReadOptions::default())?.count(), 3);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct FieldWriter {
    path: PathBuf,
    form: Form,
    overwrite: bool,
    done: usize,
    state: State,
}

/// Whether the type of the numbers is known.
enum State {
    /// It is: values go to the file.
    Certain(Encoding, Box<Sink>),
    /// It is not: values so far in a temporary file, and the range of each channel.
    Waiting(BufWriter<File>, Vec<Range>),
}

impl std::fmt::Debug for FieldWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { path, form, done, .. } = self;
        f.debug_struct("FieldWriter")
            .field("path", path)
            .field("form", form)
            .field("done", done)
            .finish_non_exhaustive()
    }
}

impl FieldWriter {
    /// Whether a file of this name can be written field by field: a picture cannot.
    pub fn takes(path: &Path) -> bool {
        ending(path) != "png"
    }

    /// Begins a file for fields of a form.
    ///
    /// # Errors
    /// As [`write()`](crate::write()); [`FormatError::Parameter`] for 16-bit numbers without a range, which would
    /// need all fields, and for a picture.
    pub fn create(path: &Path, form: &Form, options: &WriteOptions) -> Result<Self, FormatError> {
        check_form(path, form, options.overwrite)?;
        if !Self::takes(path) {
            return Err(FormatError::Parameter {
                parameter: "file",
                value: path.display().to_string(),
                requirement: "a picture is not written field by field".into(),
            });
        }
        if options.precision != Precision::F32 {
            let encoding = Encoding::known(options.precision, options.range)?;
            return Self::with(path, form, encoding, options.overwrite);
        }
        // a place that cannot be written to is refused now, and not after all fields were made
        let failed = |source| FormatError::Write { path: path.into(), source };
        let spool = match is_remote(path) {
            #[cfg(feature = "cloud")]
            true => {
                drop(crate::write::zarr::upload::Upload::begin(path)?);
                tempfile::tempfile()
            }
            #[cfg(not(feature = "cloud"))]
            true => return Err(crate::address::without_cloud(path)),
            false => {
                drop(Staged::new(path, options.overwrite)?);
                tempfile::tempfile_in(folder_of(path))
            }
        };
        let ranges = vec![Range::new(); form.channels];
        let state = State::Waiting(BufWriter::new(spool.map_err(failed)?), ranges);
        Ok(Self::of(path, form, options.overwrite, state))
    }

    /// The same with a known number type.
    pub(crate) fn with(
        path: &Path,
        form: &Form,
        encoding: Encoding,
        overwrite: bool,
    ) -> Result<Self, FormatError> {
        let sink = Sink::begin(path, form, encoding, overwrite)?;
        Ok(Self::of(path, form, overwrite, State::Certain(encoding, Box::new(sink))))
    }

    fn of(path: &Path, form: &Form, overwrite: bool, state: State) -> Self {
        Self { path: path.into(), form: form.clone(), overwrite, done: 0, state }
    }

    /// Writes the next fields.
    ///
    /// # Errors
    /// [`FormatError::Parameter`] for fields of another form, or more than there shall be;
    /// [`FormatError::NonFinite`]; [`FormatError::Write`].
    pub fn push<'a>(&mut self, fields: impl Into<FieldsRef<'a>>) -> Result<(), FormatError> {
        let fields = fields.into();
        let (points, channels, count) = (fields.points(), fields.channels(), fields.count());
        let fits = points == self.form.points && channels == self.form.channels;
        if !fits || self.done + count > self.form.count {
            return Err(FormatError::Parameter {
                parameter: "fields",
                value: format!("{count} of {points:?} with {channels} channel(s)"),
                requirement: format!(
                    "the file has room for {} of {:?} with {}",
                    self.form.count - self.done,
                    self.form.points,
                    self.form.channels
                ),
            });
        }
        let before = self.done * self.form.field_len();
        let counted = |error| match error {
            FormatError::NonFinite { path, index, value } => {
                FormatError::NonFinite { path, index: before + index, value }
            }
            other => other,
        };
        match &mut self.state {
            State::Certain(encoding, sink) => {
                sink.put(&self.path, &self.form, fields, *encoding).map_err(counted)?;
            }
            State::Waiting(spool, ranges) => {
                let failed = |source| FormatError::Write { path: self.path.clone(), source };
                for index in 0..fields.len() {
                    let value = Encoding::F32.finite(&self.path, fields, index).map_err(counted)?;
                    ranges[index / self.form.plane() % self.form.channels].take(value);
                }
                // a range only grows, so digits that are not lost now are not lost later; without a value
                // there is no range yet
                let undecided = ranges.iter().any(|range| range.offset(SourceType::F64).is_some());
                let decided = !undecided && self.done + count > 0;
                if decided && self.done == 0 {
                    // nothing has waited
                    let encoding = Encoding::F32;
                    let mut sink = Sink::begin(&self.path, &self.form, encoding, self.overwrite)?;
                    sink.put(&self.path, &self.form, fields, encoding).map_err(counted)?;
                    self.state = State::Certain(encoding, Box::new(sink));
                } else {
                    for index in 0..fields.len() {
                        spool.write_all(&fields.value(index).to_le_bytes()).map_err(failed)?;
                    }
                    if decided {
                        self.settle(Encoding::F32, self.done + count)?;
                    }
                }
            }
        }
        self.done += count;
        Ok(())
    }

    /// Fixes the number type, and writes the first `count` fields, which have waited.
    fn settle(&mut self, encoding: Encoding, count: usize) -> Result<(), FormatError> {
        let mut sink = Sink::begin(&self.path, &self.form, encoding, self.overwrite)?;
        if let State::Waiting(spool, _) = &mut self.state {
            let failed = |source| FormatError::Write { path: self.path.clone(), source };
            spool.flush().map_err(failed)?;
            spool.rewind().map_err(failed)?;
            let mut from = BufReader::with_capacity(8 * BACK, spool.get_ref());
            let len = self.form.field_len();
            for _ in 0..count {
                let mut values = Vec::with_capacity(len);
                let mut number = [0; 8];
                for _ in 0..len {
                    from.read_exact(&mut number).map_err(failed)?;
                    values.push(f64::from_le_bytes(number));
                }
                let field = FieldsRef::Plain { values: &values, form: &self.form };
                sink.put(&self.path, &self.form, field, encoding)?;
            }
        }
        self.state = State::Certain(encoding, Box::new(sink));
        Ok(())
    }

    /// Ends the file and gives it its name.
    ///
    /// # Errors
    /// [`FormatError::Parameter`] where fields are missing; [`FormatError::Exists`] for a file that came
    /// meanwhile; [`FormatError::Write`].
    pub fn finish(mut self) -> Result<Written, FormatError> {
        if self.done != self.form.count {
            return Err(FormatError::Parameter {
                parameter: "fields",
                value: self.done.to_string(),
                requirement: format!("{} were to be written", self.form.count),
            });
        }
        if let State::Waiting(_, ranges) = &self.state {
            let encoding = if lost(ranges) { Encoding::F64 } else { Encoding::F32 };
            self.settle(encoding, self.done)?;
        }
        match self.state {
            State::Certain(encoding, sink) => {
                sink.end(&self.path, &self.form, encoding, self.overwrite)?;
                Ok(Written { count: self.form.count, range: encoding.range() })
            }
            // settled above
            State::Waiting(..) => Ok(Written { count: self.form.count, range: None }),
        }
    }
}

/// Where numbers of a known type go.
enum Sink {
    Npy(Staged),
    Npz(Box<Packed<BufWriter<Beside>>>),
    Vti(Staged),
    Hdf5(Staged),
    Raw(Staged),
    Tiff(Staged, Tiff),
    Zarr(Box<ZarrWriter>),
}

impl Sink {
    fn begin(
        path: &Path,
        form: &Form,
        encoding: Encoding,
        overwrite: bool,
    ) -> Result<Self, FormatError> {
        let failed = |source| FormatError::Write { path: path.into(), source };
        let ending = ending(path);
        if ending == "zarr" {
            let zarr = ZarrWriter::begin(path, form, encoding, overwrite)?;
            return Ok(Sink::Zarr(Box::new(zarr)));
        }
        if ending == "raw" {
            raw::check(path, overwrite)?;
        }
        let tiff = match ending.as_str() {
            "tif" | "tiff" => Some(tiff::stack(form, encoding)?),
            _ => None,
        };
        let mut staged = Staged::new(path, overwrite)?;
        let head = match (ending.as_str(), &tiff) {
            ("npy", _) => npy::head(form, encoding),
            ("vti", _) => vti::head(form, encoding).into_bytes(),
            ("h5" | "dream3d", _) => hdf5::head(form, encoding),
            (_, Some(tiff)) => tiff.head(),
            _ => Vec::new(),
        };
        if ending == "npz" {
            let mut packed = Packed::begin(path, staged.buffer)?;
            packed.to().write_all(&npy::head(form, encoding)).map_err(failed)?;
            return Ok(Sink::Npz(Box::new(packed)));
        }
        staged.buffer.write_all(&head).map_err(failed)?;
        Ok(match (ending.as_str(), tiff) {
            ("npy", _) => Sink::Npy(staged),
            ("vti", _) => Sink::Vti(staged),
            ("h5" | "dream3d", _) => Sink::Hdf5(staged),
            ("raw", _) => Sink::Raw(staged),
            (_, Some(tiff)) => Sink::Tiff(staged, tiff),
            _ => return Err(FormatError::UnknownEnding { path: path.into() }),
        })
    }

    fn put(
        &mut self,
        path: &Path,
        form: &Form,
        fields: FieldsRef<'_>,
        encoding: Encoding,
    ) -> Result<(), FormatError> {
        let failed = |source| FormatError::Write { path: path.into(), source };
        let in_order = |to: &mut dyn Write| {
            (0..fields.len()).try_for_each(|index| encoding.put(path, fields, index, to))
        };
        match self {
            Sink::Npy(staged) | Sink::Raw(staged) => in_order(&mut staged.buffer),
            Sink::Npz(packed) => in_order(packed.to()),
            Sink::Vti(staged) => (0..fields.count()).try_for_each(|field| {
                staged.buffer.write_all(&vti::before(form, encoding)).map_err(failed)?;
                channels_last(path, form, (fields, field), encoding, &mut staged.buffer)
            }),
            Sink::Hdf5(staged) => (0..fields.count()).try_for_each(|field| {
                channels_last(path, form, (fields, field), encoding, &mut staged.buffer)
            }),
            Sink::Tiff(staged, tiff) => (0..fields.count())
                .try_for_each(|field| tiff.put(path, fields, field, &mut staged.buffer)),
            Sink::Zarr(zarr) => zarr.put(fields),
        }
    }

    fn end(
        self,
        path: &Path,
        form: &Form,
        encoding: Encoding,
        overwrite: bool,
    ) -> Result<(), FormatError> {
        let failed = |source| FormatError::Write { path: path.into(), source };
        match self {
            Sink::Npy(staged) | Sink::Hdf5(staged) => staged.place(),
            Sink::Npz(packed) => {
                let buffer = packed.end(path, form.units.spacing.as_deref())?;
                Staged { buffer, path: path.into(), overwrite }.place()
            }
            Sink::Vti(mut staged) => {
                staged.buffer.write_all(vti::TAIL).map_err(failed)?;
                staged.place()
            }
            Sink::Raw(staged) => raw::place_with_sidecar(staged, form, encoding),
            Sink::Tiff(mut staged, tiff) => {
                tiff.end(path, &mut staged.buffer)?;
                staged.place()
            }
            Sink::Zarr(zarr) => zarr.end(),
        }
    }
}

/// One field's values, those of a point together.
fn channels_last(
    path: &Path,
    form: &Form,
    (fields, field): (FieldsRef<'_>, usize),
    encoding: Encoding,
    to: &mut dyn Write,
) -> Result<(), FormatError> {
    let (len, plane) = (form.field_len(), form.plane());
    for point in 0..plane {
        for channel in 0..form.channels {
            encoding.put(path, fields, field * len + channel * plane + point, to)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
