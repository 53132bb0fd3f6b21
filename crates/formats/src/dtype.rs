//! Number types of files, and their conversion to `f32`.

use std::fmt;

use half::{bf16, f16};

/// The number type stored in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SourceType {
    /// One byte, zero or not; read as 0 or 1.
    Bool,
    /// Unsigned, 8 bits.
    U8,
    /// Signed, 8 bits.
    I8,
    /// Unsigned, 16 bits.
    U16,
    /// Signed, 16 bits.
    I16,
    /// Unsigned, 32 bits; exact as `f32` up to 2²⁴.
    U32,
    /// Signed, 32 bits; exact as `f32` up to ±2²⁴.
    I32,
    /// Unsigned, 64 bits; exact as `f32` up to 2²⁴.
    U64,
    /// Signed, 64 bits; exact as `f32` up to ±2²⁴.
    I64,
    /// IEEE half precision; exact as `f32`.
    F16,
    /// The upper half of an IEEE single; exact as `f32`.
    Bf16,
    /// IEEE single precision.
    F32,
    /// IEEE double precision; rounded to the nearest `f32`.
    F64,
}

impl fmt::Display for SourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SourceType::Bool => "bool",
            SourceType::U8 => "u8",
            SourceType::I8 => "i8",
            SourceType::U16 => "u16",
            SourceType::I16 => "i16",
            SourceType::U32 => "u32",
            SourceType::I32 => "i32",
            SourceType::U64 => "u64",
            SourceType::I64 => "i64",
            SourceType::F16 => "f16",
            SourceType::Bf16 => "bf16",
            SourceType::F32 => "f32",
            SourceType::F64 => "f64",
        })
    }
}

/// Order of the bytes of one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endian {
    Little,
    Big,
}

impl SourceType {
    /// Bytes of one number.
    pub(crate) fn size(self) -> usize {
        match self {
            SourceType::Bool | SourceType::U8 | SourceType::I8 => 1,
            SourceType::U16 | SourceType::I16 | SourceType::F16 | SourceType::Bf16 => 2,
            SourceType::U32 | SourceType::I32 | SourceType::F32 => 4,
            SourceType::U64 | SourceType::I64 | SourceType::F64 => 8,
        }
    }

