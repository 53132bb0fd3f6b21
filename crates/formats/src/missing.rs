//! Missing values: which stored numbers are none, and what is done about them.
//!
//! One rule for all readers. A number that a file marks as missing is missing: `_FillValue` and
//! `missing_value`, numbers outside `valid_range`, `valid_min` or `valid_max`, the library's own fill
//! of a NetCDF variable that was not written, the fill value of a Zarr array where xarray wrote it,
//! GDAL's nodata; and NaN, which is no number in any file. Readers turn such a number into NaN, and
//! [`Missing`] decides what becomes of it. Infinities are not missing but wrong, and always refused.
//! Source: the NetCDF Users Guide, "Attribute Conventions"; CF conventions 2.5.1.

use std::path::Path;

use half::{bf16, f16};

use crate::{FormatError, SourceType};

/// Bounds of a whole number in another unit are rounded to it within this part of a step.
const ROUNDING: f64 = 1e-6;

/// What becomes of missing values.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Missing {
    /// They are refused, with their number and the place of the first.
    #[default]
    Refused,
    /// They are handed on as NaN, and counted in a note where all values are read.
    Kept,
    /// This value stands in for them, in the file's units, and their number is noted.
    Filled(f32),
}

impl Missing {
    /// Puts the stand-in where values, which are less by `offset`, are missing.
    pub(crate) fn fill(self, values: &mut [f32], offset: f64) {
        if let Self::Filled(value) = self {
            let value = (f64::from(value) - offset) as f32;
            values.iter_mut().filter(|v| v.is_nan()).for_each(|v| *v = value);
        }
    }
}

/// Which stored numbers of an array are marked as missing.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Marks {
    /// Numbers that stand for "missing".
    values: Vec<f64>,
    low: Option<f64>,
    high: Option<f64>,
    /// What marks them, for a note.
    said: Vec<String>,
}

impl Marks {
    /// Marks a number, as far as numbers of this type can be it.
    pub(crate) fn value(&mut self, name: &str, value: f64, dtype: SourceType) {
        let value = nearest(value, dtype);
        // NaN is missing without being marked
        if value.is_nan() || self.values.contains(&value) {
            return;
        }
        self.values.push(value);
        self.said.push(format!("{name} = {}", shown(value, dtype)));
    }

    /// Marks numbers below `low` and above `high`, in the unit in which they are stored.
    pub(crate) fn range(&mut self, low: Option<f64>, high: Option<f64>, dtype: SourceType) {
        let bound = |v: f64| {
            let v = nearest(v, dtype);
            let whole = (v - v.round()).abs() <= ROUNDING && is_whole(dtype);
            if whole { v.round() } else { v }
        };
        let finite = |v: &f64| v.is_finite();
        for (name, new, old) in
            [("valid_min", low, &mut self.low), ("valid_max", high, &mut self.high)]
        {
            if let Some(v) = new.filter(finite).map(bound) {
                *old = Some(v);
                self.said.push(format!("{name} = {}", shown(v, dtype)));
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty() && self.low.is_none() && self.high.is_none()
    }

    /// Whether a stored number is missing.
    pub(crate) fn contain(&self, stored: f64) -> bool {
        stored.is_nan()
            || self.low.is_some_and(|low| stored < low)
            || self.high.is_some_and(|high| stored > high)
            || self.values.contains(&stored)
    }

    /// What marks values as missing, in words.
    pub(crate) fn said(&self) -> String {
        self.said.join(", ")
    }
}

/// A number as numbers of a type are: singles have no -9999.9.
fn nearest(value: f64, dtype: SourceType) -> f64 {
    match dtype {
        SourceType::F32 => f64::from(value as f32),
        SourceType::F16 => f16::from_f64(value).to_f64(),
        SourceType::Bf16 => bf16::from_f64(value).to_f64(),
        _ => value,
    }
}

/// A number as its type prints it.
fn shown(value: f64, dtype: SourceType) -> String {
    match dtype {
        SourceType::F32 | SourceType::F16 | SourceType::Bf16 => (value as f32).to_string(),
        _ => value.to_string(),
    }
}

fn is_whole(dtype: SourceType) -> bool {
    !matches!(dtype, SourceType::F16 | SourceType::Bf16 | SourceType::F32 | SourceType::F64)
}

/// Refuses infinities in `values`; `place` says where value `i` stands: its flat index among all.
pub(crate) fn finite(
    path: &Path,
    values: &[f32],
    place: impl Fn(usize) -> usize,
) -> Result<(), FormatError> {
    match values.iter().position(|v| v.is_infinite()) {
        None => Ok(()),
        Some(i) => {
            let (index, value) = (place(i), f64::from(values[i]));
            Err(FormatError::NonFinite { path: path.into(), index, value })
        }
    }
}

/// The refusal of missing values, if there are some: `values` are all of the fields, or a part
/// whose value `i` has flat index `place(i)`.
pub(crate) fn refusal(
    path: &Path,
    values: &[f32],
    (channels, points): (usize, &[usize]),
    whole: bool,
    place: impl Fn(usize) -> usize,
) -> Result<(), FormatError> {
    let Some(first) = values.iter().position(|v| v.is_nan()) else { return Ok(()) };
    let count = values.iter().filter(|v| v.is_nan()).count();
    let index = place(first);
    let (mut rest, mut point) = (index, vec![0; points.len()]);
    for axis in (0..points.len()).rev() {
        point[axis] = rest % points[axis];
        rest /= points[axis];
    }
    Err(FormatError::Missing {
        path: path.into(),
        count,
        of: values.len(),
        whole,
        index,
        sample: rest / channels,
        channel: rest % channels,
        point,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marked_numbers_are_missing_as_their_type_has_them() {
        let mut marks = Marks::default();
        marks.value("_FillValue", -9999.9, SourceType::F32);
        marks.value("missing_value", f64::NAN, SourceType::F32);
        assert!(marks.contain(f64::from(-9999.9f32)) && marks.contain(f64::NAN));
        assert!(!marks.contain(-9999.9) && !marks.contain(0.0));
        assert_eq!(marks.said(), "_FillValue = -9999.9");
        let mut whole = Marks::default();
        // a bound in another unit, unpacked with rounding
        whole.range(Some(9.999_999_999), Some(20.0), SourceType::I16);
        assert!(!whole.contain(10.0) && !whole.contain(20.0));
        assert!(whole.contain(9.0) && whole.contain(21.0));
    }

    #[test]
    fn a_refusal_counts_and_tells_the_first_place() {
        let values = [0.0, 1.0, f32::NAN, 3.0, f32::NAN, 5.0, 6.0, 7.0];
        let error = refusal(Path::new("a"), &values, (2, &[2]), true, |i| i).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("2 of 8 values"), "{text}");
        assert!(text.contains("sample 0, channel 1, point [0]"), "{text}");
        assert!(refusal(Path::new("a"), &values[..2], (1, &[2]), true, |i| i).is_ok());
    }
}
