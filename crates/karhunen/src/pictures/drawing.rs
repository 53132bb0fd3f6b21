//! Draws fields of any dimension and any number of channels in one picture.
//!
//! Functions of one variable are lines. Those of two variables are tiles; of three variables the
//! middle slice is shown. One channel is grey and three are colours. Other numbers of channels
//! stand side by side, each with its own range, because their units may differ.

use std::path::Path;

use karhunen_field::Ensemble;
use karhunen_figures::{LineChart, Series};
use karhunen_formats::{Montage, WriteOptions};

use super::range;
use crate::Error;

/// Largest number of lines in a chart: more cannot be told apart.
const LINES: usize = 6;
/// Smallest longer side of a tile in pixels; smaller fields are enlarged.
const PIXELS: usize = 48;
/// Largest number of fields in a montage.
const TILES: usize = 64;

/// The values drawn black and white in each channel. With a common scale, pictures can be compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale(Vec<(f64, f64)>);

impl Scale {
    /// The 0.5 % and 99.5 % quantiles of each channel of some fields, or the extremes if these
    /// coincide.
    pub fn of(fields: &Ensemble) -> Self {
        Self((0..fields.channels).map(|channel| range(fields, channel)).collect())
    }

    /// One range for all channels; none if it has zero length.
    fn whole(&self) -> Option<(f64, f64)> {
        let ends = self.0.iter().copied();
        let (low, high) = ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (a, b)| {
            (low.min(a), high.max(b))
        });
        (low < high).then_some((low, high))
    }
}

/// Draws fields into a PNG file.
///
/// # Errors
/// Errors of drawing and writing.
pub fn draw(fields: &Ensemble, path: &Path, force: bool) -> Result<(), Error> {
    draw_on(fields, None, path, force)
}

/// As [`draw`], on a given grey scale that other pictures share. Lines ignore the scale.
///
/// # Errors
/// Errors of drawing and writing.
pub fn draw_on(
    fields: &Ensemble,
    scale: Option<&Scale>,
    path: &Path,
    force: bool,
) -> Result<(), Error> {
    match (fields.grid.dim(), fields.channels) {
        (1, _) => lines(fields, path),
        (_, 1 | 3) => tiles(fields, (None, scale.and_then(Scale::whole)), path, force),
        (_, channels) => {
            let own;
            let scale = match scale {
                Some(scale) => scale,
                None => {
                    own = Scale::of(fields);
                    &own
                }
            };
            let shown = side_by_side(fields, scale);
            tiles(&shown, (Some(channels), Some((0.0, 1.0))), path, force)
        }
    }
}

/// Values over the axis. With one channel the first fields are shown; with several, the first
/// channel of a field is a solid line and the last one is dashed.
fn lines(fields: &Ensemble, path: &Path) -> Result<(), Error> {
    let (axis, last) = (&fields.grid.axes()[0], fields.channels - 1);
    let cells = axis.points;
    let line = |field: &[f64], index: usize, channel: usize| {
        let values = &field[channel * cells..(channel + 1) * cells];
        let of = if last > 0 { format!(", channel {channel}") } else { String::new() };
        Series {
            label: format!("field {index}{of}"),
            points: values.iter().enumerate().map(|(i, v)| (axis.centre(i), *v)).collect(),
            dashed: channel > 0,
        }
    };
    let shown = if last > 0 { LINES / 2 } else { LINES };
    let mut series: Vec<Series> =
        fields.fields().take(shown).enumerate().map(|(i, f)| line(f, i, 0)).collect();
    if last > 0 {
        series.extend(fields.fields().take(shown).enumerate().map(|(i, f)| line(f, i, last)));
    }
    let chart = LineChart {
        title: format!(
            "{} of {} fields on {}",
            shown.min(fields.count()),
            fields.count(),
            fields.grid
        ),
        x_label: "x".into(),
        y_label: "value".into(),
        series,
        ..LineChart::default()
    };
    Ok(chart.png(path, 900, 500)?)
}

