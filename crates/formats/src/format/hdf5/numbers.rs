//! The layout of numbers in HDF5: their class and the position of their bits.
//!
//! A datatype is more than a size. Instruments write 12 bits of 16, shifted to one end, and floats
//! may have any exponent and mantissa. Layouts of common types are decoded as such types. Other
//! layouts are decoded bit by bit. Source: the HDF5 file format specification 3.0, IV.A.2.d,
//! "Datatype".

use crate::SourceType;
use crate::dtype::Endian;

/// Largest number in bytes.
const BYTES_AT_MOST: usize = 16;
/// Largest nesting of enumerations and arrays.
const DEPTH_AT_MOST: usize = 8;

/// A number type, and the lengths of further axes if each element is an array.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Numbers {
    /// The type that holds all values of the stored type, or F64.
    pub(crate) dtype: SourceType,
    pub(crate) endian: Endian,
    /// Bytes of one number.
    pub(crate) size: usize,
    /// Axes of an element.
    pub(crate) axes: Vec<u64>,
    /// Position of the bits, if it is not that of `dtype`.
    bits: Option<Bits>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Bits {
    offset: u32,
    precision: u32,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Whole { signed: bool },
    Float(Float),
}

/// The parts of a floating-point number, in bits from the lowest.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Float {
    sign: u32,
    exponent: (u32, u32),
    mantissa: (u32, u32),
    bias: i64,
    /// Whether the first bit of the mantissa is implied and not stored.
    implied: bool,
}

impl Numbers {
    /// Parses a datatype message. The error names the type if it is no number.
    pub(crate) fn of(message: &[u8]) -> Result<Self, String> {
        Self::nested(message, 0)
    }

    fn nested(message: &[u8], depth: usize) -> Result<Self, String> {
        let short = || String::from("of a datatype that is cut short");
        let [head, flags @ ..] = *message.first_chunk::<4>().ok_or_else(short)?;
        let flags = u32::from(flags[0]) | u32::from(flags[1]) << 8;
        let size = number(message, 4, 4).ok_or_else(short)? as usize;
        let rest = &message[8..];
        if depth > DEPTH_AT_MOST {
            return Err("of a datatype within too many others".into());
        }
        let (class, version) = (head & 15, head >> 4);
        match class {
            // a bit field is read as an integer
            0 | 4 => {
                Self::whole(rest, flags, size, class == 0 && flags & 8 != 0).ok_or_else(short)?
            }
            1 => Self::float(rest, flags, size).ok_or_else(short)?,
            8 => Self::nested(rest, depth + 1),
            10 => {
                // from version 3 on there is no permutation of the axes
                let axes = usize::from(*rest.first().ok_or_else(short)?);
                let start = if version < 3 { 4 } else { 1 };
                let length = |axis| number(rest, start + 4 * axis, 4).ok_or_else(short);
                let lengths: Result<Vec<u64>, String> = (0..axes).map(length).collect();
                let base = start + 4 * axes * if version < 3 { 2 } else { 1 };
                let mut inner = Self::nested(rest.get(base..).ok_or_else(short)?, depth + 1)?;
                let mut lengths = lengths?;
                lengths.append(&mut inner.axes);
                Ok(Self { axes: lengths, ..inner })
            }
            2 => Err("that are times".into()),
            3 => Err("that are text".into()),
            5 => Err("that are opaque bytes".into()),
            6 => Err(compound(rest, version)),
            7 => Err("that are references to other objects".into()),
            9 => Err("that are lists of varying length".into()),
            other => Err(format!("of class {other}, which is not known here")),
        }
    }

    fn whole(rest: &[u8], flags: u32, size: usize, signed: bool) -> Option<Result<Self, String>> {
        let (offset, precision) = (number(rest, 0, 2)? as u32, number(rest, 2, 2)? as u32);
        Some(fits(size, offset, precision).map(|()| {
            use SourceType::*;
            let dtype = match (precision, signed) {
                (..=8, false) => U8,
                (..=8, true) => I8,
                (..=16, false) => U16,
                (..=16, true) => I16,
                (..=32, false) => U32,
                (..=32, true) => I32,
                (..=64, false) => U64,
                (..=64, true) => I64,
                _ => F64,
            };
            let kind = Kind::Whole { signed };
            let plain = dtype != F64 && precision as usize == 8 * dtype.size();
            let bits =
                (!(plain && size == dtype.size())).then_some(Bits { offset, precision, kind });
            Self { dtype, endian: order(flags), size, axes: vec![], bits }
        }))
    }

