//! The options of reading.

use std::path::Path;

use crate::{FormatError, Missing};

/// Default memory limit for the values read: 8 GiB.
const DEFAULT_LIMIT: u64 = 8 << 30;

/// The options for files whose axes have no stated meaning, and the limit on memory.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadOptions {
    /// Channels of each field. The second axis of an array holds the channels if it has this
    /// length; pictures must have this many channels.
    pub channels: Option<usize>,
    /// Dimension of each field, 1 to 3. It decides which axes of an array are spatial. With 3, a
    /// folder of pictures or a TIFF of many pages becomes one volume.
    pub dim: Option<usize>,
    /// Largest number of bytes that the values may take as `f32`. Decoding may temporarily need as
    /// much again (gathering a folder, or an array in Fortran order). An HDF5 dataset or a VTI of
    /// doubles needs twice as much, a VTI of text the size of its file. Pictures need some fixed
    /// memory for their decoder.
    pub limit_bytes: u64,
    /// The treatment of missing values.
    pub missing: Missing,
    /// Whether the last axis of an array holds the channels, as in `(N, X, Y, C)`. Pictures and VTI
    /// files state their channels themselves.
    pub channels_last: bool,
    /// Subtracted from every value in double precision, before rounding to single precision. Values
    /// that vary little around a large number then keep their digits.
    pub offset: f64,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl ReadOptions {
    /// The values of [`Default`]: 8 GiB, missing values refused, axes interpreted by their number.
    pub const DEFAULT: Self = Self {
        channels: None,
        dim: None,
        limit_bytes: DEFAULT_LIMIT,
        missing: Missing::Refused,
        channels_last: false,
        offset: 0.0,
    };

    /// The number of values ∏ `factors`, if they fit the limit as `f32`.
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

    /// Refuses options that no reader can follow.
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
