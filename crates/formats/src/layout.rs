//! The meaning of an array's axes: samples, channels and space.
//!
//! The shape of an array does not determine the meaning. These rules decide, in this order (n axes;
//! `dim` and `channels` from the options):
//!
//! | given | n | read as |
//! |---|---|---|
//! | `dim = d` | d | one field, one channel |
//! | | d + 1 | `(N, axes…)`; with `channels = c > 1`, `(c, axes…)` is refused, not guessed |
//! | | d + 2 | `(N, C, axes…)` |
//! | `channels = c` only | ≥ 3, second axis c | `(N, C, axes…)` |
//! | `channels = 1` only | 2 to 4 | `(N, axes…)` |
//! | neither | 2, 3 | `(N, axes…)`: 1-D and 2-D fields |
//! | | 4 | `(N, C, H, W)` if the second axis is at most 4, else `(N, D, H, W)` |
//! | | 5 | `(N, C, D, H, W)` |
//! | `channels_last`, `dim = d` | d + 1 | one field `(axes…, C)` |
//! | | d + 2 | `(N, axes…, C)` |
//! | `channels_last` | 3 to 5 | `(N, axes…, C)` |

use std::path::Path;

use crate::dtype::SourceType;
use crate::{FormatError, RawFields, ReadOptions, Units};

/// Longest second axis of a four-axis array that is taken for channels: grey to RGBA.
const CHANNELS_AT_MOST: u64 = 4;

/// The meaning of an array's axes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) channels: usize,
    pub(crate) points: Vec<usize>,
    /// Whether channels are the last axis instead of the one before the spatial axes.
    pub(crate) channels_last: bool,
    /// A note on the guess, if one was made.
    pub(crate) note: Option<String>,
}

impl Layout {
    /// Applies the table above.
    pub(crate) fn of(
        path: &Path,
        shape: &[u64],
        options: &ReadOptions,
    ) -> Result<Self, FormatError> {
        let refuse = |requirement: String| {
            Err(FormatError::Layout { path: path.into(), shape: shape.into(), requirement })
        };
        if shape.contains(&0) {
            return Err(FormatError::Empty {
                path: path.into(),
                what: format!("an array of shape {shape:?} holds no field"),
            });
        }
        let n = shape.len();
        let second = shape.get(1).copied();
        let last = options.channels_last;
        // number of axes before the spatial ones, and whether one of all axes holds the channels
        let (lead, with_channels) = match (options.dim, options.channels) {
            (Some(d), _) if last && (d + 1..=d + 2).contains(&n) => (n - d - 1, true),
            (Some(d), _) if last => {
                return refuse(format!(
                    "fields of dim {d} with their channels last need {} or {} axes",
                    d + 1,
                    d + 2
                ));
            }
            (None, _) if last && (3..=5).contains(&n) => (1, true),
            (None, _) if last => {
                return refuse("with channels last, 3 to 5 axes are understood".into());
            }
            (Some(d), _) if (d..=d + 2).contains(&n) => (n - d, n == d + 2),
            (Some(d), _) => {
                return refuse(format!("fields of dim {d} need {d} to {} axes", d + 2));
            }
            (None, Some(c)) if n >= 3 && second == Some(c as u64) => (2, true),
            (None, Some(1)) => (1, false),
            (None, Some(c)) => {
                return refuse(format!("with channels = {c} the second of at least 3 axes is {c}"));
            }
            (None, None) => match n {
                2 | 3 => (1, false),
                4 if second <= Some(CHANNELS_AT_MOST) => (2, true),
                4 => (1, false),
                5 => (2, true),
                _ => return refuse("2 to 5 axes are understood; say dim for one field".into()),
            },
        };
        let (space, channels) = match (with_channels, last) {
            (true, true) => (&shape[lead..n - 1], shape[n - 1] as usize),
            (true, false) => (&shape[lead..], shape[lead - 1] as usize),
            (false, _) => (&shape[lead..], 1),
        };
        if let Some(asked) = options.channels.filter(|&c| c != channels) {
            return refuse(format!("channels = {asked} asked for, {channels} found"));
        }
        let points: Vec<usize> = space.iter().map(|&n| n as usize).collect();
        if !(1..=3).contains(&points.len()) {
            return refuse(format!("fields have 1 to 3 axes, not {}", points.len()));
        }
        let count = if lead == 0 { 1 } else { shape[0] };
        let guessed = options.dim.is_none() && options.channels.is_none();
        let mut note = guessed.then(|| {
            format!(
                "the shape {shape:?} is read as {count} fields of {channels} channel(s) on {points:?} \
                 points; dim or channels say otherwise"
            )
        });
        let thin = |n: Option<&u64>| n.is_some_and(|n| *n <= CHANNELS_AT_MOST);
        if !last
            && thin(shape.last())
            && points.len() > 1
            && shape.iter().filter(|n| **n > 16).count() > 1
        {
            let hint = format!(
                "its last axis has {} points: if they are channels, say channels last",
                points[points.len() - 1]
            );
            note = Some(note.map_or(hint.clone(), |note| format!("{note}; {hint}")));
        }
        Ok(Self { channels, points, channels_last: with_channels && last, note })
    }

