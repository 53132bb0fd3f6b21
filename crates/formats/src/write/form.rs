//! The shape, number and units of fields, which writers need before the first field is made.

use crate::Units;

/// Shape of fields that are written.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    /// Points per axis, slowest first.
    pub points: Vec<usize>,
    /// Channels C of each field.
    pub channels: usize,
    /// Number of fields n.
    pub count: usize,
    /// Spacing of the points, and units.
    pub units: Units,
}

impl Form {
    /// Points of one channel.
    pub(crate) fn plane(&self) -> usize {
        self.points.iter().product()
    }

    /// Values of one field.
    pub(crate) fn field_len(&self) -> usize {
        self.channels * self.plane()
    }

    /// Values of all fields; `usize::MAX` where they are more.
    pub(crate) fn len(&self) -> usize {
        self.count.saturating_mul(self.field_len())
    }

    /// `(N, axes…)` for one channel, else `(N, C, axes…)`.
    pub(crate) fn shape(&self) -> Vec<usize> {
        let channels = (self.channels > 1).then_some(self.channels);
        [self.count].into_iter().chain(channels).chain(self.points.iter().copied()).collect()
    }
}
