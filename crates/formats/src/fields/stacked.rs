//! One data set from several files, whose fields become the channels.
//!
//! Solvers write one array for each quantity (`x.npy`, `y.npy`). A model of their joint law needs
//! them as channels of one field. Nothing is copied: a block of the whole is read as blocks of the
//! parts, so volumes may stay in their files.

use std::path::Path;

use crate::fields::opened::Opened;
use crate::open::{opened, read};
use crate::{FieldSource, FormatError, ReadOptions, Series, SourceType, Units};

/// Fields of one file, or of several files stacked by channel. All files have the same number of
/// fields and the same shape.
///
/// **Shape** Channels in the order of the files; the other axes are those of each file.
///
/// # Example
/// ```
/// use karhunen_formats::{FieldSource, ReadOptions, StackedFields};
/// let file = |name: &str, values: [u8; 6]| {
///     let path = std::env::temp_dir().join(format!("{name}-{}.idx", std::process::id()));
///     // unsigned bytes, two axes: 2 fields of 3 points
///     let header = [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3];
///     std::fs::write(&path, [&header[..], &values[..]].concat()).map(|()| path)
/// };
/// let paths = [file("a", [1, 2, 3, 4, 5, 6])?, file("b", [10, 20, 30, 40, 50, 60])?];
/// let fields = StackedFields::read(&paths, &ReadOptions::default())?;
/// let mut second = Vec::new();
/// fields.block(1, &[1], &[2], &mut second)?;
/// assert_eq!((fields.channels(), &second[..]), (2, &[5.0, 6.0, 50.0, 60.0][..]));
/// # paths.iter().try_for_each(std::fs::remove_file)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct StackedFields {
    parts: Vec<Opened>,
    channels: usize,
}

/// Number and points of the fields of one file, in words.
fn shape(part: &Opened) -> String {
    format!("{} field(s) of {:?} points", part.fields().count(), part.fields().points())
}

impl StackedFields {
    /// Reads every file as [`read()`](crate::read()) does.
    ///
    /// [`ReadOptions::channels`] is the number of channels of one file, or the total for several
    /// files.
    ///
    /// # Errors
    /// Errors while reading; [`FormatError::Empty`] without a file; [`FormatError::Mixed`] if the
    /// files differ in the number of fields, their points or their positions in a series;
    /// [`FormatError::Layout`] if the total number of channels of several files is not the
    /// requested one.
    pub fn read<P: AsRef<Path>>(paths: &[P], options: &ReadOptions) -> Result<Self, FormatError> {
        Self::of(paths, options, |path, options| read(path, options).map(Opened::Memory))
    }

    /// Opens files without reading the values, if their format allows it, and reads the other
    /// files.
    ///
    /// # Errors
    /// As [`StackedFields::read`].
    pub fn open<P: AsRef<Path>>(paths: &[P], options: &ReadOptions) -> Result<Self, FormatError> {
        Self::of(paths, options, opened)
    }

    fn of<P: AsRef<Path>>(
        paths: &[P],
        options: &ReadOptions,
        part: impl Fn(&Path, &ReadOptions) -> Result<Opened, FormatError>,
    ) -> Result<Self, FormatError> {
        let asked = if paths.len() > 1 { None } else { options.channels };
        let own = ReadOptions { channels: asked, ..options.clone() };
        let parts = paths.iter().map(|path| part(path.as_ref(), &own));
        let parts = parts.collect::<Result<Vec<Opened>, FormatError>>()?;
        let Some(first) = parts.first() else {
            let what = "no file is named".into();
            return Err(FormatError::Empty { path: Path::new("").into(), what });
        };
        for other in &parts[1..] {
            agree(first, other)?;
        }
        let channels = parts.iter().map(|part| part.fields().channels()).sum();
        match options.channels {
            Some(asked) if asked != channels => Err(FormatError::Layout {
                path: first.fields().path().into(),
                shape: first.fields().points().iter().map(|&n| n as u64).collect(),
                requirement: format!(
                    "channels = {asked} asked for, {channels} found in {} files",
                    parts.len()
                ),
            }),
            _ => Ok(Self { parts, channels }),
        }
    }

    /// Notes of all files for the user.
    pub fn notes(&self) -> Vec<String> {
        self.parts.iter().flat_map(|part| part.notes().iter().cloned()).collect()
    }
}

/// Fields that become channels of one another must agree in number and points.
fn agree(first: &Opened, other: &Opened) -> Result<(), FormatError> {
    let (a, b) = (first.fields(), other.fields());
    let (mut first_shape, mut second_shape) = (shape(first), shape(other));
    if first_shape == second_shape {
        let Some(item) = (0..a.count()).find(|&item| a.position(item) != b.position(item)) else {
            return Ok(());
        };
        first_shape += &format!(", field {item} at place {}", a.position(item));
        second_shape += &format!(", field {item} at place {}", b.position(item));
    }
    let (first, second) = (a.path().into(), b.path().into());
    Err(FormatError::Mixed { first, first_shape, second, second_shape })
}

