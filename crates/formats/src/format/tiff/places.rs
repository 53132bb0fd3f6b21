//! Positions of the rows of an uncompressed grey TIFF, which is read by part.

use std::path::Path;

use crate::container::bytes::Bytes;
use crate::fields::stored::StoredFields;
use crate::fields::stored::places::Places;
use crate::format::tiff::page::Page;
use crate::format::tiff::series::Pages;
use crate::layout::Layout;
use crate::{FormatError, ReadOptions, Series};

/// Opens a stack of uncompressed grey pages. Each page is a field, or with `dim = 3` pages form
/// volumes. Fields are named after `file`.
pub(crate) fn open(
    path: &Path,
    bytes: Bytes,
    file: &str,
    options: &ReadOptions,
) -> Result<StoredFields, FormatError> {
    // the offset is subtracted when blocks are read
    let own = ReadOptions { offset: 0.0, ..options.clone() };
    let series = Pages::open(path, &bytes, &own)?;
    series.check(options)?;
    let first = series.page.clone();
    let (mut offsets, mut expected, found) = (Vec::new(), 0u64, series.tags.length);
    for (directory, shift) in series.pages() {
        let page = series.like_first(directory)?;
        let whole = |what: &str| FormatError::Unsupported {
            path: path.into(),
            what: format!(
                "page {} {what}; only uncompressed grey strips are read by part, read it whole",
                directory.page
            ),
        };
        plain(&page, &first).map_err(whole)?;
        // pages may share one table of strips, but not the bytes of their rows: positions are
        // stored only for rows that fit in the file
        expected = expected.saturating_add(page.bytes());
        if expected > found {
            return Err(FormatError::Truncated { path: path.into(), expected, found });
        }
        let (places, _) = page.places(&series.tags, directory)?;
        if places.contains(&0) {
            return Err(whole("has strips that were never written"));
        }
        offsets.extend(places.iter().map(|at| at.saturating_add(shift)));
    }
    let places = Places::Strips {
        strips_a_page: first.chunks().1,
        rows_a_strip: first.chunk.1,
        row: first.row_bytes(first.width),
        channels: series.channel_pages(),
        offsets,
    };
    let (points, channels) = (series.points(), series.channels());
    let (count, dim) = (series.fields().0, points.len());
    let layout = Layout { channels, points, channels_last: false, note: None };
    let number = (first.dtype, series.tags.endian);
    let (packing, units) = (series.packing.clone(), series.calibration.units(dim));
    let (names, notes) = (series.names(file), series.notes.clone());
    drop(series);
    let mut fields = StoredFields::new(path, bytes, layout, count, number, places)?;
    fields.name_fields(names);
    fields.notes_mut().extend(notes);
    fields.set_packing(packing);
    fields.series = Series::Stack;
    fields.units = units;
    Ok(fields)
}

/// The reason why the rows of a page cannot be read in place.
fn plain(page: &Page, first: &Page) -> Result<(), &'static str> {
    match page {
        Page { compression: 2.., .. } => Err("is compressed"),
        Page { tiled: true, .. } => Err("is tiled"),
        Page { samples: 2.., .. } => Err("has several samples a pixel"),
        Page { orientation: 2.., .. } => Err("is turned"),
        Page { reversed: true, .. } => Err("has its bits reversed"),
        _ if page.bits != 8 * page.dtype.size() || page.bits < 8 => Err("has packed bits"),
        _ if page != first => Err("is in other strips than the first"),
        _ => Ok(()),
    }
}
