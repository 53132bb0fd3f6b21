//! Summarises draws of a posterior: mean, standard deviation, quantiles and three draws. They are
//! written as fields, and as one picture with the observed places on top.

use std::path::Path;

use karhunen_field::observation::Observations;
use karhunen_field::{Axis, Boundary, Ensemble, Grid};
use karhunen_formats::{Montage, WriteOptions};

use super::REPLACING;
use crate::Error;
use crate::output::{self, make};

/// Written quantiles, in per cent.
const QUANTILES: [u32; 3] = [5, 50, 95];
/// Number of draws shown.
const DRAWS: usize = 3;
/// Smallest longer side of a tile in pixels.
const PIXELS: usize = 224;
/// Radius of the mark of an observed place, in pixels.
const RADIUS: f64 = 3.5;

/// Running mean and standard deviation of fields (Welford's recursion).
#[derive(Debug)]
pub struct Summary {
    grid: Grid,
    channels: usize,
    count: f64,
    mean: Vec<f64>,
    squares: Vec<f64>,
}

impl Summary {
    /// A summary of fields with this many channels on a grid.
    pub fn new(grid: Grid, channels: usize) -> Self {
        let zero = vec![0.0; channels * grid.len()];
        Self { grid, channels, count: 0.0, mean: zero.clone(), squares: zero }
    }

    /// Adds fields to the summary.
    pub fn add(&mut self, fields: &Ensemble) {
        for field in fields.fields() {
            self.count += 1.0;
            for ((x, mean), square) in field.iter().zip(&mut self.mean).zip(&mut self.squares) {
                let before = x - *mean;
                *mean += before / self.count;
                *square += before * (x - *mean);
            }
        }
    }

    /// The mean and the standard deviation (0 for a single field), as two fields.
    pub fn finish(self) -> Ensemble {
        let divisor = (self.count - 1.0).max(1.0);
        let deviation = self.squares.iter().map(|s| (s / divisor).sqrt());
        let values = self.mean.iter().copied().chain(deviation).collect();
        Ensemble { grid: self.grid, channels: self.channels, values }
    }
}

/// Writes `mean.npy`, `sd.npy`, `quantiles.npy` (5, 50, 95 %), `draws.npy` and `posterior.png` into a folder.
///
/// # Errors
/// Errors while writing.
pub fn write(draws: &Ensemble, observed: &Observations, folder: &Path) -> Result<(), Error> {
    make(folder)?;
    let mut summary = Summary::new(draws.grid, draws.channels);
    summary.add(draws);
    let moments = summary.finish();
    let quantiles = quantiles(draws);
    let shown = draws.slice(0..draws.count().min(DRAWS));
    for (name, fields) in [
        ("mean.npy", &moments.slice(0..1)),
        ("sd.npy", &moments.slice(1..2)),
        ("quantiles.npy", &quantiles),
        ("draws.npy", &shown),
    ] {
        output::write(fields, &folder.join(name), &REPLACING)?;
    }
    let picture = folder.join("posterior.png");
    match draws.grid.dim() {
        1 => output::write(&lines(&moments, &quantiles, &shown)?, &picture, &REPLACING),
        _ => tiles(&moments, &quantiles, &shown, observed, &picture),
    }
}

/// Quantiles of every cell.
fn quantiles(draws: &Ensemble) -> Ensemble {
    let (len, n) = (draws.field_len(), draws.count());
    let mut values = vec![0.0; QUANTILES.len() * len];
    let mut cell = vec![0.0; n];
    for k in 0..len {
        cell.iter_mut().zip(draws.fields()).for_each(|(v, field)| *v = field[k]);
        cell.sort_unstable_by(f64::total_cmp);
        for (i, q) in QUANTILES.iter().enumerate() {
            // linear between order statistics, the default of NumPy
            let at = f64::from(*q) / 100.0 * (n - 1) as f64;
            let (low, part) = (at.floor() as usize, at.fract());
            let high = cell[(low + 1).min(n - 1)];
            values[i * len + k] = cell[low] + part * (high - cell[low]);
        }
    }
    Ensemble { grid: draws.grid, channels: draws.channels, values }
}

/// A chart of the first channel: the mean, the outer quantiles and two draws.
fn lines(moments: &Ensemble, quantiles: &Ensemble, shown: &Ensemble) -> Result<Ensemble, Error> {
    let cells = moments.grid.len();
    let mut values = moments.values[..cells].to_vec();
    for q in [0, 2] {
        let at = q * quantiles.field_len();
        values.extend(&quantiles.values[at..at + cells]);
    }
    values.extend(shown.fields().flat_map(|f| &f[..cells]));
    Ok(Ensemble::new(moments.grid, 1, values)?)
}

