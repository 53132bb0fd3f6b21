//! CF conventions of NetCDF files that decide what stored numbers mean.
//!
//! They cover packed and missing values, and coordinates whose step is the spacing. Source: the CF
//! conventions, sections 2.5.1 and 8.1.

use crate::SourceType;
use crate::dtype::Endian;
use crate::missing::Marks;

/// Largest relative deviation of a step from the mean step of evenly spaced coordinates.
/// Coordinates are often rounded to single precision or to a few digits.
const EVEN: f64 = 1e-3;
/// Numbers decoded at a time.
const AT_ONCE: usize = 1 << 14;

/// Longest coordinate array that is read.
pub(crate) const COORDINATES_AT_MOST: u64 = 1 << 20;

/// The attributes of an array's stored numbers. The reader of each format fills it in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Said {
    /// `scale_factor` and `add_offset`.
    pub(crate) factor: Option<f64>,
    pub(crate) offset: Option<f64>,
    /// `_FillValue` and all of `missing_value`, with the names of the attributes.
    pub(crate) missing: Vec<(&'static str, f64)>,
    /// `valid_range`, or `valid_min` and `valid_max`.
    pub(crate) low: Option<f64>,
    pub(crate) high: Option<f64>,
    /// Whether the bounds are stored as floats.
    pub(crate) float_bounds: bool,
    /// Whether the default fill value of the NetCDF library marks unwritten values.
    pub(crate) unwritten: bool,
}

/// How stored numbers become values: `factor` · stored + `offset`, or missing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Packing {
    factor: f64,
    offset: f64,
    missing: Marks,
}

impl Packing {
    /// The packing of a variable from its attributes; `None` if stored numbers are values.
    ///
    /// Marks and bounds are in the unit of the stored numbers. There is one exception: if an array
    /// is packed in integers but its bounds are floats, the bounds are in the unit of the values.
    pub(crate) fn of(said: &Said, dtype: SourceType) -> Option<Self> {
        let mut missing = Marks::default();
        for (name, value) in &said.missing {
            missing.value(name, as_stored(*value, dtype), dtype);
        }
        let filled = said.missing.iter().any(|(name, _)| *name == "_FillValue");
        if !filled
            && said.unwritten
            && let Some(value) = unwritten(dtype)
        {
            missing.value("the fill of what was not written", value, dtype);
        }
        let (factor, offset) = (said.factor.unwrap_or(1.0), said.offset.unwrap_or(0.0));
        let scales = factor != 1.0 || offset != 0.0;
        let whole = !matches!(
            dtype,
            SourceType::F16 | SourceType::Bf16 | SourceType::F32 | SourceType::F64
        );
        let (mut low, mut high) = (said.low, said.high);
        if scales && whole && said.float_bounds {
            let stored = |v: f64| (v - offset) / factor;
            (low, high) = (low.map(stored), high.map(stored));
            if factor < 0.0 {
                std::mem::swap(&mut low, &mut high);
            }
        } else {
            let stored = |v: f64| as_stored(v, dtype);
            (low, high) = (low.map(stored), high.map(stored));
        }
        missing.range(low, high, dtype);
        (scales || !missing.is_empty()).then_some(Self { factor, offset, missing })
    }

    /// The same packing with `amount` subtracted from the values.
    pub(crate) fn less(packing: Option<Self>, amount: f64) -> Option<Self> {
        if amount == 0.0 {
            return packing;
        }
        let Self { factor, offset, missing } =
            packing.unwrap_or(Self { factor: 1.0, offset: 0.0, missing: Marks::default() });
        Some(Self { factor, offset: offset - amount, missing })
    }

    fn scales(&self) -> bool {
        self.factor != 1.0 || self.offset != 0.0
    }

    /// Notes for the user.
    pub(crate) fn notes(&self, name: &str) -> Vec<String> {
        let Self { factor, offset, missing } = self;
        let unpacked = self
            .scales()
            .then(|| format!("{name} is unpacked: value = {factor} · stored + {offset}"));
        let marked = !missing.is_empty();
        let marked =
            marked.then(|| format!("{name}: missing values are marked by {}", missing.said()));
        unpacked.into_iter().chain(marked).collect()
    }

    /// The value of a stored number; NaN if it is missing.
    pub(crate) fn value(&self, stored: f64) -> f32 {
        match self.missing.contain(stored) {
            true => f32::NAN,
            false if self.scales() => (stored * self.factor + self.offset) as f32,
            false => stored as f32,
        }
    }

    /// Appends the values of the stored numbers in `bytes`.
    pub(crate) fn decode(
        &self,
        bytes: &[u8],
        (dtype, endian): (SourceType, Endian),
        values: &mut Vec<f32>,
    ) {
        for some in bytes.chunks(AT_ONCE * dtype.size()) {
            values.extend(dtype.decode_wide(some, endian).into_iter().map(|v| self.value(v)));
        }
    }
}

/// A number converted to a stored type: a signed attribute may stand for an unsigned number.
pub(crate) fn as_stored(value: f64, dtype: SourceType) -> f64 {
    let bits = match dtype {
        SourceType::U8 => 8,
        SourceType::U16 => 16,
        SourceType::U32 => 32,
        SourceType::U64 => 64,
        _ => return value,
    };
    if value < 0.0 { value + f64::from(bits).exp2() } else { value }
}

