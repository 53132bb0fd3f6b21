//! Offsets for values that single precision cannot resolve, such as a pressure of 101325 Pa that
//! varies by 0.02 Pa.
//!
//! Values are kept in single precision. If they vary little around a large number, that number is
//! first subtracted in double precision. The values then keep their digits.

use crate::SourceType;

/// Smallest range of values in steps of single precision; with a smaller range digits are lost. At
/// this range rounding adds noise of less than a thousandth of the range.
const STEPS: f64 = 1024.0;

/// Smallest and largest of the values that are not missing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    low: f64,
    high: f64,
}

impl Range {
    /// A range without values.
    pub(crate) fn new() -> Self {
        Self { low: f64::INFINITY, high: f64::NEG_INFINITY }
    }

    /// Between these.
    pub(crate) fn of(low: f64, high: f64) -> Self {
        Self { low, high }
    }

    /// Smallest and largest.
    pub(crate) fn bounds(self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// Adds values.
    pub(crate) fn extend(&mut self, values: &[f32]) {
        values.iter().for_each(|value| self.take(f64::from(*value)));
    }

    /// Adds one value.
    pub(crate) fn take(&mut self, value: f64) {
        if value.is_finite() {
            self.low = self.low.min(value);
            self.high = self.high.max(value);
        }
    }

    /// Whether there are two different values.
    pub(crate) fn varies(self) -> bool {
        self.low < self.high
    }

    /// The number to subtract from values of this type before rounding; none if single precision
    /// resolves them.
    pub(crate) fn offset(self, dtype: SourceType) -> Option<f64> {
        let fine = dtype == SourceType::F64 || dtype.is_wide_integer();
        let Self { low, high } = self;
        let step = low.abs().max(high.abs()) * f64::from(f32::EPSILON);
        let lost = fine && low <= high && high - low < STEPS * step;
        lost.then_some(f64::from((low / 2.0 + high / 2.0) as f32)).filter(|offset| *offset != 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_values_that_lose_digits_have_an_offset() {
        let offset = |values: &[f32], dtype| {
            let mut range = Range::new();
            range.extend(values);
            range.offset(dtype)
        };
        assert_eq!(offset(&[101_325.0, 101_325.01], SourceType::F64), Some(101_325.0));
        assert_eq!(offset(&[101_325.0, f32::NAN], SourceType::I64), Some(101_325.0));
        // in the file these values have single precision, which has no more digits
        assert_eq!(offset(&[101_325.0, 101_325.01], SourceType::F32), None);
        for fine in [&[290.0, 300.0][..], &[-1.0, 1.0], &[0.0, 0.0], &[], &[0.0, 1e-30]] {
            assert_eq!(offset(fine, SourceType::F64), None, "{fine:?}");
        }
    }
}
