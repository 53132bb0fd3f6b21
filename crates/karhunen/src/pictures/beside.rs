//! Draws real fields and samples side by side in one picture, on one scale.
//!
//! Fields of two variables are tiles; of three variables the middle slice is shown. One channel is
//! grey and three are colours. Other numbers of channels stand side by side, each with its own
//! range. Fields of one variable are lines over one pair of axes, and real ones are dashed. The
//! range is that of the real fields; sample values beyond it are drawn like the real extremes.

use std::path::Path;

use karhunen_field::Ensemble;
use karhunen_figures::{LineChart, Panel, Panels, Series, Tile};

use super::range;
use crate::Error;
use crate::output::make_folder;

/// Largest number of fields of each set in a picture.
const TILES: usize = 16;
const LINES: usize = 4;

/// Draws the first real fields and the first samples.
///
/// # Errors
/// Errors of drawing and writing.
pub fn beside(real: &Ensemble, samples: &Ensemble, path: &Path) -> Result<(), Error> {
    make_folder(path)?;
    match real.grid.dim() {
        1 => lines(real, samples).png(path, 900, 500)?,
        _ => tiles(real, samples).png(path)?,
    }
    Ok(())
}

fn tiles(real: &Ensemble, samples: &Ensemble) -> Panels {
    let mut ranges: Vec<(f64, f64)> = (0..real.channels).map(|c| range(real, c)).collect();
    if let [a, b, c] = ranges[..] {
        // the three colours share one range, so that grey stays grey
        ranges.fill((a.0.min(b.0).min(c.0), a.1.max(b.1).max(c.1)));
    }
    let panel = |what: &str, fields: &Ensemble| Panel {
        label: format!(
            "{} of {} {what} at {}",
            fields.count().min(TILES),
            fields.count(),
            fields.grid
        ),
        tiles: fields.fields().take(TILES).map(|field| tile(field, fields, &ranges)).collect(),
    };
    let slice = if real.grid.dim() == 3 { "middle slices; " } else { "" };
    let scale = match ranges[..] {
        [(low, high)] | [(low, high), _, _] => format!("black {low:.4}, white {high:.4} in both"),
        _ => format!("{} channels beside each other, each with one scale in both", ranges.len()),
    };
    Panels {
        panels: vec![panel("real fields", real), panel("samples", samples)],
        note: format!("{slice}{scale}"),
    }
}

/// One field, or its middle slice along the first of three axes, as a tile.
fn tile(field: &[f64], of: &Ensemble, ranges: &[(f64, f64)]) -> Tile {
    let points = of.grid.points();
    let (height, width) = (points[points.len() - 2], points[points.len() - 1]);
    let (plane, cells) = (height * width, of.grid.len());
    let start = cells / plane / 2 * plane;
    let shade = |channel: usize, at: usize| {
        let (low, high) = ranges[channel];
        let value = field[channel * cells + start + at];
        let share = if high > low { (value - low) / (high - low) } else { 0.5 };
        (share.clamp(0.0, 1.0) * 255.0).round() as u8
    };
    if of.channels == 3 {
        let colour = |at| [shade(0, at), shade(1, at), shade(2, at)];
        return Tile { width, pixels: (0..plane).map(colour).collect() };
    }
    let row = |y: usize| {
        (0..of.channels)
            .flat_map(move |c| (0..width).map(move |x| (c, y * width + x)))
            .map(|(c, at)| [shade(c, at); 3])
    };
    Tile { width: width * of.channels, pixels: (0..height).flat_map(row).collect() }
}

fn lines(real: &Ensemble, samples: &Ensemble) -> LineChart {
    let line = |what: &str, fields: &Ensemble, index: usize, dashed: bool| {
        let axis = &fields.grid.axes()[0];
        let field = &fields.values[index * fields.field_len()..][..axis.points];
        Series {
            label: format!("{what} {index}"),
            points: field.iter().enumerate().map(|(i, v)| (axis.centre(i), *v)).collect(),
            dashed,
        }
    };
    let shown = real.count().min(samples.count()).min(LINES);
    let both = [("real field", real, true), ("sample", samples, false)];
    let series = both
        .into_iter()
        .flat_map(|(what, fields, dashed)| {
            (0..shown).map(move |i| line(what, fields, i, dashed)).collect::<Vec<_>>()
        })
        .collect();
    let channel = if real.channels > 1 { ", channel 0" } else { "" };
    LineChart {
        title: format!(
            "{shown} of {} real fields (dashed) and of {} samples at {}{channel}",
            real.count(),
            samples.count(),
            real.grid
        ),
        x_label: "x".into(),
        y_label: "value".into(),
        series,
        ..LineChart::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use karhunen_field::{Boundary, Grid};

    fn counted(points: &[usize], channels: usize, count: usize, factor: f64) -> Ensemble {
        let grid = Grid::unit(points, Boundary::Neumann).unwrap();
        let values = (0..count * channels * grid.len()).map(|i| factor * i as f64).collect();
        Ensemble::new(grid, channels, values).unwrap()
    }

    #[test]
    fn both_sides_have_the_scale_of_the_real_fields() {
        let (real, samples) = (counted(&[4, 5], 1, 10, 1.0), counted(&[4, 5], 1, 30, 2.0));
        let panels = tiles(&real, &samples);
        let [a, b] = &panels.panels[..] else { panic!() };
        assert_eq!((a.label.as_str(), a.tiles.len()), ("10 of 10 real fields at 4x5", 10));
        assert_eq!((b.label.as_str(), b.tiles.len()), ("16 of 30 samples at 4x5", 16));
        // 0 … 199 without the outermost value on each side
        assert_eq!(range(&real, 0), (1.0, 198.0));
        // value 20 has the same colour in real fields and samples
        assert_eq!(a.tiles[1].pixels[0], b.tiles[0].pixels[10]);
        assert_eq!(b.tiles[15].pixels[0], [255; 3]);
        assert_eq!(panels.note, "black 1.0000, white 198.0000 in both");
    }

    #[test]
    fn volumes_show_their_middle_and_channels_stand_apart() {
        let volume = counted(&[3, 2, 2], 1, 1, 1.0);
        let shown = tile(volume.fields().next().unwrap(), &volume, &[(0.0, 255.0)]);
        assert_eq!(shown.pixels, [[4; 3], [5; 3], [6; 3], [7; 3]]);
        let two = counted(&[1, 2], 2, 1, 1.0);
        let shown = tile(two.fields().next().unwrap(), &two, &[(0.0, 255.0), (0.0, 255.0)]);
        assert_eq!((shown.width, shown.pixels), (4, vec![[0; 3], [1; 3], [2; 3], [3; 3]]));
        let three = counted(&[1, 2], 3, 1, 1.0);
        let shown = tile(three.fields().next().unwrap(), &three, &[(0.0, 255.0); 3]);
        assert_eq!(shown.pixels, [[0, 2, 4], [1, 3, 5]]);
    }

    #[test]
    fn every_dimension_has_its_picture() {
        let path = std::env::temp_dir().join(format!("beside-{}.png", std::process::id()));
        for (points, channels) in
            [(&[16][..], 1), (&[16], 2), (&[5, 7], 2), (&[5, 7], 3), (&[3, 5, 7], 1)]
        {
            let real = counted(points, channels, 5, 1.0);
            beside(&real, &counted(points, channels, 3, 1.1), &path).unwrap();
            assert_eq!(&std::fs::read(&path).unwrap()[1..4], b"PNG", "{points:?} {channels}");
        }
        std::fs::remove_file(&path).unwrap();
    }
}