/// The default fill value of the NetCDF library for unwritten values.
fn unwritten(dtype: SourceType) -> Option<f64> {
    Some(match dtype {
        SourceType::I8 => -127.0,
        SourceType::U8 => 255.0,
        SourceType::I16 => -32_767.0,
        SourceType::U16 => 65_535.0,
        SourceType::I32 => -2_147_483_647.0,
        SourceType::U32 => 4_294_967_295.0,
        SourceType::I64 => -9_223_372_036_854_775_806.0,
        SourceType::U64 => 18_446_744_073_709_551_614.0,
        SourceType::F32 | SourceType::F64 => 9.969_209_968_386_869e36,
        _ => return None,
    })
}

/// The type of stored numbers after an attribute `_Unsigned`.
pub(crate) fn unsigned(dtype: SourceType, attribute: Option<&str>) -> SourceType {
    let pairs = [
        (SourceType::I8, SourceType::U8),
        (SourceType::I16, SourceType::U16),
        (SourceType::I32, SourceType::U32),
        (SourceType::I64, SourceType::U64),
    ];
    let said = attribute.map(|text| text.trim_end_matches('\0').to_ascii_lowercase());
    match said.as_deref() {
        Some("true") => pairs.iter().find(|(signed, _)| *signed == dtype).map(|p| p.1),
        Some("false") => pairs.iter().find(|(_, without)| *without == dtype).map(|p| p.0),
        _ => None,
    }
    .unwrap_or(dtype)
}

/// The common unit of the coordinates of all axes; none if they differ.
pub(crate) fn shared_unit<'u>(units: &[Option<&'u str>]) -> Option<&'u str> {
    let first = units.first().copied().flatten()?;
    units.iter().all(|unit| *unit == Some(first)).then_some(first)
}

/// The step of at least two evenly spaced coordinates.
pub(crate) fn even_step(coordinates: &[f64]) -> Option<f64> {
    let [first, .., last] = *coordinates else { return None };
    let mean = (last - first) / (coordinates.len() - 1) as f64;
    let even = |pair: &[f64]| ((pair[1] - pair[0]) / mean - 1.0).abs() <= EVEN;
    let sane = mean.is_finite() && mean != 0.0;
    (sane && coordinates.windows(2).all(even)).then_some(mean.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_even_or_none() {
        assert_eq!(even_step(&[1.0, 1.5, 2.0]), Some(0.5));
        assert_eq!(even_step(&[3.0, 1.0, -1.0]), Some(2.0));
        for uneven in [&[][..], &[1.0], &[1.0, 1.0], &[0.0, 1.0, 3.0], &[0.0, f64::NAN, 2.0]] {
            assert_eq!(even_step(uneven), None, "{uneven:?}");
        }
    }

    #[test]
    fn one_unit_for_all_axes_or_none() {
        assert_eq!(shared_unit(&[Some("m"), Some("m")]), Some("m"));
        for units in [&[][..], &[None], &[Some("m"), Some("s")], &[Some("m"), None]] {
            assert_eq!(shared_unit(units), None);
        }
    }

    #[test]
    fn packed_values_are_unpacked_and_missing_ones_are_not_numbers() {
        let said = Said {
            factor: Some(0.5),
            offset: Some(10.0),
            missing: vec![("_FillValue", -999.0)],
            low: Some(8.0),
            float_bounds: true,
            ..Said::default()
        };
        let packing = Packing::of(&said, SourceType::I16).unwrap();
        let mut values = Vec::new();
        let stored = [2i16, -999, -4, -5].map(i16::to_le_bytes).concat();
        packing.decode(&stored, (SourceType::I16, Endian::Little), &mut values);
        // -5 becomes 7.5, which is below the smallest valid value
        assert!(values[0] == 11.0 && values[1].is_nan() && values[2] == 8.0 && values[3].is_nan());
        let idle = Said { offset: Some(0.0), ..Said::default() };
        assert_eq!(Packing::of(&idle, SourceType::I16), None);
    }

    #[test]
    fn whole_numbers_keep_their_digits_until_they_are_unpacked() {
        let said = Said { factor: Some(1e-6), offset: Some(-16.0), ..Said::default() };
        let packing = Packing::of(&said, SourceType::I32).unwrap();
        let mut values = Vec::new();
        packing.decode(&16_777_217i32.to_be_bytes(), (SourceType::I32, Endian::Big), &mut values);
        assert_eq!(values, [0.777_217f32]);
    }

    #[test]
    fn numbers_without_a_sign_are_marked_by_what_is_written_with_one() {
        assert_eq!(unsigned(SourceType::I8, Some("true")), SourceType::U8);
        assert_eq!(unsigned(SourceType::U8, Some("false")), SourceType::I8);
        assert_eq!(unsigned(SourceType::I8, None), SourceType::I8);
        let said = Said { missing: vec![("_FillValue", -1.0)], ..Said::default() };
        let packing = Packing::of(&said, SourceType::U8).unwrap();
        assert!(packing.value(255.0).is_nan() && packing.value(254.0) == 254.0);
    }
}
