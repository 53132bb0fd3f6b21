//! TIFF stacks: a page a field, or a page a slice of one volume, as numbers and not as pictures.
//!
//! The values of all pages stand one after the other behind the header, uncompressed, and the
//! pages' tags behind them: ImageJ takes that for granted in a stack, and parts can be read.
//! Spacing is written as ImageJ does, in description and resolution. Own code, because the
//! library here puts tags between pages. Source: TIFF 6.0; BigTIFF where 4 GiB are not enough.

use std::io::Write;
use std::path::Path;

use crate::write::encoding::Encoding;
use crate::write::pages::Pages;
use crate::{FieldsRef, Form, FormatError, Units};

/// Bytes that the tags of a page take at most, its description aside.
const TAGS_AT_MOST: u64 = 512;

/// Types of a tag's numbers.
const ASCII: u16 = 2;
const SHORT: u16 = 3;
const LONG: u16 = 4;
const RATIONAL: u16 = 5;
const LONG8: u16 = 16;

/// A stack before its values are there.
pub(crate) fn stack(form: &Form, encoding: Encoding) -> Result<Tiff, FormatError> {
    let pages = Pages::of(form, "a TIFF")?;
    let text = description(&pages, &form.units);
    let tags = TAGS_AT_MOST.saturating_mul(pages.count as u64).saturating_add(text.len() as u64);
    let values = (form.len() as u64).saturating_mul(encoding.size() as u64);
    let big = values.saturating_add(tags) > u64::from(u32::MAX);
    Ok(Tiff { big, pages, encoding, units: form.units.clone(), text })
}

/// All that tags need to know.
#[derive(Debug)]
pub(crate) struct Tiff {
    big: bool,
    pages: Pages,
    encoding: Encoding,
    units: Units,
    text: String,
}

impl Tiff {
    /// Bytes of a page, and where the first one stands.
    fn page(&self) -> (u64, u64) {
        let Pages { height, width, channels, .. } = self.pages;
        let page = (height * width * channels * self.encoding.size()) as u64;
        (page, if self.big { 16 } else { 8 })
    }

    /// What stands before the first page.
    pub(crate) fn head(&self) -> Vec<u8> {
        let (page, start) = self.page();
        self.header(start + page.saturating_mul(self.pages.count as u64))
    }

    /// Writes the pages of one field of some.
    pub(crate) fn put(
        &self,
        path: &Path,
        fields: FieldsRef<'_>,
        field: usize,
        to: &mut dyn Write,
    ) -> Result<(), FormatError> {
        let pages = if self.pages.volume { 0..self.pages.count } else { field..field + 1 };
        for page in pages {
            for pixel in 0..self.pages.height * self.pages.width {
                for channel in 0..self.pages.channels {
                    let index = self.pages.index(page, channel, pixel);
                    self.encoding.put(path, fields, index, to)?;
                }
            }
        }
        Ok(())
    }

    /// Writes what stands behind the last page.
    pub(crate) fn end(&self, path: &Path, to: &mut dyn Write) -> Result<(), FormatError> {
        let ((page, start), count) = (self.page(), self.pages.count as u64);
        let mut at = start + page.saturating_mul(count);
        for index in 0..count {
            let tags = self.tags(at, start + index * page, page, index == 0, index + 1 == count);
            to.write_all(&tags)
                .map_err(|source| FormatError::Write { path: path.into(), source })?;
            at += tags.len() as u64;
        }
        Ok(())
    }

    /// Magic number and the place of the first page's tags.
    fn header(&self, first: u64) -> Vec<u8> {
        match self.big {
            true => [&b"II+\0\x08\0\0\0"[..], &first.to_le_bytes()].concat(),
            false => [&b"II*\0"[..], &(first as u32).to_le_bytes()].concat(),
        }
    }

    /// An offset or a count in the size of this file.
    fn word(&self, number: u64) -> Vec<u8> {
        match self.big {
            true => number.to_le_bytes().into(),
            false => (number as u32).to_le_bytes().into(),
        }
    }

    /// The tags of one page, to stand at byte `at`, of values at `values`.
    fn tags(&self, at: u64, values: u64, bytes: u64, first: bool, last: bool) -> Vec<u8> {
        let Pages { height, width, channels, .. } = self.pages;
        let short = |n: usize| vec![(n as u16).to_le_bytes().to_vec()];
        let long = |n: usize| vec![(n as u32).to_le_bytes().to_vec()];
        let each = |n: u16| vec![n.to_le_bytes().to_vec(); channels];
        let place = if self.big { LONG8 } else { LONG };
        let float = matches!(self.encoding, Encoding::F32 | Encoding::F64);
        let mut tags = vec![
            (256, LONG, long(width)),
            (257, LONG, long(height)),
            (258, SHORT, each(8 * self.encoding.size() as u16)),
            (259, SHORT, short(1)),
            (262, SHORT, short(if channels == 3 { 2 } else { 1 })),
            (273, place, vec![self.word(values)]),
            (277, SHORT, short(channels)),
            (278, LONG, long(height)),
            (279, place, vec![self.word(bytes)]),
            (339, SHORT, each(if float { 3 } else { 1 })),
        ];
        if first {
            tags.push((270, ASCII, self.text.bytes().chain([0]).map(|b| vec![b]).collect()));
            if let Some([.., y, x]) = self.units.spacing.as_deref()
                && let (Some(x), Some(y)) = (per_unit(*x), per_unit(*y))
            {
                tags.push((282, RATIONAL, vec![x]));
                tags.push((283, RATIONAL, vec![y]));
                tags.push((296, SHORT, short(1)));
            }
        }
        tags.sort_by_key(|tag| tag.0);
        let (entry, count) = if self.big { (20, 8) } else { (12, 2) };
        let room = self.word(0).len();
        // values that do not fit their entry stand behind the entries
        let behind = at + (count + entry * tags.len() + room) as u64;
        let (mut page, mut more) =
            ((tags.len() as u64).to_le_bytes()[..count].to_vec(), Vec::new());
        for (tag, kind, numbers) in tags {
            page.extend(u16::to_le_bytes(tag));
            page.extend(u16::to_le_bytes(kind));
            page.extend(self.word(numbers.len() as u64));
            let mut value = numbers.concat();
            if value.len() > room {
                page.extend(self.word(behind + more.len() as u64));
                value.resize(value.len().next_multiple_of(2), 0);
                more.extend(value);
            } else {
                value.resize(room, 0);
                page.extend(value);
            }
        }
        let next = behind + more.len() as u64;
        page.extend(self.word(if last { 0 } else { next }));
        page.extend(more);
        page
    }
}