    /// The type with a name that users write: names of this crate, or of NumPy.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "bool" => SourceType::Bool,
            "u8" | "uint8" => SourceType::U8,
            "i8" | "int8" => SourceType::I8,
            "u16" | "uint16" => SourceType::U16,
            "i16" | "int16" => SourceType::I16,
            "u32" | "uint32" => SourceType::U32,
            "i32" | "int32" => SourceType::I32,
            "u64" | "uint64" => SourceType::U64,
            "i64" | "int64" => SourceType::I64,
            "f16" | "float16" => SourceType::F16,
            "bf16" | "bfloat16" => SourceType::Bf16,
            "f32" | "float32" => SourceType::F32,
            "f64" | "float64" => SourceType::F64,
            _ => return None,
        })
    }

    /// Whether integers of this type may be rounded as `f32`.
    pub(crate) fn is_wide_integer(self) -> bool {
        matches!(self, SourceType::U32 | SourceType::I32 | SourceType::U64 | SourceType::I64)
    }

    /// The numbers in `bytes` in double precision. Integers beyond 2⁵³ are rounded.
    pub(crate) fn decode_wide(self, bytes: &[u8], endian: Endian) -> Vec<f64> {
        macro_rules! numbers {
            ($t:ty) => {{
                let (numbers, _) = bytes.as_chunks();
                let read = |&b: &_| match endian {
                    Endian::Little => <$t>::from_le_bytes(b) as f64,
                    Endian::Big => <$t>::from_be_bytes(b) as f64,
                };
                numbers.iter().map(read).collect()
            }};
        }
        match self {
            SourceType::U32 => numbers!(u32),
            SourceType::I32 => numbers!(i32),
            SourceType::U64 => numbers!(u64),
            SourceType::I64 => numbers!(i64),
            SourceType::F64 => numbers!(f64),
            _ => {
                let mut values = Vec::new();
                self.decode(bytes, endian, &mut values);
                values.into_iter().map(f64::from).collect()
            }
        }
    }

    /// The single unsigned integer of 4 or 8 bytes in `bytes`, exactly.
    pub(crate) fn length(bytes: &[u8], endian: Endian) -> u64 {
        let add = |n: u64, b: &u8| n << 8 | u64::from(*b);
        match endian {
            Endian::Big => bytes.iter().fold(0, add),
            Endian::Little => bytes.iter().rev().fold(0, add),
        }
    }

    /// Appends the numbers in `bytes` to `values`. `bytes` must hold a whole number of them.
    pub(crate) fn decode(self, bytes: &[u8], endian: Endian, values: &mut Vec<f32>) {
        macro_rules! numbers {
            ($t:ty) => {
                numbers!($t, |v| v as f32)
            };
            ($t:ty, $widen:expr) => {{
                let (numbers, rest) = bytes.as_chunks();
                debug_assert!(rest.is_empty());
                let widen: fn($t) -> f32 = $widen;
                match endian {
                    Endian::Little => {
                        values.extend(numbers.iter().map(|&b| widen(<$t>::from_le_bytes(b))))
                    }
                    Endian::Big => {
                        values.extend(numbers.iter().map(|&b| widen(<$t>::from_be_bytes(b))))
                    }
                }
            }};
        }
        match self {
            SourceType::Bool => values.extend(bytes.iter().map(|&b| f32::from(b != 0))),
            SourceType::U8 => numbers!(u8),
            SourceType::I8 => numbers!(i8),
            SourceType::U16 => numbers!(u16),
            SourceType::I16 => numbers!(i16),
            SourceType::U32 => numbers!(u32),
            SourceType::I32 => numbers!(i32),
            SourceType::U64 => numbers!(u64),
            SourceType::I64 => numbers!(i64),
            SourceType::F16 => numbers!(f16, f16::to_f32),
            SourceType::Bf16 => numbers!(bf16, bf16::to_f32),
            SourceType::F32 => numbers!(f32),
            SourceType::F64 => numbers!(f64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_byte_orders_give_the_same_numbers() {
        let decode = |dtype: SourceType, bytes: &[u8], endian| {
            let mut values = Vec::new();
            dtype.decode(bytes, endian, &mut values);
            values
        };
        let cases: [(SourceType, Vec<u8>, f32); 10] = [
            // sign, 5 bits of exponent, 10 of mantissa: −1.5 · 2⁻¹
            (SourceType::F16, (1u16 << 15 | 14 << 10 | 1 << 9).to_le_bytes().into(), -0.75),
            // sign, 8 bits of exponent, 7 of mantissa: 1.25 · 2³
            (SourceType::Bf16, (130u16 << 7 | 1 << 5).to_le_bytes().into(), 10.0),
            (SourceType::U16, 40_000u16.to_le_bytes().into(), 40_000.0),
            (SourceType::I16, (-2i16).to_le_bytes().into(), -2.0),
            (SourceType::U32, 70_000u32.to_le_bytes().into(), 70_000.0),
            (SourceType::I32, (-70_000i32).to_le_bytes().into(), -70_000.0),
            (SourceType::U64, (1u64 << 40).to_le_bytes().into(), 1_099_511_627_776.0),
            (SourceType::I64, (-3i64).to_le_bytes().into(), -3.0),
            (SourceType::F32, 0.1f32.to_le_bytes().into(), 0.1),
            (SourceType::F64, 0.1f64.to_le_bytes().into(), 0.1),
        ];
        for (dtype, mut bytes, value) in cases {
            assert_eq!(bytes.len(), dtype.size());
            assert_eq!(decode(dtype, &bytes, Endian::Little), [value], "{dtype}");
            bytes.reverse();
            assert_eq!(decode(dtype, &bytes, Endian::Big), [value], "{dtype}");
        }
        assert_eq!(decode(SourceType::I8, &[0xff, 0x80], Endian::Big), [-1.0, -128.0]);
        assert_eq!(decode(SourceType::Bool, &[0, 1, 7], Endian::Little), [0.0, 1.0, 1.0]);
    }
}
