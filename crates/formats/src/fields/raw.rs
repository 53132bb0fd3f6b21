//! Fields as they come out of files: `f32` values in the file's own units.
//!
//! Not an [`Ensemble`]: a data set of `f32` takes half the memory, has no physical box yet, and
//! remembers where each field came from. [`RawFields::to_ensemble`] makes the step.

use std::path::{Path, PathBuf};

use karhunen_field::{Boundary, Ensemble, Grid};

use crate::fields::source::FieldSource;
use crate::missing::{self, Missing};
use crate::units::{Series, Units};
use crate::{FormatError, SourceType};

/// Largest whole number below which all are exact in `f32`.
const EXACT: f32 = 16_777_216.0;

/// Many fields of one shape, `[sample, channel, axis0, …]`, last axis fastest.
///
/// **Unit** The file's: an 8-bit image gives 0 … 255, a 16-bit one 0 … 65535.
#[derive(Debug, Clone, PartialEq)]
pub struct RawFields {
    /// Points per axis, slowest first.
    pub points: Vec<usize>,
    /// Channels C of each field.
    pub channels: usize,
    /// n · C · ∏ points values, less [`RawFields::offset`]; NaN where one is missing and
    /// [`Missing::Kept`] was asked for.
    pub values: Vec<f32>,
    /// The file's values are `offset + values[i]`, in double precision. 0 unless values of 64 bits (or
    /// whole numbers of 32) differ so little from a large number that single precision would lose them.
    pub offset: f64,
    /// Number type in the file.
    pub dtype: SourceType,
    /// File or folder they were read from.
    pub source: PathBuf,
    /// Name of each field (a file of a folder, a page of a TIFF); empty where fields have none.
    pub items: Vec<String>,
    /// Place of each field in its series: the number in its name where a folder is a numbered
    /// stack, which may have holes, otherwise 0, 1, 2, ….
    pub positions: Vec<u64>,
    /// Whether fields that follow each other are neighbours.
    pub series: Series,
    /// Spacing of the points, and units, where the file tells them.
    pub units: Units,
    /// What a reader should be told: files left out, guesses made, digits lost.
    pub notes: Vec<String>,
}

impl RawFields {
    /// Number of fields n.
    pub fn count(&self) -> usize {
        self.values.len() / self.field_len()
    }

    /// Values of one field, C · ∏ points.
    pub fn field_len(&self) -> usize {
        self.channels * self.points.iter().product::<usize>()
    }

    /// The fields' values, each `[channel, axis0, …]`.
    pub fn fields(&self) -> std::slice::ChunksExact<'_, f32> {
        self.values.chunks_exact(self.field_len())
    }

    /// Fields in the order given, with their names and positions; notes are not repeated.
    ///
    /// # Errors
    /// [`FormatError::Parameter`] for an index that is not below [`RawFields::count`].
    pub fn select(&self, indices: &[usize]) -> Result<RawFields, FormatError> {
        let (len, count) = (self.field_len(), self.count());
        let mut values = Vec::with_capacity(indices.len().saturating_mul(len));
        let mut items = Vec::new();
        let mut positions = Vec::with_capacity(indices.len());
        for &i in indices {
            if i >= count {
                return Err(FormatError::Parameter {
                    parameter: "index",
                    value: i.to_string(),
                    requirement: format!("there are {count} fields"),
                });
            }
            values.extend_from_slice(&self.values[i * len..(i + 1) * len]);
            items.extend(self.items.get(i).cloned());
            positions.push(self.positions[i]);
        }
        Ok(RawFields {
            points: self.points.clone(),
            values,
            source: self.source.clone(),
            items,
            positions,
            series: self.series,
            units: self.units.clone(),
            notes: Vec::new(),
            ..*self
        })
    }

    /// The fields in double precision on the natural box of pixels, [`Grid::unit`].
    ///
    /// # Errors
    /// Those of [`Grid::unit`], as [`FormatError::Field`].
    pub fn to_ensemble(&self, boundary: Boundary) -> Result<Ensemble, FormatError> {
        let grid = Grid::unit(&self.points, boundary)?;
        let values = self.values.iter().map(|&v| self.offset + f64::from(v)).collect();
        Ok(Ensemble::new(grid, self.channels, values)?)
    }

    /// Fields without names; NaN is a missing value, an infinity is refused.
    pub(crate) fn array(
        path: &Path,
        points: Vec<usize>,
        channels: usize,
        values: Vec<f32>,
        dtype: SourceType,
    ) -> Result<Self, FormatError> {
        let mut notes = Vec::new();
        missing::finite(path, &values, |index| index)?;
        if dtype.is_wide_integer() && values.iter().any(|v| v.abs() > EXACT) {
            notes.push(format!("{dtype} values beyond 2^24 are rounded to single precision"));
        }
        let mut fields = RawFields {
            points,
            channels,
            values,
            offset: 0.0,
            dtype,
            source: path.into(),
            items: Vec::new(),
            positions: Vec::new(),
            series: Series::Unknown,
            units: Units::default(),
            notes,
        };
        fields.positions = (0..fields.count() as u64).collect();
        Ok(fields)
    }

    /// Refuses missing values, hands them on, or puts a value in.
    pub(crate) fn treat_missing(mut self, how: Missing) -> Result<Self, FormatError> {
        let count = self.values.iter().filter(|v| v.is_nan()).count();
        if count == 0 {
            return Ok(self);
        }
        let of = self.values.len();
        match how {
            Missing::Refused => {
                let shape = (self.channels, &self.points[..]);
                missing::refusal(&self.source, &self.values, shape, true, |i| i)?;
            }
            Missing::Kept => self.notes.push(format!("{count} of {of} values are missing")),
            Missing::Filled(value) => {
                how.fill(&mut self.values, self.offset);
                self.notes.push(format!("{count} of {of} values are missing; {value} is put in"));
            }
        }
        Ok(self)
    }

    /// A stack of 2-D fields as one 3-D field, the samples becoming the slowest axis.
    pub(crate) fn into_volume(mut self) -> Self {
        let (depth, channels) = (self.count(), self.channels);
        let plane: usize = self.points.iter().product();
        if channels > 1 {
            let slices = self.values;
            self.values = (0..channels)
                .flat_map(|c| (0..depth).map(move |z| (z * channels + c) * plane))
                .flat_map(|start| slices[start..start + plane].iter().copied())
                .collect();
        }
        self.points.insert(0, depth);
        self.items.clear();
        self.positions = vec![0];
        self
    }
}