    /// The layout of an array that is one field. Its axes are spatial; one axis before them (or
    /// after them, with channels last) holds the channels.
    ///
    /// Without `dim`, the first of three axes holds the channels if its length is at most 4.
    pub(crate) fn of_one(
        path: &Path,
        shape: &[u64],
        options: &ReadOptions,
    ) -> Result<Self, FormatError> {
        let n = shape.len();
        let thin = |n: u64| n <= CHANNELS_AT_MOST;
        let with_channels = match (options.dim, options.channels) {
            // the folder is a volume, and the file is one of its slices
            (Some(3), _) if n == 2 => false,
            (Some(d), _) => n == d + 1,
            (None, Some(c)) if c > 1 => true,
            (None, Some(_)) => options.channels_last,
            (None, None) => {
                options.channels_last
                    || n == 4
                    || n == 3 && thin(shape.first().copied().unwrap_or(0))
            }
        };
        let dim = n.saturating_sub(usize::from(with_channels));
        let asked = ReadOptions { dim: Some(dim), ..options.clone() };
        if !with_channels || options.channels_last {
            let asked = ReadOptions { channels_last: with_channels, ..asked };
            return Self::of(path, shape, &asked);
        }
        // with an axis of one sample added
        let whole: Vec<u64> = [&[1], shape].concat();
        Self::of(path, &whole, &asked)
    }

    /// Number of fields in an array of this layout.
    pub(crate) fn count(&self, shape: &[u64]) -> usize {
        match shape.len() - self.points.len() - usize::from(self.channels_last) {
            0 => 1,
            _ => shape[0] as usize,
        }
    }

    /// Splits the steps of all axes into those of samples, of channels and of the spatial axes.
    pub(crate) fn split(&self, steps: &[u64]) -> (u64, u64, Vec<u64>) {
        let (steps, last) = match self.channels_last {
            true => (&steps[..steps.len() - 1], steps.last().copied()),
            false => (steps, None),
        };
        let lead = steps.len() - self.points.len();
        let sample = if lead > 0 { steps[0] } else { 0 };
        let channel = last.unwrap_or(if lead > 1 { steps[1] } else { 0 });
        (sample, channel, steps[lead..].to_vec())
    }

    /// The units of the spatial axes, from those of all axes or of the spatial axes alone.
    pub(crate) fn units(&self, mut units: Units) -> Units {
        let dim = self.points.len();
        if let Some(spacing) = units.spacing.as_mut()
            && self.channels_last
            && spacing.len() > dim
        {
            spacing.pop();
        }
        units.last(dim)
    }

    /// The values as fields.
    pub(crate) fn fields(
        self,
        path: &Path,
        mut values: Vec<f32>,
        dtype: SourceType,
    ) -> Result<RawFields, FormatError> {
        if self.channels_last {
            values = channels_first(&values, self.channels, self.points.iter().product());
        }
        let mut fields = RawFields::array(path, self.points, self.channels, values, dtype)?;
        fields.notes.splice(0..0, self.note);
        Ok(fields)
    }
}

/// Moves channels from the last axis to the place that this crate uses.
pub(crate) fn channels_first(values: &[f32], channels: usize, points: usize) -> Vec<f32> {
    let mut ordered = Vec::with_capacity(values.len());
    for field in values.chunks_exact(channels * points) {
        for channel in 0..channels {
            ordered.extend(field.iter().skip(channel).step_by(channels));
        }
    }
    ordered
}

