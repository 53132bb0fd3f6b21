//! What a caller may decide about reading.

use std::path::Path;

use crate::{FormatError, Missing};

/// Memory the values read may take unless said otherwise: 8 GiB.
const DEFAULT_LIMIT: u64 = 8 << 30;

/// How to read a file whose axes do not say what they are, and how much of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadOptions {
    /// Channels of each field. An array's second axis is then the channel axis if it has this
    /// length; pictures must have this many.
    pub channels: Option<usize>,
    /// Dimension of each field, 1 to 3. For arrays it decides which axes are points; a folder of
    /// pictures or a TIFF of many pages becomes one volume with 3.
    pub dim: Option<usize>,
    /// Largest number of bytes that the values, as `f32`, may take. Decoding needs at most as
    /// much again for a moment (a folder being gathered, an array in Fortran order; an HDF5 dataset
    /// or a VTI of doubles twice as much, a VTI of text its file), and pictures some fixed room for
    /// their decoder.
    pub limit_bytes: u64,
    /// What becomes of missing values.
    pub missing: Missing,
    /// Whether an array's last axis is that of channels, as in `(N, X, Y, C)`. Pictures and VTI say
    /// themselves what their channels are.
    pub channels_last: bool,
    /// Subtracted from every value in double precision, before it is rounded to single: values that
    /// differ little from a large number keep their digits.
    pub offset: f64,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl ReadOptions {
    /// What [`Default`] gives: 8 GiB, missing values refused, axes as their number suggests.
    pub const DEFAULT: Self = Self {
        channels: None,
        dim: None,
        limit_bytes: DEFAULT_LIMIT,
        missing: Missing::Refused,
        channels_last: false,
        offset: 0.0,
    };

    /// Number of values ∏ `factors` if they fit the limit as `f32`.
    pub(crate) fn admit(
        &self,
        path: &Path,
        factors: impl IntoIterator<Item = u64>,
    ) -> Result<usize, FormatError> {
        let values = factors.into_iter().fold(1u128, |n, f| n.saturating_mul(u128::from(f)));
        let bytes = values.saturating_mul(4);
        if bytes > u128::from(self.limit_bytes) || bytes > isize::MAX as u128 {
            return Err(FormatError::TooLarge {
                path: path.into(),
                bytes,
                limit: self.limit_bytes,
            });
        }
        Ok(values as usize)
    }

    /// Refuses options that no reader could follow.
    pub(crate) fn check(&self) -> Result<(), FormatError> {
        let refuse = |parameter, value: usize, requirement: &str| {
            Err(FormatError::Parameter {
                parameter,
                value: value.to_string(),
                requirement: requirement.into(),
            })
        };
        match (self.dim, self.channels) {
            (Some(d), _) if !(1..=3).contains(&d) => refuse("dim", d, "fields have 1 to 3 axes"),
            _ if matches!(self.missing, Missing::Filled(v) if !v.is_finite()) => {
                refuse("missing", 0, "the value put in must be finite")
            }
            (_, Some(0)) => refuse("channels", 0, "fields have at least one channel"),
            _ => Ok(()),
        }
    }
}