impl FieldSource for StackedFields {
    fn count(&self) -> usize {
        self.parts[0].fields().count()
    }

    fn channels(&self) -> usize {
        self.channels
    }

    fn points(&self) -> &[usize] {
        self.parts[0].fields().points()
    }

    /// The type of the first file.
    fn dtype(&self) -> SourceType {
        self.parts[0].fields().dtype()
    }

    /// The path of the first file.
    fn path(&self) -> &Path {
        self.parts[0].fields().path()
    }

    fn name(&self, item: usize) -> Option<&str> {
        self.parts[0].fields().name(item)
    }

    fn position(&self, item: usize) -> u64 {
        self.parts[0].fields().position(item)
    }

    /// The units of the first file; values of several files have no common unit.
    fn units(&self) -> &Units {
        self.parts[0].fields().units()
    }

    /// The series of the first file.
    fn series(&self) -> Series {
        self.parts[0].fields().series()
    }

    fn offsets(&self) -> Vec<f64> {
        self.parts.iter().flat_map(|part| part.fields().offsets()).collect()
    }

    fn block(
        &self,
        item: usize,
        corner: &[usize],
        points: &[usize],
        values: &mut Vec<f32>,
    ) -> Result<(), FormatError> {
        self.parts.iter().try_for_each(|part| part.fields().block(item, corner, points, values))
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::PatchSource;

    /// An IDX file of unsigned bytes, with values `first`, `first` + 1, ….
    fn idx(folder: &Path, name: &str, shape: &[u32], first: u8) -> PathBuf {
        let mut bytes = vec![0, 0, 8, shape.len() as u8];
        shape.iter().for_each(|n| bytes.extend(n.to_be_bytes()));
        let count: u32 = shape.iter().product();
        bytes.extend((0..count as u8).map(|i| first + i));
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    #[test]
    fn blocks_hold_the_channels_in_the_order_of_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let paths =
            [idx(folder.path(), "a", &[3, 4, 2], 0), idx(folder.path(), "b", &[3, 4, 2], 100)];
        let fields = StackedFields::read(&paths, &ReadOptions::default()).unwrap();
        assert_eq!((fields.count(), fields.channels(), fields.points()), (3, 2, &[4, 2][..]));
        let patches =
            PatchSource::new(&fields, &[0, 1, 2], &[2, 2], 1).unwrap().cut(0..20).unwrap();
        assert_eq!((patches.channels, patches.field_len()), (2, 8));
        for patch in patches.fields() {
            assert!(patch[..4].iter().zip(&patch[4..]).all(|(a, b)| a + 100.0 == *b));
        }
    }

    #[test]
    fn files_that_do_not_fit_together_are_named_with_their_shapes() {
        let folder = tempfile::tempdir().unwrap();
        let a = idx(folder.path(), "a", &[3, 4, 2], 0);
        for (shape, said) in [([2, 4, 2], "2 field(s)"), ([3, 4, 3], "[4, 3]")] {
            let b = idx(folder.path(), "b", &shape, 0);
            let error = StackedFields::read(&[&a, &b], &ReadOptions::default()).unwrap_err();
            let text = error.to_string();
            assert!(matches!(error, FormatError::Mixed { .. }), "{text}");
            assert!(text.contains(said) && text.contains("[4, 2]") && text.contains("b"), "{text}");
        }
        let b = idx(folder.path(), "b", &[3, 4, 2], 0);
        let three = ReadOptions { channels: Some(3), ..ReadOptions::default() };
        let error = StackedFields::read(&[&a, &b], &three).unwrap_err().to_string();
        assert!(error.contains("channels = 3") && error.contains("2 found"), "{error}");
        let none: [&Path; 0] = [];
        let error = StackedFields::read(&none, &ReadOptions::default());
        assert!(matches!(error, Err(FormatError::Empty { .. })));
    }

    #[test]
    fn what_cannot_stay_in_its_file_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let raw = folder.path().join("a.raw");
        std::fs::write(&raw, (0..24).collect::<Vec<u8>>()).unwrap();
        let raw = PathBuf::from(format!("{}:3x4x2:u8", raw.display()));
        let b = idx(folder.path(), "b", &[3, 4, 2], 50);
        let fields = StackedFields::open(&[raw, b], &ReadOptions::default()).unwrap();
        assert!(matches!(&fields.parts[..], [Opened::Stored(_), Opened::Memory(_)]));
        let mut values = Vec::new();
        fields.block(2, &[3, 0], &[1, 2], &mut values).unwrap();
        assert_eq!(values, [22.0, 23.0, 72.0, 73.0]);
    }
}