impl FieldSource for RawFields {
    fn count(&self) -> usize {
        RawFields::count(self)
    }

    fn channels(&self) -> usize {
        self.channels
    }

    fn points(&self) -> &[usize] {
        &self.points
    }

    fn dtype(&self) -> SourceType {
        self.dtype
    }

    fn path(&self) -> &Path {
        &self.source
    }

    fn name(&self, item: usize) -> Option<&str> {
        self.items.get(item).map(String::as_str)
    }

    fn position(&self, item: usize) -> u64 {
        self.positions[item]
    }

    fn units(&self) -> &Units {
        &self.units
    }

    fn series(&self) -> Series {
        self.series
    }

    fn offsets(&self) -> Vec<f64> {
        vec![self.offset; self.channels]
    }

    fn block(
        &self,
        item: usize,
        corner: &[usize],
        part: &[usize],
        values: &mut Vec<f32>,
    ) -> Result<(), FormatError> {
        let whole = &self.points;
        let last = part.len() - 1;
        let lines: usize = part[..last].iter().product();
        let plane: usize = whole.iter().product();
        for channel in 0..self.channels {
            let base = (item * self.channels + channel) * plane;
            for line in 0..lines {
                let (mut rest, mut stride) = (line, whole[last]);
                let mut start = base + corner[last];
                for axis in (0..last).rev() {
                    start += (corner[axis] + rest % part[axis]) * stride;
                    rest /= part[axis];
                    stride *= whole[axis];
                }
                values.extend_from_slice(&self.values[start..start + part[last]]);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_keeps_channels_apart() {
        // 2 slices, 2 channels, 1 x 2 points; value = 100 slice + 10 channel + column
        let values = vec![0.0, 1.0, 10.0, 11.0, 100.0, 101.0, 110.0, 111.0];
        let fields =
            RawFields::array(Path::new("a"), vec![1, 2], 2, values, SourceType::F32).unwrap();
        let volume = fields.into_volume();
        assert_eq!((volume.count(), &volume.points[..]), (1, &[2, 1, 2][..]));
        assert_eq!(volume.values, [0.0, 1.0, 100.0, 101.0, 10.0, 11.0, 110.0, 111.0]);
    }

    #[test]
    fn ensembles_have_the_values_of_the_file() {
        let values: Vec<f32> = (0..12).map(|i| i as f32 * 0.1).collect();
        let fields =
            RawFields::array(Path::new("a"), vec![2, 3], 1, values, SourceType::F32).unwrap();
        let ensemble = fields.to_ensemble(Boundary::Neumann).unwrap();
        assert_eq!((ensemble.count(), ensemble.grid.points()), (2, vec![2, 3]));
        assert!(ensemble.values.iter().zip(&fields.values).all(|(a, b)| *a == f64::from(*b)));
        assert!(matches!(fields.select(&[2]), Err(FormatError::Parameter { .. })));
        assert_eq!(fields.select(&[1, 0]).unwrap().positions, [1, 0]);
    }
}
