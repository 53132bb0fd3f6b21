//! Draws many fields in one 8-bit picture.
//!
//! Fields are tiles, row by row, with a thin white gap between them. One channel is grey and three
//! are colours; of other numbers of channels the first is drawn. A 1-D field is a strip one point
//! high. A 3-D field shows the middle slice of its first axis. All fields share one range of
//! values, so that tiles can be compared.

use std::io::Write;
use std::path::Path;

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

use crate::{FieldsRef, FormatError};

/// Pixels between tiles.
const GAP: usize = 2;
/// White, the colour of gaps and of empty places.
const PAPER: u8 = 255;
/// Larger pictures are refused.
const PIXELS_AT_MOST: u128 = 1 << 28;
/// Quantiles that give the default range, so that a few outliers do not reduce the contrast.
const QUANTILES: (f64, f64) = (0.005, 0.995);

/// The arrangement of fields in a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Montage {
    /// Tiles in a row; `None` means about the square root of their number.
    pub columns: Option<usize>,
    /// Values drawn black and white. `None` means the 0.5 % and 99.5 % quantiles of the visible
    /// channels over **all** fields, visible or not; see [`Written::range`](crate::Written::range).
    pub range: Option<(f64, f64)>,
    /// Pixels a side for one point, by nearest-neighbour enlargement.
    pub enlarge: usize,
    /// Largest number of fields drawn; the first ones are taken.
    pub at_most: usize,
}

impl Default for Montage {
    fn default() -> Self {
        Self { columns: None, range: None, enlarge: 1, at_most: 64 }
    }
}

/// A montage in pixels.
pub(crate) struct Drawn {
    pub(crate) shown: usize,
    pub(crate) range: (f64, f64),
    width: usize,
    height: usize,
    channels: usize,
    pixels: Vec<u8>,
}

impl Drawn {
    /// Writes the picture as a PNG.
    pub(crate) fn encode(&self, path: &Path, to: &mut dyn Write) -> Result<(), FormatError> {
        let color =
            if self.channels == 3 { ExtendedColorType::Rgb8 } else { ExtendedColorType::L8 };
        PngEncoder::new(to)
            .write_image(&self.pixels, self.width as u32, self.height as u32, color)
            .map_err(|error| match error {
                image::ImageError::IoError(source) => {
                    FormatError::Write { path: path.into(), source }
                }
                source => FormatError::Image { path: path.into(), source },
            })
    }
}

/// Position of the visible values in a field.
struct Tile {
    channels: usize,
    height: usize,
    width: usize,
    /// Number of values of one channel of a field.
    plane: usize,
    /// Index of the first visible value of a channel.
    start: usize,
    /// Number of values of a field.
    field: usize,
}

impl Tile {
    fn of(fields: FieldsRef<'_>) -> Self {
        let points = fields.points();
        let plane: usize = points.iter().product();
        let width = points[points.len() - 1];
        let height = if points.len() > 1 { points[points.len() - 2] } else { 1 };
        let depth = plane / (height * width);
        Self {
            channels: if fields.channels() == 3 { 3 } else { 1 },
            height,
            width,
            plane,
            start: depth / 2 * height * width,
            field: plane * fields.channels(),
        }
    }

    fn index(&self, item: usize, channel: usize, row: usize, column: usize) -> usize {
        item * self.field + channel * self.plane + self.start + row * self.width + column
    }
}

/// Draws fields, of which there must be at least one.
pub(crate) fn draw(
    path: &Path,
    fields: FieldsRef<'_>,
    options: &Montage,
) -> Result<Drawn, FormatError> {
    if let Some(index) = (0..fields.len()).find(|&i| !fields.value(i).is_finite()) {
        let value = fields.value(index);
        return Err(FormatError::NonFinite { path: path.into(), index, value });
    }
    let tile = Tile::of(fields);
    let shown = options.at_most.min(fields.len() / tile.field);
    let columns = options.columns.unwrap_or((shown as f64).sqrt().ceil() as usize).min(shown);
    let refuse = |parameter, value: String, requirement: String| {
        Err(FormatError::Parameter { parameter, value, requirement })
    };
    for (parameter, value) in
        [("at_most", options.at_most), ("columns", columns), ("enlarge", options.enlarge)]
    {
        if value == 0 {
            return refuse(parameter, "0".into(), "a montage needs at least 1".into());
        }
    }
    let side = |tiles: usize, points: usize| {
        (points as u128 * options.enlarge as u128 + GAP as u128) * tiles as u128 - GAP as u128
    };
    let rows = shown.div_ceil(columns);
    let (width, height) = (side(columns, tile.width), side(rows, tile.height));
    if width.saturating_mul(height) > PIXELS_AT_MOST {
        let requirement = format!(
            "{rows} rows of {columns} tiles make {width}x{height} pixels; at most {PIXELS_AT_MOST} \
             are drawn, show fewer fields"
        );
        return refuse("enlarge", options.enlarge.to_string(), requirement);
    }
    let range = match options.range {
        Some((low, high)) if low.is_finite() && high.is_finite() && low < high => (low, high),
        Some(range) => {
            return refuse("range", format!("{range:?}"), "two finite numbers, low < high".into());
        }
        None => quantiles(fields, &tile),
    };
    let (width, height) = (width as usize, height as usize);
    let mut pixels = vec![PAPER; width * height * tile.channels];
    for item in 0..shown {
        let top = item / columns * (tile.height * options.enlarge + GAP);
        let left = item % columns * (tile.width * options.enlarge + GAP);
        for y in 0..tile.height * options.enlarge {
            for x in 0..tile.width * options.enlarge {
                for c in 0..tile.channels {
                    let from = tile.index(item, c, y / options.enlarge, x / options.enlarge);
                    let to = ((top + y) * width + left + x) * tile.channels + c;
                    pixels[to] = shade(fields.value(from), range);
                }
            }
        }
    }
    Ok(Drawn { shown, range, width, height, channels: tile.channels, pixels })
}

