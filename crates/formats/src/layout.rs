//! What the axes of an array mean: which is the sample, which the channel, which are space.
//!
//! An array's shape alone does not say. The rules, in this order (n axes, `dim` and `channels`
//! from the options):
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

use std::path::Path;

use crate::dtype::SourceType;
use crate::{FormatError, RawFields, ReadOptions};

/// Longest second axis of a four-axis array that is taken for channels: grey to RGBA.
const CHANNELS_AT_MOST: u64 = 4;

/// Meaning of an array's axes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) channels: usize,
    pub(crate) points: Vec<usize>,
    /// The guess that was made, in words, if one was.
    pub(crate) note: Option<String>,
}

impl Layout {
    /// Decides by the table above.
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
        // axes before those of space, and whether the last of them is the channel axis
        let (lead, with_channels) = match (options.dim, options.channels) {
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
        let channels = if with_channels { shape[lead - 1] as usize } else { 1 };
        if let Some(asked) = options.channels.filter(|&c| c != channels) {
            return refuse(format!("channels = {asked} asked for, {channels} found"));
        }
        let points: Vec<usize> = shape[lead..].iter().map(|&n| n as usize).collect();
        if !(1..=3).contains(&points.len()) {
            return refuse(format!("fields have 1 to 3 axes, not {}", points.len()));
        }
        let guessed = options.dim.is_none() && options.channels.is_none();
        let note = guessed.then(|| {
            format!(
                "the shape {shape:?} is read as {} fields of {channels} channel(s) on {points:?} \
                 points; dim or channels say otherwise",
                if lead == 0 { 1 } else { shape[0] }
            )
        });
        Ok(Self { channels, points, note })
    }

    /// The values with their meaning.
    pub(crate) fn fields(
        self,
        path: &Path,
        values: Vec<f32>,
        dtype: SourceType,
    ) -> Result<RawFields, FormatError> {
        let mut fields = RawFields::array(path, self.points, self.channels, values, dtype)?;
        fields.notes.splice(0..0, self.note);
        Ok(fields)
    }
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
    fn empty_axes_are_no_fields() {
        for shape in [[0, 5, 5], [5, 0, 5], [5, 5, 0]] {
            let error = Layout::of(Path::new("a"), &shape, &ReadOptions::default());
            assert!(matches!(error, Err(FormatError::Empty { .. })));
        }
    }
}
