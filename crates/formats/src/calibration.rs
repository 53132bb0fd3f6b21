//! The size of a pixel as TIFF files carry it: ImageJ's notes, or dots per centimetre.
//!
//! Dots per inch are left alone: they say how large a picture is to be printed.

use std::io::{Read, Seek};

use tiff::decoder::Decoder;
use tiff::tags::{ResolutionUnit, Tag};

use crate::Units;

/// First word of the description that ImageJ writes.
const IMAGEJ: &str = "ImageJ=";

/// Size of a pixel, and the distance of slices.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Calibration {
    x: Option<f64>,
    y: Option<f64>,
    z: Option<f64>,
    unit: Option<String>,
}

impl Calibration {
    /// What the first page says; nothing where it says nothing sensible.
    pub(crate) fn of<R: Read + Seek>(decoder: &mut Decoder<R>) -> Self {
        let pixels = |decoder: &mut Decoder<R>, tag| {
            let per_unit = match decoder.find_tag(tag).ok()?? {
                tiff::decoder::ifd::Value::Rational(n, d) => f64::from(n) / f64::from(d),
                _ => return None,
            };
            Some(1.0 / per_unit).filter(|h| h.is_finite() && *h > 0.0)
        };
        let x = pixels(decoder, Tag::XResolution);
        let y = pixels(decoder, Tag::YResolution);
        let description = decoder.get_tag_ascii_string(Tag::ImageDescription).unwrap_or_default();
        if description.starts_with(IMAGEJ) {
            return Self::imagej(&description, x, y);
        }
        let unit = decoder.find_tag_unsigned::<u16>(Tag::ResolutionUnit).ok().flatten();
        match unit == Some(ResolutionUnit::Centimeter.to_u16()) {
            true => Self { x, y, z: None, unit: Some("cm".into()) },
            false => Self::default(),
        }
    }

    fn imagej(description: &str, x: Option<f64>, y: Option<f64>) -> Self {
        let line = |key: &str| {
            let found = description.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix('='));
            found.map(str::trim)
        };
        let z = line("spacing").and_then(|h| h.parse().ok());
        let z = z.filter(|h: &f64| h.is_finite() && *h > 0.0);
        match line("unit").filter(|u| !u.is_empty()) {
            Some("pixel") => Self::default(),
            Some(unit) => {
                let unit = unit.replace("\\u00B5", "u").replace(['µ', 'μ'], "u");
                let unit = if unit == "micron" { "um".into() } else { unit };
                Self { x, y, z, unit: Some(unit) }
            }
            // lengths without a unit; one pixel per nothing is what is written where none are known
            None if z.is_some() || (x, y) != (Some(1.0), Some(1.0)) => Self { x, y, z, unit: None },
            None => Self::default(),
        }
    }

    /// Spacing of pictures (`dim` 2) or of a volume of them (3), as far as it is known in full.
    pub(crate) fn units(&self, dim: usize) -> Units {
        let axes = [self.z, self.y, self.x];
        let spacing: Option<Vec<f64>> = axes[3 - dim..].iter().copied().collect();
        let length = self.unit.clone().filter(|_| spacing.is_some());
        Units { spacing, length, value: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imagej_writes_units_in_its_own_way() {
        let text = "ImageJ=1.53t\nimages=4\nslices=4\nunit=\\u00B5m\nspacing=2.5\nloop=false\n";
        let read = Calibration::imagej(text, Some(0.5), Some(0.25));
        assert_eq!(read.units(3).spacing, Some(vec![2.5, 0.25, 0.5]));
        assert_eq!((read.units(2).spacing, read.unit), (Some(vec![0.25, 0.5]), Some("um".into())));
        let flat = Calibration::imagej("ImageJ=1.53t\nunit=mm\n", Some(0.5), Some(0.5));
        assert_eq!(flat.units(3), Units::default());
        assert_eq!(flat.units(2).length, Some("mm".into()));
        let bare = Calibration::imagej("ImageJ=1.53t\nspacing=2\n", Some(1.0), Some(0.5));
        assert_eq!((bare.units(3).spacing, bare.unit), (Some(vec![2.0, 0.5, 1.0]), None));
        let idle = Calibration::imagej("ImageJ=1.53t\nimages=4\n", Some(1.0), Some(1.0));
        assert_eq!(idle, Calibration::default());
        let pixels = Calibration::imagej("ImageJ=1.53t\nunit=pixel\n", Some(1.0), Some(1.0));
        assert_eq!(pixels, Calibration::default());
    }
}