    fn float(rest: &[u8], flags: u32, size: usize) -> Option<Result<Self, String>> {
        let part = |at, bytes| number(rest, at, bytes).map(|n| n as u32);
        let (offset, precision) = (part(0, 2)?, part(2, 2)?);
        let float = Float {
            sign: flags >> 8 & 255,
            exponent: (part(4, 1)?, part(5, 1)?),
            mantissa: (part(6, 1)?, part(7, 1)?),
            bias: i64::from(part(8, 4)?),
            implied: flags >> 4 & 3 == 2,
        };
        if flags & 0x40 != 0 {
            return Some(Err("that are floats in the byte order of a VAX".into()));
        }
        Some(fits(size, offset, precision).and_then(|()| {
            let end = |(start, length): (u32, u32)| start.saturating_add(length);
            let bits = 8 * size as u32;
            let inside = float.sign < bits && end(float.exponent).max(end(float.mantissa)) <= bits;
            if !inside
                || !(1..=15).contains(&float.exponent.1)
                || !(1..=112).contains(&float.mantissa.1)
            {
                return Err("that are floats of an impossible layout".into());
            }
            let is = |exponent: u32, mantissa: u32| {
                let top = exponent + mantissa;
                float
                    == Float {
                        sign: top,
                        exponent: (mantissa, exponent),
                        mantissa: (0, mantissa),
                        bias: (1 << (exponent - 1)) - 1,
                        implied: true,
                    }
                    && bits == top + 1
                    && offset == 0
                    && precision == bits
            };
            use SourceType::*;
            let plain = [(F16, 5, 10), (Bf16, 8, 7), (F32, 8, 23), (F64, 11, 52)];
            let plain = plain.iter().find(|(_, e, m)| is(*e, *m)).map(|(dtype, ..)| *dtype);
            let narrow = float.exponent.1 <= 8 && float.mantissa.1 <= 23;
            Ok(Self {
                dtype: plain.unwrap_or(if narrow { F32 } else { F64 }),
                endian: order(flags),
                size,
                axes: vec![],
                bits: plain.is_none().then_some(Bits {
                    offset,
                    precision,
                    kind: Kind::Float(float),
                }),
            })
        }))
    }

    /// The same numbers with or without a sign, as an attribute declares.
    pub(crate) fn signed_as(mut self, dtype: SourceType) -> Self {
        use SourceType::*;
        if dtype != self.dtype
            && let Some(Bits { kind: Kind::Whole { signed }, .. }) = &mut self.bits
        {
            *signed = matches!(dtype, I8 | I16 | I32 | I64);
        }
        self.dtype = dtype;
        self
    }

    /// Bytes of one element.
    pub(crate) fn element_bytes(&self) -> u64 {
        self.axes.iter().fold(self.size as u64, |n, axis| n.saturating_mul(*axis))
    }

    /// Whether the bytes have the layout of [`Numbers::dtype`].
    pub(crate) fn is_plain(&self) -> bool {
        self.bits.is_none()
    }

    /// The numbers in `bytes`.
    pub(crate) fn decode(&self, bytes: &[u8]) -> Vec<f64> {
        let Some(bits) = self.bits else { return self.dtype.decode_wide(bytes, self.endian) };
        let one = |bytes: &[u8]| {
            let add = |n: u128, b: &u8| n << 8 | u128::from(*b);
            bits.value(match self.endian {
                Endian::Big => bytes.iter().fold(0, add),
                Endian::Little => bytes.iter().rev().fold(0, add),
            })
        };
        bytes.chunks_exact(self.size).map(one).collect()
    }
}

impl Bits {
    fn value(self, stored: u128) -> f64 {
        match self.kind {
            Kind::Float(float) => float.value(stored),
            Kind::Whole { signed } => {
                // move the number's bits to the upper end, then shift down with or without sign
                // extension
                let beyond = 128 - self.precision;
                let upper = (stored >> self.offset) << beyond;
                if signed { (upper as i128 >> beyond) as f64 } else { (upper >> beyond) as f64 }
            }
        }
    }
}

impl Float {
    fn value(self, stored: u128) -> f64 {
        let part = |(start, length): (u32, u32)| stored >> start & ((1 << length) - 1);
        let (exponent, mantissa) = (part(self.exponent) as i64, part(self.mantissa));
        let sign = if stored >> self.sign & 1 == 1 { -1.0 } else { 1.0 };
        let digits = self.mantissa.1 as i32;
        if exponent == (1 << self.exponent.1) - 1 {
            // if the first bit is stored, it is also set in an infinity
            let rest = if self.implied { mantissa } else { mantissa & ((1 << (digits - 1)) - 1) };
            return if rest == 0 { sign * f64::INFINITY } else { f64::NAN };
        }
        let power = exponent.max(1) - self.bias;
        let (digits, first) = match self.implied {
            true if exponent > 0 => (digits, 1u128 << digits),
            true => (digits, 0),
            false => (digits - 1, 0),
        };
        // in two steps, because the power of two may overflow even if the product does not
        let power = power.clamp(-20_000, 20_000) as i32 - digits;
        let half = power / 2;
        sign * ((first + mantissa) as f64) * 2f64.powi(half) * 2f64.powi(power - half)
    }
}

fn fits(size: usize, offset: u32, precision: u32) -> Result<(), String> {
    if size == 0 || size > BYTES_AT_MOST {
        return Err(format!("that are numbers of {size} bytes; 1 to {BYTES_AT_MOST} are read"));
    }
    let end = offset.saturating_add(precision);
    match precision == 0 || end > 8 * size as u32 {
        true => {
            Err(format!("of {precision} bits from bit {offset} of {size} bytes, which cannot be"))
        }
        false => Ok(()),
    }
}