/// A montage on a range of values; each row holds whole fields of `channels` tiles.
fn tiles(
    fields: &Ensemble,
    (channels, range): (Option<usize>, Option<(f64, f64)>),
    path: &Path,
    force: bool,
) -> Result<(), Error> {
    let longest = fields.grid.points().into_iter().rev().take(2).max().unwrap_or(1);
    let shown = fields.count().min(TILES);
    let columns = channels.map(|c| c * ((shown / c) as f64).sqrt().ceil().max(1.0) as usize);
    let montage = Montage {
        enlarge: (PIXELS / longest).max(1),
        at_most: channels.map_or(TILES, |c| (TILES / c).max(1) * c),
        columns,
        range,
    };
    let options = WriteOptions { overwrite: force, montage, ..WriteOptions::default() };
    karhunen_formats::write(path, fields, &options)?;
    Ok(())
}

/// Every channel as a field of its own, scaled to values between 0 and 1.
fn side_by_side(fields: &Ensemble, scale: &Scale) -> Ensemble {
    let mut out = Ensemble { channels: 1, ..fields.clone() };
    let cells = fields.grid.len();
    for (channel, (low, high)) in scale.0.iter().enumerate() {
        let width = if high > low { high - low } else { 1.0 };
        for block in out.values.chunks_exact_mut(cells).skip(channel).step_by(fields.channels) {
            block.iter_mut().for_each(|v| *v = (*v - low) / width);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use karhunen_field::{Boundary, Grid};

    use super::*;

    fn size(path: &Path) -> (u32, u32) {
        let bytes = std::fs::read(path).unwrap();
        let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        assert_eq!(&bytes[1..4], b"PNG");
        (number(16), number(20))
    }

    fn counted(points: &[usize], channels: usize, count: usize) -> Ensemble {
        let grid = Grid::unit(points, Boundary::Neumann).unwrap();
        let values = (0..count * channels * grid.len()).map(|i| i as f64).collect();
        Ensemble::new(grid, channels, values).unwrap()
    }

    #[test]
    fn every_dimension_and_number_of_channels_has_its_picture() {
        let path = std::env::temp_dir().join(format!("drawing-{}.png", std::process::id()));
        let tile = |tiles: u32, side: u32| tiles * (side + 2) - 2;
        for (points, channels, count, expected) in [
            (&[16][..], 1, 9, (900, 500)),
            (&[16], 17, 2, (900, 500)),
            (&[16, 24], 1, 4, (tile(2, 48), tile(2, 32))),
            // two channels side by side, two fields in a row
            (&[16, 16], 2, 4, (tile(4, 48), tile(2, 48))),
            (&[5, 16, 48], 1, 1, (48, 16)),
        ] {
            draw(&counted(points, channels, count), &path, true).unwrap();
            assert_eq!(size(&path), expected, "{points:?} {channels}");
        }
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn channels_have_ranges_of_their_own() {
        let fields = counted(&[10, 20], 2, 1);
        let apart = side_by_side(&fields, &Scale::of(&fields));
        assert_eq!((apart.channels, apart.count()), (1, 2));
        let [first, second] = [&apart.values[..200], &apart.values[200..]];
        assert_eq!(first, second);
        // 0 and 199 lie beyond the quantiles 1 and 198
        assert_eq!((first[1], first[198]), (0.0, 1.0));
    }

    #[test]
    fn two_pictures_on_one_scale_can_be_compared() {
        let path = std::env::temp_dir().join(format!("scale-{}.png", std::process::id()));
        let (low, mut high) = (counted(&[8, 8], 1, 2), counted(&[8, 8], 1, 2));
        high.values.iter_mut().for_each(|v| *v += 1e3);
        let picture = |fields: &Ensemble, scale: Option<&Scale>| {
            draw_on(fields, scale, &path, true).unwrap();
            std::fs::read(&path).unwrap()
        };
        assert_eq!(picture(&low, None), picture(&high, None));
        let scale = Scale::of(&low);
        assert_eq!(picture(&low, Some(&scale)), picture(&low, None));
        assert_ne!(picture(&high, Some(&scale)), picture(&low, None));
        // constant fields have no scale of their own
        let flat = Scale::of(&Ensemble { values: vec![3.0; 128], ..low.clone() });
        assert_eq!(picture(&low, Some(&flat)), picture(&low, None));
        std::fs::remove_file(&path).unwrap();
    }
}
