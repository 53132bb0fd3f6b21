//! Raw values: a file of numbers only, whose shape and type are given separately.
//!
//! They are given in the name, `scan.raw:400x400x400:u16:le`, or in a TOML file beside it,
//! `scan.raw.toml`:
//!
//! ```toml
//! shape = [400, 400, 400]      # slowest axis first; the last axis is fastest
//! dtype = "u16"                # bool, u8 to u64, i8 to i64, f16, bf16, f32, f64
//! endian = "little"            # or "big"; needed unless a value is one byte
//! order = "C"                  # or "F": the first axis is fastest (default "C")
//! skip = 0                     # bytes before the first value (default 0)
//! spacing = [2.25, 2.25, 2.25] # distance of points along each axis (default: not known)
//! unit = "um"                  # of spacing
//! ```
//!
//! In a name, the items after shape and type may have any order: `le` or `be`, `F`, `skip=512`,
//! `spacing=2.25x2.25x2.25`, `unit=um`. A file with a sidecar is raw whatever its first bytes are,
//! because raw values can look like any format. Axes are interpreted as for NPY.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::container::input::Input;
use crate::dtype::{Endian, SourceType};
use crate::fields::opened::Opened;
use crate::format::entry::{Found, Wanted};
use crate::format::placed::Placed;
use crate::{Address, FormatError, ReadOptions, Units};

/// Longest accepted sidecar.
const SIDECAR_AT_MOST: u64 = 1 << 16;

/// The description of a raw file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RawNote {
    shape: Vec<u64>,
    dtype: SourceType,
    endian: Endian,
    fortran_order: bool,
    skip: u64,
    units: Units,
}

/// The content of a sidecar.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sidecar {
    shape: Vec<u64>,
    dtype: String,
    endian: Option<String>,
    order: Option<String>,
    #[serde(default)]
    skip: u64,
    spacing: Option<Vec<f64>>,
    unit: Option<String>,
}

impl RawNote {
    /// The description of a raw file from its address or its sidecar; `None` if there is none.
    pub(crate) fn of_address(address: &Address) -> Result<Option<Self>, FormatError> {
        match address.part.as_deref().filter(|part| Self::is_meant(part)) {
            Some(part) => Self::parse(part)
                .map(Some)
                .map_err(|what| FormatError::Unsupported { path: address.path.clone(), what }),
            None if address.part.is_none() => Self::beside(&address.path),
            None => Ok(None),
        }
    }

    /// Whether a part of an address is a raw description: lengths, then a type.
    pub(crate) fn is_meant(part: &str) -> bool {
        let mut words = part.split(':');
        let lengths = words.next().and_then(lengths::<u64>);
        lengths.is_some() && words.next().is_some_and(|w| SourceType::named(w).is_some())
    }

    /// Parses a raw description. The error says what is wrong with it.
    pub(crate) fn parse(part: &str) -> Result<Self, String> {
        let example = "400x400x400:u16:le";
        let mut words = part.split(':');
        let first = words.next().unwrap_or_default();
        let shape = lengths(first)
            .ok_or_else(|| format!("{first:?} is no shape of a raw file; write {example}"))?;
        let name = words.next().unwrap_or_default();
        let dtype = SourceType::named(name).ok_or_else(|| unknown_type(name))?;
        let (mut endian, mut fortran_order, mut skip) = (None, false, 0);
        let mut units = Units::default();
        for word in words {
            match word.split_once('=') {
                None if word == "le" => endian = Some(Endian::Little),
                None if word == "be" => endian = Some(Endian::Big),
                None if word == "F" => fortran_order = true,
                None if word == "C" => fortran_order = false,
                Some(("skip", n)) => {
                    skip = n.parse().map_err(|_| format!("skip = {n:?} is no number of bytes"))?;
                }
                Some(("spacing", list)) => {
                    let spacing = lengths(list);
                    units.spacing =
                        Some(spacing.ok_or_else(|| format!("{list:?} is no list of spacings"))?);
                }
                Some(("unit", unit)) => units.length = Some(unit.into()),
                _ => {
                    return Err(format!(
                        "{word:?} is none of le, be, C, F, skip=…, spacing=…, unit=…"
                    ));
                }
            }
        }
        let endian = needed(endian, dtype, "add :le or :be")?;
        Self { shape, dtype, endian, fortran_order, skip, units }.checked()
    }

    /// Reads the sidecar of a file, if there is one.
    pub(crate) fn beside(path: &Path) -> Result<Option<Self>, FormatError> {
        let sidecar = sidecar(path);
        let failed = |source| FormatError::Read { path: sidecar.clone(), source };
        let Ok(kind) = std::fs::metadata(&sidecar) else { return Ok(None) };
        let (bytes, limit) = (kind.len(), SIDECAR_AT_MOST);
        if bytes > limit {
            let (path, bytes) = (sidecar, bytes.into());
            return Err(FormatError::TooLarge { path, bytes, limit });
        }
        let text = std::fs::read_to_string(&sidecar).map_err(failed)?;
        let refuse = |what| FormatError::Unsupported { path: sidecar.clone(), what };
        let read: Sidecar = toml::from_str(&text).map_err(|e| refuse(e.to_string()))?;
        Self::of(read).map(Some).map_err(refuse)
    }

