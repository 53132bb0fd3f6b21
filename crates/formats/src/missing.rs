//! Missing values: which stored numbers are missing, and how they are treated.
//!
//! All readers follow one rule. These values are missing:
//!
//! - numbers that a file marks with `_FillValue` or `missing_value`,
//! - numbers outside `valid_range`, `valid_min` or `valid_max`,
//! - the NetCDF library's default fill in a variable that was not written,
//! - the fill value of a Zarr array written by xarray,
//! - GDAL's nodata value,
//! - NaN in any file.
//!
//! Readers turn missing numbers into NaN, and [`Missing`] decides how NaN is treated. Infinities
//! are not missing but invalid, and are always refused. Source: the NetCDF Users Guide, "Attribute
//! Conventions"; CF conventions 2.5.1.

use std::path::Path;

use half::{bf16, f16};

use crate::{FormatError, SourceType};

/// Bounds given in another unit are rounded to an integer if they are this close to it.
const ROUNDING: f64 = 1e-6;

/// The treatment of missing values.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Missing {
    /// They are refused. The error has their number and the place of the first.
    #[default]
    Refused,
    /// They are kept as NaN. If all values are read, a note tells their number.
    Kept,
    /// They are replaced by this value, in the file's units. A note tells their number.
    Filled(f32),
}

impl Missing {
    /// Replaces missing values. All values have `offset` subtracted.
    pub(crate) fn fill(self, values: &mut [f32], offset: f64) {
        if let Self::Filled(value) = self {
            let value = (f64::from(value) - offset) as f32;
            values.iter_mut().filter(|v| v.is_nan()).for_each(|v| *v = value);
        }
    }
}

/// The marks of missing values among an array's stored numbers.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Marks {
    /// Stored numbers that mean "missing".
    values: Vec<f64>,
    low: Option<f64>,
    high: Option<f64>,
    /// Names of the marks, for a note.
    said: Vec<String>,
}

impl Marks {
    /// Marks a number, rounded to the stored type.
    pub(crate) fn value(&mut self, name: &str, value: f64, dtype: SourceType) {
        let value = nearest(value, dtype);
        // NaN needs no mark
        if value.is_nan() || self.values.contains(&value) {
            return;
        }
        self.values.push(value);
        self.said.push(format!("{name} = {}", shown(value, dtype)));
    }

    /// Marks numbers below `low` and above `high`, in the unit of the stored numbers.
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

    /// The names of the marks.
    pub(crate) fn said(&self) -> String {
        self.said.join(", ")
    }
}

/// A number rounded to a type: -9999.9 is not exact in single precision.
fn nearest(value: f64, dtype: SourceType) -> f64 {
    match dtype {
        SourceType::F32 => f64::from(value as f32),
        SourceType::F16 => f16::from_f64(value).to_f64(),
        SourceType::Bf16 => bf16::from_f64(value).to_f64(),
        _ => value,
    }
}

/// A number printed in its type.
fn shown(value: f64, dtype: SourceType) -> String {
    match dtype {
        SourceType::F32 | SourceType::F16 | SourceType::Bf16 => (value as f32).to_string(),
        _ => value.to_string(),
    }
}

fn is_whole(dtype: SourceType) -> bool {
    !matches!(dtype, SourceType::F16 | SourceType::Bf16 | SourceType::F32 | SourceType::F64)
}

/// Refuses infinities in `values`. `place` gives the flat index of value `i` among all values.
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

/// The error for missing values, if there are any. `values` are all values of the fields, or a part
/// in which value `i` has flat index `place(i)`.
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
        // a bound in another unit, with the rounding error of its conversion
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