/// Pixels per unit as the finest fraction whose numbers fit 32 bits, its larger one as large as the
/// smaller allows: off by 2⁻³² for spacings about 1. None beyond 2³² or below its inverse.
fn per_unit(spacing: f64) -> Option<Vec<u8>> {
    let most = f64::from(u32::MAX);
    let ratio = 1.0 / spacing;
    let (above, below) = if ratio < 1.0 {
        let above = (most * ratio).floor();
        (above, (above * spacing).round().min(most))
    } else {
        let below = (most * spacing).floor();
        ((below * ratio).round().min(most), below)
    };
    let fits = above >= 1.0 && below >= 1.0;
    fits.then(|| [(above as u32).to_le_bytes(), (below as u32).to_le_bytes()].concat())
}

/// What ImageJ writes into the first page of a stack.
fn description(pages: &Pages, units: &Units) -> String {
    let kind = if pages.volume { "slices" } else { "frames" };
    let mut text = format!("ImageJ=1.54f\nimages={0}\n{kind}={0}\n", pages.count);
    if let Some(spacing) = &units.spacing {
        // the tag holds ASCII, and a line is a key
        let unit = units.length.as_deref().unwrap_or_default().replace(['µ', 'μ'], "u");
        let unit: String = unit.chars().filter(|c| c.is_ascii_graphic()).collect();
        if !unit.is_empty() {
            text.push_str(&format!("unit={unit}\n"));
        }
        if pages.volume {
            text.push_str(&format!("spacing={}\n", spacing[0]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read;
    use crate::{RawFields, ReadOptions, SourceType, StoredFields};

    #[test]
    fn spacings_of_any_size_are_the_nearest_fractions() {
        let number = |bytes: &[u8]| f64::from(u32::from_le_bytes(bytes.try_into().unwrap()));
        for spacing in [1.0, 0.1, 3.0, 0.7, 1e-3, 123.456, 7e3, 4e4, 2.5e8, 3e-8, 2.9e9] {
            let bytes = per_unit(spacing).unwrap();
            let back = number(&bytes[4..]) / number(&bytes[..4]);
            // the larger number is rounded by a half, and nearly 2³² unless the smaller one is small
            let larger = number(&bytes[4..]).max(number(&bytes[..4]));
            assert!(larger > 0.4 * f64::from(u32::MAX), "{spacing}: {larger}");
            let error = (back / spacing - 1.0).abs() * larger;
            assert!(error < 0.51, "{spacing}: {back}");
        }
        for spacing in [1e10, 1e-10, 1e300, 1e-300] {
            assert_eq!(per_unit(spacing), None, "{spacing}");
        }
    }

    #[test]
    fn a_length_without_a_unit_stays_without() {
        let mut fields =
            RawFields::array(Path::new("a"), vec![1, 2, 2], 1, vec![0.0; 4], SourceType::F32)
                .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tif");
        for spacing in [vec![3.0, 0.5, 0.25], vec![2.0, 7e4, 7e4], vec![1.0, 1.0, 1.0]] {
            fields.units.spacing = Some(spacing.clone());
            let options = crate::WriteOptions { overwrite: true, ..Default::default() };
            crate::write(&path, &fields, &options).unwrap();
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            assert!(!text.contains("unit="), "{text}");
            let volume = ReadOptions { dim: Some(3), ..ReadOptions::default() };
            let back = read(&path, &volume).unwrap().units;
            let found = back.spacing.unwrap();
            assert!(
                found.iter().zip(&spacing).all(|(a, b)| (a / b - 1.0).abs() < 1e-8),
                "{found:?}"
            );
            assert_eq!(back.length, None);
        }
    }

    #[test]
    fn a_bigtiff_is_the_same_stack() {
        let values: Vec<f32> = (0..24).map(|v| v as f32 / 3.0).collect();
        let spacing = vec![3.0, 0.5, 0.25];
        let mut fields =
            RawFields::array(Path::new("a"), vec![2, 3, 4], 1, values, SourceType::F32).unwrap();
        fields.units.spacing = Some(spacing.clone());
        fields.units.length = Some("mm".into());
        let form = FieldsRef::from(&fields).form();
        let file = Tiff { big: true, ..stack(&form, Encoding::F32).unwrap() };
        let mut bytes = file.head();
        file.put(Path::new("a"), (&fields).into(), 0, &mut bytes).unwrap();
        file.end(Path::new("a"), &mut bytes).unwrap();
        assert_eq!(bytes[..4], *b"II+\0");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tif");
        std::fs::write(&path, bytes).unwrap();
        let volume = ReadOptions { dim: Some(3), ..ReadOptions::default() };
        let back = read(&path, &volume).unwrap();
        assert_eq!((&back.values, &back.points), (&fields.values, &fields.points));
        assert_eq!(back.units, fields.units);
        assert!(StoredFields::open(&path, &volume).is_ok());
    }
}