/// The grey of a value: 0 at the low end of the range, 255 at the high end, mid-grey for an empty
/// range.
fn shade(value: f64, (low, high): (f64, f64)) -> u8 {
    if low == high {
        return 128;
    }
    // halved first, because high - low may overflow
    let share = (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
    (share.clamp(0.0, 1.0) * 255.0).round() as u8
}

/// The range of the visible channels over all fields: quantiles, or the extremes if these coincide.
fn quantiles(fields: FieldsRef<'_>, tile: &Tile) -> (f64, f64) {
    let used = tile.channels * tile.plane;
    let mut values: Vec<f64> =
        (0..fields.len()).filter(|i| i % tile.field < used).map(|i| fields.value(i)).collect();
    let mut at = |share: f64| {
        let rank = (share * (values.len() - 1) as f64).round() as usize;
        *values.select_nth_unstable_by(rank, f64::total_cmp).1
    };
    match (at(QUANTILES.0), at(QUANTILES.1)) {
        (low, high) if low < high => (low, high),
        _ => (at(0.0), at(1.0)),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::{RawFields, SourceType};

    fn fields(points: &[usize], channels: usize, values: Vec<f32>) -> RawFields {
        RawFields::array(&PathBuf::from("a"), points.into(), channels, values, SourceType::F32)
            .unwrap()
    }

    fn drawn(fields: &RawFields, options: Montage) -> Drawn {
        draw(Path::new("a.png"), fields.into(), &options).unwrap()
    }

    #[test]
    fn tiles_stand_row_by_row_with_a_gap() {
        let three = fields(&[1, 2], 1, vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        let range = Some((0.0, 5.0));
        let m = drawn(&three, Montage { columns: Some(2), range, ..Montage::default() });
        assert_eq!((m.width, m.height, m.shown), (6, 4, 3));
        #[rustfmt::skip]
        assert_eq!(m.pixels, [
            0, 51, 255, 255, 102, 153,
            255, 255, 255, 255, 255, 255,
            255, 255, 255, 255, 255, 255,
            204, 255, 255, 255, 255, 255,
        ]);
    }

    #[test]
    fn enlargement_repeats_points_and_colours_stay_together() {
        let rgb = fields(&[1, 2], 3, vec![0.0, 255.0, 10.0, 20.0, 30.0, 40.0]);
        let range = Some((0.0, 255.0));
        let m = drawn(&rgb, Montage { enlarge: 2, range, ..Montage::default() });
        assert_eq!((m.width, m.height, m.channels), (4, 2, 3));
        let row = [0, 10, 30, 0, 10, 30, 255, 20, 40, 255, 20, 40];
        assert_eq!(m.pixels, [row, row].concat());
    }

    #[test]
    fn lines_are_strips_and_volumes_show_their_middle() {
        let line = fields(&[4], 2, vec![0.0, 1.0, 2.0, 255.0, 9.0, 9.0, 9.0, 9.0]);
        let range = Some((0.0, 255.0));
        let m = drawn(&line, Montage { range, ..Montage::default() });
        assert_eq!((m.width, m.height, &m.pixels[..]), (4, 1, &[0, 1, 2, 255][..]));
        let volume = fields(&[3, 1, 2], 1, (0..6).map(|v| v as f32).collect());
        let m = drawn(&volume, Montage { range, ..Montage::default() });
        assert_eq!((m.width, m.height, &m.pixels[..]), (2, 1, &[2, 3][..]));
    }

    #[test]
    fn the_range_is_of_all_fields_without_outliers() {
        // 0 … 999 and two outliers; only the first field is visible
        let mut values: Vec<f32> = (0..1000).map(|v| v as f32).collect();
        values.extend([-1e30, 1e30]);
        let m = drawn(&fields(&[2], 1, values), Montage { at_most: 1, ..Montage::default() });
        assert_eq!(m.range, (4.0, 995.0));
        let flat = drawn(&fields(&[2], 1, vec![7.0; 4]), Montage::default());
        assert_eq!((flat.range, flat.pixels[0]), ((7.0, 7.0), 128));
        let mut rare = vec![0.0; 1000];
        rare[500] = 1.0;
        assert_eq!(drawn(&fields(&[1000], 1, rare), Montage::default()).range, (0.0, 1.0));
    }

    #[test]
    fn impossible_montages_say_which_parameter() {
        let one = fields(&[2, 2], 1, vec![0.0; 4]);
        let base = Montage::default;
        for (options, name) in [
            (Montage { enlarge: 0, ..base() }, "enlarge"),
            (Montage { enlarge: usize::MAX, ..base() }, "enlarge"),
            (Montage { at_most: 0, ..base() }, "at_most"),
            (Montage { columns: Some(0), ..base() }, "columns"),
            (Montage { range: Some((1.0, 1.0)), ..base() }, "range"),
            (Montage { range: Some((0.0, f64::NAN)), ..base() }, "range"),
        ] {
            let error = draw(Path::new("a.png"), (&one).into(), &options).err().unwrap();
            assert!(matches!(error, FormatError::Parameter { parameter, .. } if parameter == name));
        }
    }
}
