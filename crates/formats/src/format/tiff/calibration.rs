//! The calibration of TIFF files: the size of a pixel, and how stored numbers become values.
//!
//! The size comes from OME, ImageJ, GeoTIFF, or dots per centimetre. Dots per inch are ignored,
//! because they give the print size. Values follow ImageJ's linear function for signed 16 bits and
//! calibrated images, and GDAL's scale, offset and missing value.

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::cf::{Packing, Said};
use crate::format::tiff::axes::{IMAGEJ, imagej_key};
use crate::format::tiff::ome::Ome;
use crate::format::tiff::tags::{Directory, Tags, tag};
use crate::{FormatError, SourceType, Units};

/// Value of ResolutionUnit for centimetres.
const CENTIMETRE: u64 = 3;
/// GeoTIFF keys for the kind of coordinates, and for the unit of projected ones.
const MODEL_TYPE: u64 = 1024;
const LINEAR_UNIT: u64 = 3076;

/// Size of a pixel, and distance between slices.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Calibration {
    pub(crate) x: Option<f64>,
    pub(crate) y: Option<f64>,
    z: Option<f64>,
    unit: Option<String>,
}

/// Length of a unit in metres.
fn metres(unit: &str) -> Option<f64> {
    Some(match unit {
        "nm" => 1e-9,
        "um" => 1e-6,
        "mm" => 1e-3,
        "cm" => 1e-2,
        "m" => 1.0,
        "Å" => 1e-10,
        _ => return None,
    })
}

impl Calibration {
    /// The calibration in the first page; empty if it has none that makes sense.
    pub(crate) fn of(
        tags: &Tags<'_>,
        page: &Directory,
        description: &str,
        ome: Option<&Ome>,
    ) -> Self {
        let sane = |h: &f64| h.is_finite() && *h > 0.0;
        let pixels = |tag| {
            let per_unit = *tags.reals(page, tag)?.first()?;
            Some(1.0 / per_unit).filter(sane)
        };
        let (x, y) = (pixels(tag::X_RESOLUTION), pixels(tag::Y_RESOLUTION));
        if let Some(ome) = ome {
            return Self::ome(ome);
        }
        if description.starts_with(IMAGEJ) {
            return Self::imagej(description, x, y);
        }
        if let Some(&[x, y, ..]) = tags.reals(page, tag::MODEL_PIXEL_SCALE).as_deref()
            && sane(&x)
            && sane(&y)
        {
            let keys = tags.numbers(page, tag::GEO_KEYS).ok().flatten().unwrap_or_default();
            return Self { x: Some(x), y: Some(y), z: None, unit: geo_unit(&keys) };
        }
        match tags.number(page, tag::RESOLUTION_UNIT).ok().flatten() == Some(CENTIMETRE) {
            true => Self { x, y, z: None, unit: Some("cm".into()) },
            false => Self::default(),
        }
    }

    fn ome(ome: &Ome) -> Self {
        let Some((_, unit)) = ome.physical.iter().flatten().next() else { return Self::default() };
        let length = |axis: usize| {
            let (h, own) = ome.physical[axis].as_ref()?;
            match own == unit {
                true => Some(*h),
                // division gives exactly 0.3 um for 300 nm, where multiplication would differ in
                // the last digit
                false => Some(h / (metres(unit)? / metres(own)?)),
            }
        };
        Self { x: length(0), y: length(1), z: length(2), unit: Some(unit.clone()) }
    }

    fn imagej(description: &str, x: Option<f64>, y: Option<f64>) -> Self {
        let z = imagej_key(description, "spacing").and_then(|h| h.parse().ok());
        // the spacing is negative if slices run downwards
        let z = z.map(f64::abs).filter(|h: &f64| h.is_finite() && *h > 0.0);
        match imagej_key(description, "unit").filter(|u| !u.is_empty()) {
            Some("pixel") => Self::default(),
            Some(unit) => {
                let unit = unit.replace("\\u00B5", "u").replace(['µ', 'μ'], "u");
                let unit = if unit == "micron" { "um".into() } else { unit };
                Self { x, y, z, unit: Some(unit) }
            }
            // lengths without a unit; writers put one pixel per unit if no size is known
            None if z.is_some() || (x, y) != (Some(1.0), Some(1.0)) => Self { x, y, z, unit: None },
            None => Self::default(),
        }
    }

    /// Spacing of pictures (`dim` 2) or of a volume (3), if it is known for all axes.
    pub(crate) fn units(&self, dim: usize) -> Units {
        let axes = [self.z, self.y, self.x];
        let spacing: Option<Vec<f64>> = axes[3 - dim..].iter().copied().collect();
        let length = self.unit.clone().filter(|_| spacing.is_some());
        Units { spacing, length, value: None }
    }
}