    fn of(sidecar: Sidecar) -> Result<Self, String> {
        let Sidecar { shape, dtype, endian, order, skip, spacing, unit } = sidecar;
        let dtype = SourceType::named(&dtype).ok_or_else(|| unknown_type(&dtype))?;
        let endian = match endian.as_deref() {
            None => None,
            Some("little") => Some(Endian::Little),
            Some("big") => Some(Endian::Big),
            Some(other) => return Err(format!("endian = {other:?}; it is little or big")),
        };
        let endian = needed(endian, dtype, "add endian = \"little\" or \"big\"")?;
        let fortran_order = match order.as_deref() {
            None | Some("C") => false,
            Some("F") => true,
            Some(other) => return Err(format!("order = {other:?}; it is C or F")),
        };
        let units = Units { spacing, length: unit, value: None };
        Self { shape, dtype, endian, fortran_order, skip, units }.checked()
    }

    fn checked(self) -> Result<Self, String> {
        let axes = self.shape.len();
        if !(1..=5).contains(&axes) {
            return Err(format!("a shape of {axes} axes; fields have 1 to 5"));
        }
        if let Some(spacing) = &self.units.spacing
            && (spacing.len() != axes || !spacing.iter().all(|h| h.is_finite() && *h > 0.0))
        {
            return Err(format!("spacing = {spacing:?}; one positive number an axis, {axes} here"));
        }
        Ok(self)
    }

    /// Opens a file of this description.
    pub(crate) fn open(
        self,
        found: &Found<'_>,
        options: &ReadOptions,
    ) -> Result<Opened, FormatError> {
        let place = self.place();
        if found.wanted == Wanted::Blocks {
            return place.stay(found, options).map(Opened::Stored);
        }
        let mut input = Input::plain(found.path)?;
        input.skip(place.start)?;
        let mut fields = place.read(input, options)?;
        fields.source = found.name.into();
        Ok(Opened::Memory(fields))
    }

    /// The position of the values.
    fn place(self) -> Placed {
        let RawNote { shape, dtype, endian, fortran_order, skip: start, units } = self;
        Placed { shape, dtype, endian, fortran_order, start, units }
    }
}

/// The path of a file's sidecar: `.toml` appended to the whole name.
pub(crate) fn sidecar(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".toml");
    name.into()
}

/// Parses numbers separated by `x`.
fn lengths<T: std::str::FromStr>(text: &str) -> Option<Vec<T>> {
    text.split('x').map(|n| n.parse().ok()).collect()
}

fn unknown_type(name: &str) -> String {
    format!(
        "{name:?} is no type of raw values; known are bool, u8 to u64, i8 to i64, f16, bf16, f32, f64"
    )
}

fn needed(endian: Option<Endian>, dtype: SourceType, fix: &str) -> Result<Endian, String> {
    match endian {
        Some(endian) => Ok(endian),
        None if dtype.size() == 1 => Ok(Endian::Little),
        None => Err(format!("values of type {dtype} have a byte order; {fix}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notation_says_what_the_sidecar_says() {
        let text = "shape = [4, 5]\ndtype = 'uint16'\nendian = 'big'\norder = 'F'\nskip = 7\n\
                    spacing = [0.5, 2]\nunit = 'um'";
        let said = RawNote::of(toml::from_str(text).unwrap()).unwrap();
        assert_eq!(RawNote::parse("4x5:u16:be:F:skip=7:spacing=0.5x2:unit=um").unwrap(), said);
        let plain = RawNote::parse("4x5:u8").unwrap();
        assert!(!plain.fortran_order && plain.skip == 0 && plain.units == Units::default());
    }

    #[test]
    fn every_mistake_has_its_message() {
        for (notation, part) in [
            ("4x:u8", "no shape"),
            ("density", "no shape"),
            ("4x5:u9", "\"u9\" is no type"),
            ("4x5", "\"\" is no type"),
            ("4x5:u16", ":le or :be"),
            ("4x5:u8:middle", "\"middle\" is none of"),
            ("4x5:u8:skip=-1", "skip"),
            ("4x5:u8:spacing=1", "one positive number an axis"),
            ("4x5:u8:spacing=1x0", "one positive number an axis"),
            ("4x5:u8:spacing=1xa", "no list"),
            ("1x1x1x1x1x1:u8", "6 axes"),
        ] {
            let error = RawNote::parse(notation).unwrap_err();
            assert!(error.contains(part), "{notation}: {error}");
        }
        assert!(RawNote::is_meant("4x5:u8") && RawNote::is_meant("7:f32:le"));
        assert!(!RawNote::is_meant("4x5") && !RawNote::is_meant("group:u8"));
    }
}
