//! Converts fields to small integers for the page.
//!
//! A frame is one channel of one field, scaled from its smallest to its largest value. A finished
//! frame has 16 bits a value. A frame of an unfinished field has 8 bits and at most [`COARSE`]
//! cells an axis: every second, third, … cell.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use karhunen::Ensemble;
use serde::Serialize;

/// Largest number of cells an axis of unfinished fields, in one, two and three dimensions.
const COARSE: [usize; 3] = [512, 96, 24];

/// One channel of one field.
#[derive(Debug, PartialEq, Serialize)]
pub struct Frame {
    /// Name of a statistic, such as `mean`; none for a sampled field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'static str>,
    /// Index of the field.
    pub index: u64,
    pub channel: usize,
    /// Cells an axis; the last axis is fastest.
    pub cells: Vec<usize>,
    pub low: f64,
    pub high: f64,
    /// Number of bits of a value.
    pub bits: u8,
    /// Integers from 0 (low) to 2^bits − 1 (high), little-endian, in base64.
    pub data: String,
}

/// Frames of every channel of every field, with 16 bits. Field indices start at `first`.
pub fn finished(fields: &Ensemble, first: u64, name: Option<&'static str>) -> Vec<Frame> {
    let cells = fields.grid.points();
    let frame = |(i, values): (usize, &[f64])| {
        let index = first + (i / fields.channels) as u64;
        let (low, high) = range(values);
        let code = |v: &f64| part(*v, low, high, f64::from(u16::MAX)) as u16;
        let bytes: Vec<u8> = values.iter().flat_map(|v| code(v).to_le_bytes()).collect();
        let (channel, data) = (i % fields.channels, STANDARD.encode(bytes));
        Frame { name, index, channel, cells: cells.clone(), low, high, bits: 16, data }
    };
    fields.values.chunks_exact(fields.grid.len()).enumerate().map(frame).collect()
}

/// Frames of every channel of unfinished fields, with 8 bits and no finer than a page needs.
pub fn forming(fields: &Ensemble, first: u64) -> Vec<Frame> {
    let points = fields.grid.points();
    let most = COARSE[points.len().clamp(1, COARSE.len()) - 1];
    let cells: Vec<usize> = points.iter().map(|n| n.div_ceil(n.div_ceil(most))).collect();
    let at = flat(&points, &cells);
    let frame = |(i, values): (usize, &[f64])| {
        let index = first + (i / fields.channels) as u64;
        let values: Vec<f64> = at.iter().map(|at| values[*at]).collect();
        let (low, high) = range(&values);
        let bytes: Vec<u8> = values.iter().map(|v| part(*v, low, high, 255.0) as u8).collect();
        let (channel, data) = (i % fields.channels, STANDARD.encode(bytes));
        Frame { name: None, index, channel, cells: cells.clone(), low, high, bits: 8, data }
    };
    fields.values.chunks_exact(fields.grid.len()).enumerate().map(frame).collect()
}

/// Indices of a coarse view in the fine field: for each coarse cell, the fine cell at its centre.
fn flat(fine: &[usize], coarse: &[usize]) -> Vec<usize> {
    let mut all = vec![0];
    for (n, m) in fine.iter().zip(coarse) {
        let along = |j: usize| (2 * j + 1) * n / (2 * m);
        all = all.iter().flat_map(|at| (0..*m).map(move |j| at * n + along(j))).collect();
    }
    all
}

fn range(values: &[f64]) -> (f64, f64) {
    let bounds = (f64::INFINITY, f64::NEG_INFINITY);
    let (low, high) = values.iter().fold(bounds, |(l, h), v| (l.min(*v), h.max(*v)));
    if low <= high { (low, high) } else { (0.0, 0.0) }
}

fn part(value: f64, low: f64, high: f64, most: f64) -> f64 {
    let width = high - low;
    if width > 0.0 { (most * (value - low) / width).round() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use karhunen::{Boundary, Grid};

    use super::*;

    fn fields(points: &[usize], channels: usize, values: Vec<f64>) -> Ensemble {
        Ensemble::new(Grid::unit(points, Boundary::Neumann).unwrap(), channels, values).unwrap()
    }

    #[test]
    fn numbers_come_back_to_half_a_step() {
        let values: Vec<f64> = (0..24).map(|i| f64::from(i).sin() * 3.0 - 1.0).collect();
        let frames = finished(&fields(&[2, 3], 2, values.clone()), 7, None);
        let of: Vec<(u64, usize)> = frames.iter().map(|f| (f.index, f.channel)).collect();
        assert_eq!(of, [(7, 0), (7, 1), (8, 0), (8, 1)]);
        for (frame, values) in frames.iter().zip(values.chunks(6)) {
            let bytes = STANDARD.decode(&frame.data).unwrap();
            let step = (frame.high - frame.low) / 65535.0;
            for (bytes, value) in bytes.chunks(2).zip(values) {
                let back = frame.low + step * f64::from(u16::from_le_bytes([bytes[0], bytes[1]]));
                assert!((back - value).abs() <= 0.51 * step, "{back} {value}");
            }
        }
    }

    #[test]
    fn fields_that_form_are_as_coarse_as_a_page_needs() {
        let values = (0..300 * 10).map(|i| f64::from(i / 10)).collect();
        let frames = forming(&fields(&[300, 10], 1, values), 0);
        let frame = &frames[0];
        assert_eq!((&frame.cells[..], frame.bits), (&[75, 10][..], 8));
        // the middle one of four rows
        assert_eq!((frame.low, frame.high), (2.0, 298.0));
        assert_eq!(STANDARD.decode(&frame.data).unwrap().len(), 750);
        let small = forming(&fields(&[4], 1, vec![1.0; 4]), 3);
        assert_eq!((small[0].low, small[0].high, &small[0].data[..]), (1.0, 1.0, "AAAAAA=="));
        assert_eq!(flat(&[4, 3], &[2, 3]), [3, 4, 5, 9, 10, 11]);
    }
}