/// Converts values from first axis fastest to last axis fastest.
pub(crate) fn last_axis_fastest(values: &[f32], shape: &[u64]) -> Vec<f32> {
    let shape: Vec<usize> = shape.iter().map(|&n| n as usize).collect();
    let mut stride = vec![1; shape.len()];
    for axis in 1..shape.len() {
        stride[axis] = stride[axis - 1] * shape[axis - 1];
    }
    let mut index = vec![0; shape.len()];
    let mut from = 0;
    let mut ordered = Vec::with_capacity(values.len());
    while ordered.len() < values.len() {
        ordered.push(values[from]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            from += stride[axis];
            if index[axis] < shape[axis] {
                break;
            }
            from -= stride[axis] * shape[axis];
            index[axis] = 0;
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(
        shape: &[u64],
        dim: Option<usize>,
        channels: Option<usize>,
    ) -> Option<(usize, Vec<usize>)> {
        let options = ReadOptions { dim, channels, ..ReadOptions::default() };
        Layout::of(Path::new("a"), shape, &options).ok().map(|l| (l.channels, l.points))
    }

    #[test]
    fn the_table_of_the_module_head_holds() {
        assert_eq!(layout(&[7, 5], None, None), Some((1, vec![5])));
        assert_eq!(layout(&[7, 5, 3], None, None), Some((1, vec![5, 3])));
        assert_eq!(layout(&[7, 3, 5, 6], None, None), Some((3, vec![5, 6])));
        assert_eq!(layout(&[7, 4, 5, 6], None, None), Some((4, vec![5, 6])));
        assert_eq!(layout(&[7, 5, 5, 6], None, None), Some((1, vec![5, 5, 6])));
        assert_eq!(layout(&[7, 2, 5, 5, 6], None, None), Some((2, vec![5, 5, 6])));
        assert_eq!(layout(&[7], None, None), None);
        assert_eq!(layout(&[7; 6], None, None), None);

        assert_eq!(layout(&[7], Some(1), None), Some((1, vec![7])));
        assert_eq!(layout(&[7, 5], Some(2), None), Some((1, vec![7, 5])));
        assert_eq!(layout(&[7, 3, 5], Some(1), None), Some((3, vec![5])));
        assert_eq!(layout(&[7, 3, 5, 6], Some(3), None), Some((1, vec![3, 5, 6])));
        assert_eq!(layout(&[7, 9, 5, 6], Some(2), None), Some((9, vec![5, 6])));
        assert_eq!(layout(&[7, 9, 5, 6], Some(1), None), None);

        assert_eq!(layout(&[7, 3, 5], None, Some(3)), Some((3, vec![5])));
        assert_eq!(layout(&[7, 9, 5, 6], None, Some(9)), Some((9, vec![5, 6])));
        assert_eq!(layout(&[7, 3, 5, 6], None, Some(1)), Some((1, vec![3, 5, 6])));
        assert_eq!(layout(&[7, 1, 5, 6], None, Some(1)), Some((1, vec![5, 6])));
        assert_eq!(layout(&[7, 5], None, Some(3)), None);
        assert_eq!(layout(&[7, 5], Some(1), Some(7)), None);
        assert_eq!(layout(&[7, 3, 5, 6], Some(2), Some(3)), Some((3, vec![5, 6])));
        assert_eq!(layout(&[7, 3, 5, 6], Some(2), Some(4)), None);
    }

    #[test]
    fn channels_may_be_last() {
        let last = |shape: &[u64], dim| {
            let options = ReadOptions { dim, channels_last: true, ..ReadOptions::default() };
            Layout::of(Path::new("a"), shape, &options).ok().map(|l| (l.channels, l.points))
        };
        assert_eq!(last(&[7, 5, 6, 2], None), Some((2, vec![5, 6])));
        assert_eq!(last(&[7, 5, 2], None), Some((2, vec![5])));
        assert_eq!(last(&[5, 6, 2], Some(2)), Some((2, vec![5, 6])));
        assert_eq!(last(&[7, 5, 6, 8, 1], Some(3)), Some((1, vec![5, 6, 8])));
        assert_eq!(last(&[5, 6], None), None);
        assert_eq!(last(&[5, 6, 8], Some(3)), None);
        // 1 field with points 0 1 2 and channels 0 and 10
        assert_eq!(channels_first(&[0., 10., 1., 11., 2., 12.], 2, 3), [0., 1., 2., 10., 11., 12.]);
    }

    #[test]
    fn an_array_may_be_one_field() {
        let one = |shape: &[u64], dim, channels| {
            let options = ReadOptions { dim, channels, ..ReadOptions::default() };
            Layout::of_one(Path::new("a"), shape, &options).ok().map(|l| (l.channels, l.points))
        };
        assert_eq!(one(&[5], None, None), Some((1, vec![5])));
        assert_eq!(one(&[5, 6], None, None), Some((1, vec![5, 6])));
        assert_eq!(one(&[5, 6], Some(3), None), Some((1, vec![5, 6])));
        assert_eq!(one(&[3, 5, 6], None, None), Some((3, vec![5, 6])));
        assert_eq!(one(&[3, 5, 6], Some(3), None), Some((1, vec![3, 5, 6])));
        assert_eq!(one(&[9, 5, 6], None, None), Some((1, vec![9, 5, 6])));
        assert_eq!(one(&[9, 5, 6], None, Some(9)), Some((9, vec![5, 6])));
        assert_eq!(one(&[2, 9, 5, 6], None, None), Some((2, vec![9, 5, 6])));
    }

    #[test]
    fn empty_axes_are_no_fields() {
        for shape in [[0, 5, 5], [5, 0, 5], [5, 5, 0]] {
            let error = Layout::of(Path::new("a"), &shape, &ReadOptions::default());
            assert!(matches!(error, Err(FormatError::Empty { .. })));
        }
    }

    #[test]
    fn fortran_order_is_turned() {
        // a[i, j, k] = 100 i + 10 j + k on 2 x 3 x 2, first axis fastest
        let stored: Vec<f32> = (0..12)
            .map(|flat| (100 * (flat % 2) + 10 * (flat / 2 % 3) + flat / 6) as f32)
            .collect();
        let expected: Vec<f32> = (0..12)
            .map(|flat| (100 * (flat / 6) + 10 * (flat / 2 % 3) + flat % 2) as f32)
            .collect();
        assert_eq!(last_axis_fastest(&stored, &[2, 3, 2]), expected);
    }
}
