//! TIFF stacks: a page a field, or a page a slice of one volume, as numbers and not as pictures.
//!
//! Pages are uncompressed, so that they can be read by part. Spacing is written as ImageJ does, in
//! the description and the resolution of the first page.

use std::io::{Seek, Write};
use std::path::Path;

use tiff::encoder::colortype::{
    ColorType, Gray16, Gray32Float, Gray64Float, RGB16, RGB32Float, RGB64Float,
};
use tiff::encoder::{Rational, TiffEncoder, TiffKind, TiffValue};
use tiff::tags::{ResolutionUnit, Tag};

use crate::encoding::Encoding;
use crate::pages::Pages;
use crate::{FieldsRef, FormatError, Units};

/// Files that may grow beyond this are written as BigTIFF: 4 GiB less room for the pages' tags.
const CLASSIC_AT_MOST: u128 = (4 << 30) - (64 << 20);
/// Denominator of a resolution.
const PARTS: f64 = 1e6;

/// Writes all fields.
pub(crate) fn write(
    path: &Path,
    fields: FieldsRef<'_>,
    encoding: Encoding,
    to: impl Write + Seek,
) -> Result<(), FormatError> {
    let pages = Pages::of(fields, "a TIFF")?;
    let units = fields.units();
    let bytes = fields.len() as u128 * encoding.size() as u128;
    let refused = |source| FormatError::Tiff { path: path.into(), page: 0, source };
    if bytes > CLASSIC_AT_MOST {
        put(path, &pages, &units, encoding, TiffEncoder::new_big(to).map_err(refused)?)
    } else {
        put(path, &pages, &units, encoding, TiffEncoder::new(to).map_err(refused)?)
    }
}

fn put<W: Write + Seek, K: TiffKind>(
    path: &Path,
    pages: &Pages<'_>,
    units: &Units,
    encoding: Encoding,
    mut encoder: TiffEncoder<W, K>,
) -> Result<(), FormatError> {
    for page in 0..pages.count {
        match (encoding, pages.channels) {
            (Encoding::F32, 1) => {
                let values = pages.values(path, page, encoding, |v| v as f32)?;
                one::<Gray32Float, _, _>(path, pages, units, page, &values, &mut encoder)
            }
            (Encoding::F32, _) => {
                let values = pages.values(path, page, encoding, |v| v as f32)?;
                one::<RGB32Float, _, _>(path, pages, units, page, &values, &mut encoder)
            }
            (Encoding::F64, 1) => {
                let values = pages.values(path, page, encoding, |v| v)?;
                one::<Gray64Float, _, _>(path, pages, units, page, &values, &mut encoder)
            }
            (Encoding::F64, _) => {
                let values = pages.values(path, page, encoding, |v| v)?;
                one::<RGB64Float, _, _>(path, pages, units, page, &values, &mut encoder)
            }
            (Encoding::U16 { .. }, 1) => {
                let values = pages.values(path, page, encoding, |v| encoding.grey(v))?;
                one::<Gray16, _, _>(path, pages, units, page, &values, &mut encoder)
            }
            (Encoding::U16 { .. }, _) => {
                let values = pages.values(path, page, encoding, |v| encoding.grey(v))?;
                one::<RGB16, _, _>(path, pages, units, page, &values, &mut encoder)
            }
        }?;
    }
    Ok(())
}

fn one<C, W: Write + Seek, K: TiffKind>(
    path: &Path,
    pages: &Pages<'_>,
    units: &Units,
    page: usize,
    values: &[C::Inner],
    encoder: &mut TiffEncoder<W, K>,
) -> Result<(), FormatError>
where
    C: ColorType,
    [C::Inner]: TiffValue,
{
    let refused = |source| match source {
        tiff::TiffError::IoError(source) => FormatError::Write { path: path.into(), source },
        source => FormatError::Tiff { path: path.into(), page, source },
    };
    let size = (pages.width as u32, pages.height as u32);
    let mut image = encoder.new_image::<C>(size.0, size.1).map_err(refused)?;
    if page == 0 {
        if let Some([.., y, x]) = units.spacing.as_deref() {
            image.resolution_unit(ResolutionUnit::None);
            image.x_resolution(per_unit(*x));
            image.y_resolution(per_unit(*y));
        }
        let text = description(pages, units);
        image.encoder().write_tag(Tag::ImageDescription, text.as_str()).map_err(refused)?;
    }
    image.write_data(values).map_err(refused)
}

/// Pixels per unit.
fn per_unit(spacing: f64) -> Rational {
    let ratio = 1.0 / spacing;
    // the finest fraction whose numbers fit 32 bits
    let parts = PARTS.min(f64::from(u32::MAX) / ratio).max(1.0).floor();
    Rational { n: (ratio * parts).round() as u32, d: parts as u32 }
}

/// What ImageJ writes into the first page of a stack.
fn description(pages: &Pages<'_>, units: &Units) -> String {
    let mut text = format!("ImageJ=1.54f\nimages={}\n", pages.count);
    text.push_str(&format!("{}={}\n", if pages.volume { "slices" } else { "frames" }, pages.count));
    if let Some(spacing) = &units.spacing {
        // the tag holds ASCII, and a line is a key
        let unit = units.length.as_deref().unwrap_or("unit").replace(['µ', 'μ'], "u");
        let unit: String = unit.chars().filter(|c| c.is_ascii_graphic()).collect();
        text.push_str(&format!("unit={unit}\n"));
        if pages.volume {
            text.push_str(&format!("spacing={}\n", spacing[0]));
        }
    }
    text
}