fn order(flags: u32) -> Endian {
    if flags & 1 == 0 { Endian::Little } else { Endian::Big }
}

/// A little-endian number of 1 to 8 bytes.
fn number(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    Some(SourceType::length(bytes.get(at..at.checked_add(length)?)?, Endian::Little))
}

/// Describes a compound type for a message. A type whose first part is named like a real part is a
/// complex number.
fn compound(rest: &[u8], version: u8) -> String {
    let name = |bytes: &[u8]| {
        let end = bytes.iter().take(64).position(|b| *b == 0)?;
        Some(String::from_utf8_lossy(&bytes[..end]).into_owned())
    };
    match name(rest).as_deref() {
        Some("r" | "real" | "Re" | "re") => {
            "that are complex; store real and imaginary parts as datasets of their own".into()
        }
        Some(first) if version > 0 => {
            format!("that are records (the first part is {first:?}); store the parts as datasets")
        }
        _ => "that are records; store their parts as datasets".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A datatype message: class, flags, size, properties.
    fn message(class: u8, flags: u32, size: u32, rest: &[u8]) -> Vec<u8> {
        let flags = flags.to_le_bytes();
        [&[class | 0x10, flags[0], flags[1], flags[2]], &size.to_le_bytes()[..], rest].concat()
    }

    #[test]
    fn bits_of_a_whole_number_are_found_where_they_stand() {
        // 12 signed bits from bit 4 of 2 bytes, big-endian
        let odd = Numbers::of(&message(0, 8 | 1, 2, &[4, 0, 12, 0])).unwrap();
        assert_eq!((odd.dtype, odd.is_plain()), (SourceType::I16, false));
        let stored = [(-5i16 << 4) | 3, (7 << 4) | 15].map(i16::to_be_bytes).concat();
        assert_eq!(odd.decode(&stored), [-5.0, 7.0]);
        let plain = Numbers::of(&message(0, 0, 2, &[0, 0, 16, 0])).unwrap();
        assert_eq!((plain.dtype, plain.is_plain()), (SourceType::U16, true));
        // three bytes without a sign
        let three = Numbers::of(&message(0, 0, 3, &[0, 0, 24, 0])).unwrap();
        assert_eq!(three.decode(&[1, 2, 3, 255, 255, 255]), [197_121.0, 16_777_215.0]);
    }

    #[test]
    fn floats_of_any_layout_have_their_value() {
        let float = |sign: u8, parts: [u8; 4], bias: u32, norm: u32, size: u32| {
            let precision = (8 * size as u16).to_le_bytes();
            let rest = [&[0, 0], &precision[..], &parts, &bias.to_le_bytes()].concat();
            Numbers::of(&message(1, norm << 4 | u32::from(sign) << 8, size, &rest)).unwrap()
        };
        assert_eq!(float(15, [10, 5, 0, 10], 15, 2, 2).dtype, SourceType::F16);
        assert_eq!(float(15, [7, 8, 0, 7], 127, 2, 2).dtype, SourceType::Bf16);
        assert_eq!(float(31, [23, 8, 0, 23], 127, 2, 4).dtype, SourceType::F32);
        // E5M2 with eight bits: 1.25 · 2³, the smallest subnormal number, an infinity, NaN
        let small = float(7, [2, 5, 0, 2], 15, 2, 1);
        let values = small.decode(&[0x49, 0x81, 0xfc, 0x7d]);
        assert_eq!(values[..3], [10.0, -(2f64.powi(-16)), f64::NEG_INFINITY]);
        assert!(values[3].is_nan());
        // an extended double, whose first mantissa bit is stored
        let long = float(79, [64, 15, 0, 64], 16_383, 0, 16);
        let pi = [0x35u8, 0xc2, 0x68, 0x21, 0xa2, 0xda, 0x0f, 0xc9, 0x00, 0x40, 0, 0, 0, 0, 0, 0];
        assert_eq!((long.dtype, long.decode(&pi)), (SourceType::F64, vec![std::f64::consts::PI]));
    }

    #[test]
    fn arrays_add_axes_and_what_is_no_number_is_named() {
        let base = message(0, 0, 1, &[0, 0, 8, 0]);
        let array = [&[0x3a, 0, 0, 0, 3, 0, 0, 0, 1, 3, 0, 0, 0][..], &base].concat();
        let numbers = Numbers::of(&array).unwrap();
        assert_eq!((numbers.axes.clone(), numbers.element_bytes()), (vec![3], 3));
        let complex = Numbers::of(&message(6, 2, 8, b"r\0\0\0\0\0\0\0")).unwrap_err();
        assert!(complex.contains("complex"), "{complex}");
        assert!(Numbers::of(&message(3, 0, 4, &[])).unwrap_err().contains("text"));
        assert!(Numbers::of(&message(0, 0, 2, &[8, 0, 12, 0])).unwrap_err().contains("cannot be"));
        assert!(Numbers::of(&[0x10]).is_err());
    }
}