/// Tiles of the first channel: mean, standard deviation and median, with three draws below.
fn tiles(
    moments: &Ensemble,
    quantiles: &Ensemble,
    shown: &Ensemble,
    observed: &Observations,
    path: &Path,
) -> Result<(), Error> {
    let grid = moments.grid;
    let cells = grid.len();
    let len = moments.field_len();
    let mut fields = vec![
        moments.values[..cells].to_vec(),
        moments.values[len..len + cells].to_vec(),
        quantiles.values[len..len + cells].to_vec(),
    ];
    fields.extend(shown.fields().map(|f| f[..cells].to_vec()));
    let drawn: Vec<f64> =
        fields.iter().enumerate().filter(|(i, _)| *i != 1).flat_map(|(_, f)| f.clone()).collect();
    let bounds = |values: &[f64]| {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        (low, values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
    };
    let (low, high) = bounds(&drawn);
    let most = bounds(&fields[1]).1;
    let points = grid.points();
    let plane: Vec<usize> = points[points.len() - 2..].to_vec();
    // the middle slice of a volume
    let skip = if points.len() == 3 { points[0] / 2 * plane[0] * plane[1] } else { 0 };
    let zoom = (PIXELS / plane[0].max(plane[1])).max(1);
    let size = [plane[0] * zoom, plane[1] * zoom];
    let mut values = Vec::new();
    for (i, field) in fields.iter().enumerate() {
        let scaled = |v: f64| match i {
            1 => v / most.max(f64::MIN_POSITIVE),
            _ => (v - low) / (high - low).max(f64::MIN_POSITIVE),
        };
        let mut tile: Vec<f64> = Vec::with_capacity(size[0] * size[1]);
        for row in 0..size[0] {
            let at = skip + row / zoom * plane[1];
            tile.extend((0..size[1]).map(|column| scaled(field[at + column / zoom])));
        }
        if grid.dim() == 2 {
            mark(
                &mut tile,
                size,
                &grid,
                observed,
                |v| (v - low) / (high - low).max(f64::MIN_POSITIVE),
                i == 1,
            );
        }
        values.extend(tile);
    }
    let axes =
        size.map(|points| Axis { points, length: points as f64, boundary: Boundary::Neumann });
    let all = Ensemble::new(Grid::new(&axes)?, 1, values)?;
    let montage = Montage { columns: Some(3), range: Some((0.0, 1.0)), ..Montage::default() };
    let options = WriteOptions { overwrite: true, montage, ..WriteOptions::default() };
    karhunen_formats::write(path, &all, &options)?;
    Ok(())
}

/// Discs at the observed places of the first channel, filled with the grey of the observed value.
fn mark(
    tile: &mut [f64],
    size: [usize; 2],
    grid: &Grid,
    observed: &Observations,
    scaled: impl Fn(f64) -> f64,
    hollow: bool,
) {
    let places = observed.parts().iter().flat_map(|part| part.places());
    for (place, channel, value) in places {
        if channel != 0 {
            continue;
        }
        let centre: Vec<f64> = grid
            .axes()
            .iter()
            .zip(place)
            .zip(size)
            .map(|((axis, x), pixels)| x / axis.length * pixels as f64)
            .collect();
        let reach = RADIUS.ceil() as isize + 1;
        for i in -reach..=reach {
            for j in -reach..=reach {
                let (row, column) = (centre[0] as isize + i, centre[1] as isize + j);
                if row < 0 || column < 0 || row >= size[0] as isize || column >= size[1] as isize {
                    continue;
                }
                let distance =
                    (row as f64 + 0.5 - centre[0]).hypot(column as f64 + 0.5 - centre[1]);
                let at = &mut tile[row as usize * size[1] + column as usize];
                if distance <= RADIUS - 1.0 && !hollow {
                    *at = scaled(value).clamp(0.0, 1.0);
                } else if distance <= RADIUS && distance > RADIUS - 1.0 {
                    *at = if *at > 0.5 { 0.0 } else { 1.0 };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> Ensemble {
        let grid = Grid::unit(&[2], Boundary::Neumann).unwrap();
        let values = vec![1.0, -2.0, 2.0, 0.5, 4.0, 0.0, 3.0, 1.0];
        Ensemble::new(grid, 1, values).unwrap()
    }

    /// Batches give the same as all fields at once: mean, and standard deviation with n − 1.
    #[test]
    fn summaries_do_not_depend_on_batches() {
        let all = fields();
        let mut summary = Summary::new(all.grid, 1);
        summary.add(&all.slice(0..1));
        summary.add(&all.slice(1..4));
        let found = summary.finish().values;
        let expected = [2.5, -0.125, (5.0f64 / 3.0).sqrt(), (5.1875f64 / 3.0).sqrt()];
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
    }

    /// `numpy.quantile([1, 2, 4, 3], [.05, .5, .95])`.
    #[test]
    fn quantiles_are_numpys() {
        let found = quantiles(&fields()).values;
        let expected = [1.15, 2.5, 3.85];
        for (q, expected) in expected.iter().enumerate() {
            assert!((found[2 * q] - expected).abs() < 1e-12, "{found:?}");
        }
    }
}
