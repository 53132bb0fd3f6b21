//! Values that single precision cannot tell apart: a pressure of 101325 Pa that varies by 0.02 Pa.
//!
//! Values are kept in single precision. Where they differ so little from a large number that its last
//! digits are all that differs, the number is subtracted in double precision first.

use crate::SourceType;

/// Steps of single precision that values must span, or digits are lost. Rounding then adds noise of less
/// than a thousandth of the range.
const STEPS: f64 = 1024.0;

/// Smallest and largest of the values that are not missing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    low: f64,
    high: f64,
}

impl Range {
    /// None yet.
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

    /// Takes more values in.
    pub(crate) fn extend(&mut self, values: &[f32]) {
        values.iter().for_each(|value| self.take(f64::from(*value)));
    }

    /// Takes one more value in.
    pub(crate) fn take(&mut self, value: f64) {
        if value.is_finite() {
            self.low = self.low.min(value);
            self.high = self.high.max(value);
        }
    }

    /// Whether there are two values.
    pub(crate) fn varies(self) -> bool {
        self.low < self.high
    }

    /// The number to subtract from values of this type before they are rounded; none where single
    /// precision does.
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
        // single precision has no more digits than these
        assert_eq!(offset(&[101_325.0, 101_325.01], SourceType::F32), None);
        for fine in [&[290.0, 300.0][..], &[-1.0, 1.0], &[0.0, 0.0], &[], &[0.0, 1e-30]] {
            assert_eq!(offset(fine, SourceType::F64), None, "{fine:?}");
        }
    }
}
