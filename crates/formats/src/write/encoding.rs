//! How values become numbers of a file: floats as they are, 16-bit whole numbers over a range.

use std::io::Write;
use std::path::Path;

use crate::digits::Range;
use crate::write::options::{Precision, WriteOptions};
use crate::{FieldsRef, FormatError, SourceType};

/// The largest 16-bit number.
const MOST: f64 = 65535.0;

/// The numbers of a file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Encoding {
    F32,
    F64,
    /// Whole numbers from 0 to 255 as they are.
    U8,
    /// 0 at `low`, 65535 at `high`.
    U16 {
        low: f64,
        high: f64,
    },
}

/// Whether the values of a channel differ so little from a large number that single precision would lose
/// what they differ by; `ranges` are those of the channels.
pub(crate) fn lost(ranges: &[Range]) -> bool {
    ranges.iter().any(|range| range.offset(SourceType::F64).is_some() && range.varies())
}

/// The range of each channel.
pub(crate) fn ranges(fields: FieldsRef<'_>) -> Vec<Range> {
    let plane = fields.field_len() / fields.channels();
    let mut ranges = vec![Range::new(); fields.channels()];
    for index in 0..fields.len() {
        ranges[index / plane % fields.channels()].take(fields.value(index));
    }
    ranges
}

impl Encoding {
    /// What the options ask for; the range of all values unless they say one.
    pub(crate) fn of(
        path: &Path,
        fields: FieldsRef<'_>,
        options: &WriteOptions,
    ) -> Result<Self, FormatError> {
        match (options.precision, options.range) {
            (Precision::F32, _) if lost(&ranges(fields)) => return Ok(Encoding::F64),
            (Precision::U16, None) => {}
            (precision, range) => return Self::known(precision, range),
        }
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for index in 0..fields.len() {
            let value = fields.value(index);
            if !value.is_finite() {
                return Err(FormatError::NonFinite { path: path.into(), index, value });
            }
            (low, high) = (low.min(value), high.max(value));
        }
        Ok(Encoding::U16 { low, high })
    }

    /// The numbers of a precision as far as they are known before there are values.
    pub(crate) fn known(
        precision: Precision,
        range: Option<(f64, f64)>,
    ) -> Result<Self, FormatError> {
        let refused = |value: String, requirement: &str| {
            Err(FormatError::Parameter {
                parameter: "range",
                value,
                requirement: requirement.into(),
            })
        };
        match (precision, range) {
            (Precision::F32, _) => Ok(Encoding::F32),
            (Precision::F64, _) => Ok(Encoding::F64),
            (Precision::U8, _) => Ok(Encoding::U8),
            (Precision::U16, Some((low, high)))
                if low.is_finite() && high.is_finite() && low < high =>
            {
                Ok(Encoding::U16 { low, high })
            }
            (Precision::U16, Some(range)) => {
                refused(format!("{range:?}"), "two finite numbers, low < high")
            }
            (Precision::U16, None) => {
                refused("none".into(), "16-bit numbers of fields that are still to come need one")
            }
        }
    }

    /// A value as one byte.
    fn byte(value: f64) -> Result<u8, FormatError> {
        match (0.0..=255.0).contains(&value) && value.fract() == 0.0 {
            true => Ok(value as u8),
            false => Err(FormatError::Parameter {
                parameter: "value",
                value: value.to_string(),
                requirement: "bytes hold whole numbers from 0 to 255".into(),
            }),
        }
    }

    /// Values written as 0 and as 65535.
    pub(crate) fn range(self) -> Option<(f64, f64)> {
        match self {
            Encoding::U16 { low, high } => Some((low, high)),
            Encoding::F32 | Encoding::F64 | Encoding::U8 => None,
        }
    }

    /// Bytes of a number.
    pub(crate) fn size(self) -> usize {
        match self {
            Encoding::F32 => 4,
            Encoding::F64 => 8,
            Encoding::U8 => 1,
            Encoding::U16 { .. } => 2,
        }
    }

    /// Its name in NPY.
    pub(crate) fn descr(self) -> &'static str {
        match self {
            Encoding::F32 => "<f4",
            Encoding::F64 => "<f8",
            Encoding::U8 => "|u1",
            Encoding::U16 { .. } => "<u2",
        }
    }

    /// Its name in VTK's files.
    pub(crate) fn vtk(self) -> &'static str {
        match self {
            Encoding::F32 => "Float32",
            Encoding::F64 => "Float64",
            Encoding::U8 => "UInt8",
            Encoding::U16 { .. } => "UInt16",
        }
    }

    /// Its name in DREAM.3D's files.
    pub(crate) fn simpl(self) -> &'static str {
        match self {
            Encoding::F32 => "float",
            Encoding::F64 => "double",
            Encoding::U8 => "uint8_t",
            Encoding::U16 { .. } => "uint16_t",
        }
    }

    /// Its name in a raw file's sidecar.
    pub(crate) fn raw(self) -> &'static str {
        match self {
            Encoding::F32 => "f32",
            Encoding::F64 => "f64",
            Encoding::U8 => "u8",
            Encoding::U16 { .. } => "u16",
        }
    }

    /// Value `index` as a number that is finite in the file.
    pub(crate) fn finite(
        self,
        path: &Path,
        fields: FieldsRef<'_>,
        index: usize,
    ) -> Result<f64, FormatError> {
        let value = fields.value(index);
        let fits = match self {
            Encoding::F32 => (value as f32).is_finite(),
            Encoding::F64 | Encoding::U8 | Encoding::U16 { .. } => value.is_finite(),
        };
        match fits {
            true => Ok(value),
            false => Err(FormatError::NonFinite { path: path.into(), index, value }),
        }
    }

    /// A finite value as a 16-bit number, values beyond the range at its ends.
    pub(crate) fn grey(self, value: f64) -> u16 {
        match self {
            Encoding::U16 { low, high } if low < high => {
                // halves first: high - low may overflow
                let share = (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
                (share.clamp(0.0, 1.0) * MOST).round() as u16
            }
            _ => 0,
        }
    }

    /// Writes value `index`, little-endian.
    pub(crate) fn put(
        self,
        path: &Path,
        fields: FieldsRef<'_>,
        index: usize,
        to: &mut dyn Write,
    ) -> Result<(), FormatError> {
        let finite = || self.finite(path, fields, index);
        match self {
            Encoding::F32 => to.write_all(&(finite()? as f32).to_le_bytes()),
            Encoding::F64 => to.write_all(&finite()?.to_le_bytes()),
            Encoding::U8 => to.write_all(&[Self::byte(fields.value(index))?]),
            Encoding::U16 { .. } => to.write_all(&self.grey(finite()?).to_le_bytes()),
        }
        .map_err(|source| FormatError::Write { path: path.into(), source })
    }
}
