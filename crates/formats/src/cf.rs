//! Conventions of NetCDF files (CF) that decide what stored numbers mean.
//!
//! Packed and missing values, and coordinates whose steps are the spacing. Source: the CF
//! conventions, sections 2.5.1 and 8.1.

use crate::SourceType;

/// Relative deviation of a step from the mean step that still counts as even: coordinates are
/// often rounded to single precision or to a few digits.
const EVEN: f64 = 1e-3;
/// What the NetCDF library leaves where nothing was written, for floats.
const UNWRITTEN: f32 = 9.969_21e36;

/// Longest coordinate that is looked at.
pub(crate) const COORDINATES_AT_MOST: u64 = 1 << 20;

/// How stored numbers become values: `factor` · stored + `offset`, unless one is missing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Packing {
    factor: f64,
    offset: f64,
    missing: Vec<f32>,
}

impl Packing {
    /// What a variable's attributes say; `None` if stored numbers are values.
    pub(crate) fn of(
        factor: Option<f64>,
        offset: Option<f64>,
        mut missing: Vec<f32>,
        dtype: SourceType,
    ) -> Option<Self> {
        if matches!(dtype, SourceType::F32 | SourceType::F64) {
            missing.push(UNWRITTEN);
        }
        let (factor, offset) = (factor.unwrap_or(1.0), offset.unwrap_or(0.0));
        let idle = factor == 1.0 && offset == 0.0 && missing.is_empty();
        (!idle).then_some(Self { factor, offset, missing })
    }

    fn scales(&self) -> bool {
        self.factor != 1.0 || self.offset != 0.0
    }

    /// What a reader should be told.
    pub(crate) fn note(&self, name: &str) -> Option<String> {
        let Self { factor, offset, .. } = self;
        self.scales().then(|| format!("{name} is unpacked: value = {factor} · stored + {offset}"))
    }

    /// Unpacks values in place; missing ones become NaN, which no reader lets through.
    pub(crate) fn unpack(&self, values: &mut [f32]) {
        for value in values {
            if self.missing.contains(value) {
                *value = f32::NAN;
            } else if self.scales() {
                *value = (f64::from(*value) * self.factor + self.offset) as f32;
            }
        }
    }
}

/// The unit that the coordinates of all axes share, if they do.
pub(crate) fn shared_unit<'u>(units: &[Option<&'u str>]) -> Option<&'u str> {
    let first = units.first().copied().flatten()?;
    units.iter().all(|unit| *unit == Some(first)).then_some(first)
}

/// The step of evenly spaced coordinates, of which there are two at least.
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
        let packing = Packing::of(Some(0.5), Some(10.0), vec![-999.0], SourceType::I16).unwrap();
        let mut values = [2.0, -999.0, -4.0];
        packing.unpack(&mut values);
        assert!(values[0] == 11.0 && values[1].is_nan() && values[2] == 8.0);
        assert_eq!(Packing::of(None, Some(0.0), vec![], SourceType::I16), None);
    }
}
