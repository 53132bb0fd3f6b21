//! Grey-scale pictures of fields inside the page.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use karhunen_field::Ensemble;

use crate::ReportError;

/// Pixels between the fields of a mosaic.
const GAP: usize = 2;
/// Value of the gap.
const WHITE: u8 = 255;
/// Part of the real values that may lie beyond black, and as many beyond white.
const CLIPPED: f64 = 0.002;

/// A picture with its size.
#[derive(Debug)]
pub(crate) struct Picture {
    /// `data:image/png;base64,…`
    pub address: String,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
}

/// The grey scale: the values of black and of white.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    pub black: f64,
    pub white: f64,
}

impl Scale {
    /// Spans the values of one channel of real fields, except for the most extreme ones.
    pub fn of(real: &Ensemble, channel: usize) -> Self {
        let points = real.grid.len();
        let mut values: Vec<f64> = real
            .fields()
            .flat_map(|f| f[channel * points..(channel + 1) * points].iter().copied())
            .collect();
        values.sort_unstable_by(f64::total_cmp);
        let last = values.len() - 1;
        let at = |part: f64| values[(part * last as f64).round() as usize];
        let (black, mut white) = (at(CLIPPED), at(1.0 - CLIPPED));
        if white <= black {
            white = black + 1.0;
        }
        Self { black, white }
    }

    fn grey(self, value: f64) -> u8 {
        let part = (value - self.black) / (self.white - self.black);
        (255.0 * part.clamp(0.0, 1.0)).round() as u8
    }
}

/// Rows, columns and values of the part of a field that is shown: all in 2-D, the middle slice in
/// 3-D.
fn slice(fields: &Ensemble, index: usize, channel: usize) -> (usize, usize, &[f64]) {
    let points = fields.grid.points();
    let [rows, columns] = [points[points.len() - 2], points[points.len() - 1]];
    let field = fields.fields().nth(index).expect("an index of the ensemble");
    let channel = &field[channel * fields.grid.len()..(channel + 1) * fields.grid.len()];
    let first = if points.len() == 3 { points[0] / 2 * rows * columns } else { 0 };
    (rows, columns, &channel[first..first + rows * columns])
}

/// The first `count` fields of a channel as a square mosaic.
///
/// # Panics
/// In one dimension.
pub(crate) fn mosaic(
    fields: &Ensemble,
    channel: usize,
    count: usize,
    scale: Scale,
) -> Result<Picture, ReportError> {
    let count = count.min(fields.count());
    let across = (1..).find(|n| n * n >= count).expect("a square root");
    let down = count.div_ceil(across);
    let (rows, columns, _) = slice(fields, 0, channel);
    let (width, height) = (across * (columns + GAP) - GAP, down * (rows + GAP) - GAP);
    let mut pixels = vec![WHITE; width * height];
    for index in 0..count {
        let (top, left) = (index / across * (rows + GAP), index % across * (columns + GAP));
        let (_, _, values) = slice(fields, index, channel);
        for (row, line) in values.chunks_exact(columns).enumerate() {
            let at = (top + row) * width + left;
            for (pixel, value) in pixels[at..at + columns].iter_mut().zip(line) {
                *pixel = scale.grey(*value);
            }
        }
    }
    encode(&pixels, width, height)
}

/// One channel of one field.
pub(crate) fn single(
    fields: &Ensemble,
    index: usize,
    channel: usize,
    scale: Scale,
) -> Result<Picture, ReportError> {
    let (rows, columns, values) = slice(fields, index, channel);
    let pixels: Vec<u8> = values.iter().map(|value| scale.grey(*value)).collect();
    encode(&pixels, columns, rows)
}

fn encode(pixels: &[u8], width: usize, height: usize) -> Result<Picture, ReportError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    let address = format!("data:image/png;base64,{}", STANDARD.encode(&bytes));
    Ok(Picture { address, width, height })
}

#[cfg(test)]
mod tests {
    use karhunen_field::{Boundary, Grid};

    use super::*;

    fn decoded(picture: &Picture) -> (u32, u32, Vec<u8>) {
        let text = picture.address.strip_prefix("data:image/png;base64,").unwrap();
        let bytes = STANDARD.decode(text).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        (info.width, info.height, pixels)
    }

    #[test]
    fn a_mosaic_holds_the_fields_in_their_order() {
        let grid = Grid::unit(&[2, 3], Boundary::Neumann).unwrap();
        let values: Vec<f64> = (0..3).flat_map(|field| vec![f64::from(field) / 2.0; 6]).collect();
        let fields = Ensemble::new(grid, 1, values).unwrap();
        let scale = Scale { black: 0.0, white: 1.0 };
        let (width, height, pixels) = decoded(&mosaic(&fields, 0, 16, scale).unwrap());
        assert_eq!((width, height), (8, 6));
        let at = |row: usize, column: usize| pixels[row * 8 + column];
        assert_eq!((at(0, 0), at(0, 3), at(0, 5)), (0, 255, 128));
        // the third field stands below the first, and no fourth one beside it
        assert_eq!((at(4, 2), at(2, 0), at(5, 7)), (255, 255, 255));
    }

    #[test]
    fn volumes_show_their_middle() {
        let grid = Grid::unit(&[4, 2, 2], Boundary::Neumann).unwrap();
        let values: Vec<f64> = (0..16).map(|i| f64::from(i / 4)).collect();
        let fields = Ensemble::new(grid, 1, values).unwrap();
        let scale = Scale { black: 0.0, white: 3.0 };
        let (width, height, pixels) = decoded(&single(&fields, 0, 0, scale).unwrap());
        assert_eq!((width, height, pixels), (2, 2, vec![170; 4]));
    }

    #[test]
    fn constant_fields_have_a_scale() {
        let grid = Grid::unit(&[4], Boundary::Neumann).unwrap();
        let fields = Ensemble::new(grid, 1, vec![7.0; 8]).unwrap();
        assert_eq!(Scale::of(&fields, 0), Scale { black: 7.0, white: 8.0 });
    }
}
