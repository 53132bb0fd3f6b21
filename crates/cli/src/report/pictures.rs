//! Pictures for people.

use std::path::Path;

use karhunen_field::metrics::radial_spectrum;
use karhunen_field::{Boundary, Ensemble, Grid};
use karhunen_figures::{FigureError, LineChart, Series};
use karhunen_train::events::Event;

use crate::failure::Failure;
use crate::report::files;
use crate::report::plan::join;

/// Pixels of each field in the picture of one function on several grids: 32, 48, 64, 96 and 128
/// cells all divide it.
const CANVAS: usize = 384;

/// A montage of fields.
pub fn montage(fields: &Ensemble, path: &Path) -> Result<(), Failure> {
    files::write(fields, None, path, true)
}

/// Field `index` of every ensemble, cells shown as they are, side by side.
pub fn one_function(sampled: &[Ensemble], index: usize, path: &Path) -> Result<(), Failure> {
    let grid = Grid::unit(&[CANVAS, CANVAS], Boundary::Neumann)?;
    let mut values = Vec::new();
    for fields in sampled {
        let cells = fields.grid.points();
        let len = fields.field_len();
        let field = &fields.values[index * len..index * len + fields.grid.len()];
        for row in 0..CANVAS {
            let i = row * cells[0] / CANVAS;
            values
                .extend((0..CANVAS).map(|column| field[i * cells[1] + column * cells[1] / CANVAS]));
        }
    }
    files::write(&Ensemble::new(grid, 1, values)?, None, path, true)
}

/// Radial spectra of real fields and samples, the trained band marked.
pub fn spectra(
    real: &Ensemble,
    sampled: &[Ensemble],
    band: f64,
    path: &Path,
) -> Result<(), Failure> {
    let line = |fields: &Ensemble, label: String, dashed| -> Result<Series, Failure> {
        let spectrum = radial_spectrum(fields)?;
        let points = spectrum.frequency.iter().copied().zip(spectrum.power[0].iter().copied());
        Ok(Series { label, points: points.filter(|p| p.0 > 0.0).collect(), dashed })
    };
    let mut series = vec![line(real, format!("real, {}", join(&real.grid.points())), true)?];
    for fields in sampled {
        series.push(line(fields, join(&fields.grid.points()), false)?);
    }
    chart(
        LineChart {
            title: "Radial spectrum".into(),
            x_label: "angular frequency |ω|".into(),
            y_label: "power per mode".into(),
            x_log: true,
            y_log: true,
            series,
            vertical_marks: vec![(band, "trained band".into())],
        },
        path,
    )
}

/// Losses over seconds, level switches marked.
pub fn loss(events: &[Event], path: &Path) -> Result<(), Failure> {
    let training = events.iter().map(|e| (e.seconds, e.loss)).collect();
    let validation = events.iter().filter_map(|e| Some((e.seconds, e.validation_loss?))).collect();
    let switches = events.windows(2).filter(|w| w[0].level != w[1].level);
    chart(
        LineChart {
            title: "Loss over seconds, coarse grids first".into(),
            x_label: "seconds".into(),
            y_label: "loss".into(),
            x_log: false,
            y_log: true,
            series: vec![
                Series {
                    label: "training, at the level's grid".into(),
                    points: training,
                    dashed: false,
                },
                Series {
                    label: "validation, at the finest grid".into(),
                    points: validation,
                    dashed: false,
                },
            ],
            vertical_marks: switches.map(|w| (w[0].seconds, w[1].grid.clone())).collect(),
        },
        path,
    )
}

fn chart(chart: LineChart, path: &Path) -> Result<(), Failure> {
    chart.png(path, 900, 500).map_err(|e: FigureError| Failure::run(e.to_string()))
}