/// The unit of GeoTIFF's coordinates. The keys are a header of four numbers, then key, place,
/// count, value.
fn geo_unit(keys: &[u64]) -> Option<String> {
    let key = |name: u64| {
        let found = keys.chunks_exact(4).skip(1).find(|k| k[0] == name && k[1] == 0)?;
        Some(found[3])
    };
    match (key(MODEL_TYPE), key(LINEAR_UNIT)) {
        (Some(2), _) => Some("degree".into()),
        (_, Some(9001)) => Some("m".into()),
        _ => None,
    }
}

/// How stored numbers become values.
#[derive(Debug, Default)]
pub(crate) struct Meaning {
    pub(crate) packing: Option<Packing>,
    /// Stored number of pixels that were never written.
    pub(crate) fill: f64,
    /// Notes for the user.
    pub(crate) notes: Vec<String>,
}

/// Reads the meaning of stored numbers from the first page.
pub(crate) fn meaning(
    tags: &Tags<'_>,
    page: &Directory,
    dtype: SourceType,
    description: &str,
) -> Result<Meaning, FormatError> {
    let unsupported = |what: String| FormatError::Unsupported { path: tags.path.into(), what };
    let (mut factor, mut offset, mut notes) = (None, None, Vec::new());
    if description.starts_with(IMAGEJ)
        && let Some(function) = imagej_key(description, "cf")
    {
        let number = |key: &str| imagej_key(description, key)?.parse::<f64>().ok();
        match (function, number("c0"), number("c1"), number("c2")) {
            ("0", Some(c0), Some(c1), None) => (factor, offset) = (Some(c1), Some(c0)),
            _ => {
                notes.push(format!(
                    "values are the stored numbers; ImageJ shows them through its calibration \
                     function {function}"
                ));
            }
        }
    }
    let metadata = tags.text(page, tag::GDAL_METADATA)?;
    for (role, to) in [("scale", &mut factor), ("offset", &mut offset)] {
        let found = gdal(&metadata, role).map_err(&unsupported)?;
        if let Some(first) = found.first() {
            if found.iter().any(|n| n != first) {
                return Err(unsupported(format!(
                    "its bands have the {role}s {found:?}; write one band a file"
                )));
            }
            *to = Some(*first);
        }
    }
    let nodata = tags.text(page, tag::GDAL_NODATA)?.trim().parse::<f64>().ok();
    let missing = nodata.map(|value| ("GDAL_NODATA", value)).into_iter().collect();
    let packing = Packing::of(&Said { factor, offset, missing, ..Said::default() }, dtype);
    notes.extend(packing.iter().flat_map(|packing| packing.notes("TIFF")));
    Ok(Meaning { packing, fill: nodata.unwrap_or(0.0), notes })
}

/// The numbers with a role in GDAL's metadata, band by band.
fn gdal(xml: &str, role: &str) -> Result<Vec<f64>, String> {
    let mut reader = Reader::from_str(xml);
    let (mut numbers, mut inside) = (Vec::new(), false);
    loop {
        let wrong = |what: String| format!("its GDAL metadata: {what}");
        match reader.read_event().map_err(|e| wrong(e.to_string()))? {
            Event::Start(tag) => {
                let found = tag.try_get_attribute("role").map_err(|e| wrong(e.to_string()))?;
                inside = found.is_some_and(|a| &*a.value == role.as_bytes());
            }
            Event::Text(text) if inside => {
                let text = String::from_utf8_lossy(&text).trim().to_string();
                let number = text.parse().map_err(|_| wrong(format!("{role} {text:?}")))?;
                numbers.push(number);
            }
            Event::End(_) => inside = false,
            Event::Eof => return Ok(numbers),
            _ => {}
        }
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

    #[test]
    fn gdal_writes_scales_band_by_band() {
        let xml = "<GDALMetadata><Item name=\"OFFSET\" sample=\"0\" role=\"offset\">-2.5</Item>\
                   <Item name=\"SCALE\" sample=\"0\" role=\"scale\">0.01</Item>\
                   <Item name=\"SCALE\" sample=\"1\" role=\"scale\">0.02</Item></GDALMetadata>";
        assert_eq!(gdal(xml, "offset"), Ok(vec![-2.5]));
        assert_eq!(gdal(xml, "scale"), Ok(vec![0.01, 0.02]));
        assert_eq!(gdal("", "scale"), Ok(vec![]));
        assert!(gdal("<Item role=\"scale\">x</Item>", "scale").is_err());
        let keys = [1, 1, 0, 2, MODEL_TYPE, 0, 1, 1, LINEAR_UNIT, 0, 1, 9001];
        assert_eq!(geo_unit(&keys), Some("m".into()));
        assert_eq!(geo_unit(&[]), None);
    }
}
