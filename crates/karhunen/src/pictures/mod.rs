//! Pictures of fields and of results, as PNG files.

pub mod beside;
pub mod drawing;
pub mod posterior;

use std::path::Path;

use karhunen_field::metrics::{Estimate, PosteriorQuality, radial_spectrum};
use karhunen_field::{Boundary, Ensemble, Grid};
use karhunen_figures::{LineChart, Series};
use karhunen_formats::Precision;
use karhunen_train::events::Event;
use karhunen_train::plan::join;

use crate::Error;
use crate::output::{self, Output};

/// Pixels of each field in the picture of one function on several grids. All of 32, 48, 64, 96 and
/// 128 divide it.
const CANVAS: usize = 384;

/// Quantiles that are drawn black and white.
const QUANTILES: (f64, f64) = (0.005, 0.995);

/// The range in which a channel is drawn: quantiles, or the extremes if these coincide.
fn range(fields: &Ensemble, channel: usize) -> (f64, f64) {
    let cells = fields.grid.len();
    let own = fields.values.chunks_exact(cells).skip(channel).step_by(fields.channels);
    let mut values: Vec<f64> = own.flatten().copied().collect();
    let mut at = |share: f64| {
        let rank = (share * (values.len() - 1) as f64).round() as usize;
        *values.select_nth_unstable_by(rank, f64::total_cmp).1
    };
    match (at(QUANTILES.0), at(QUANTILES.1)) {
        (low, high) if low < high => (low, high),
        _ => (at(0.0), at(1.0)),
    }
}

/// Output options: pictures replace existing files.
pub(crate) const REPLACING: Output =
    Output { overwrite: true, unit: None, precision: Precision::F32 };

/// A montage of fields.
///
/// # Errors
/// Errors while writing.
pub fn montage(fields: &Ensemble, path: &Path) -> Result<(), Error> {
    output::write(fields, path, &REPLACING)
}

/// Draws field `index` of every set side by side, with visible cells.
///
/// # Errors
/// Fields that do not have two variables; errors while writing.
pub fn one_function(sampled: &[Ensemble], index: usize, path: &Path) -> Result<(), Error> {
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
    output::write(&Ensemble::new(grid, 1, values)?, path, &REPLACING)
}

/// Draws radial spectra of real fields and samples, and marks the trained band (the modes of the finest level).
///
/// # Errors
/// Errors of the spectrum and of writing.
pub fn spectra(real: &Ensemble, sampled: &[Ensemble], band: f64, path: &Path) -> Result<(), Error> {
    let line = |fields: &Ensemble, label: String, dashed| -> Result<Series, Error> {
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

/// Draws losses over seconds, and marks the changes of level.
///
/// # Errors
/// Errors while writing.
pub fn loss(events: &[Event], path: &Path) -> Result<(), Error> {
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

/// Draws the rank histogram of a posterior check, with the band in which a calibrated one lies.
///
/// # Errors
/// Errors while writing.
pub fn ranks(q: &PosteriorQuality, path: &Path) -> Result<(), Error> {
    let step = |value: &dyn Fn(&Estimate) -> f64| {
        let of = |(bin, rank): (usize, &Estimate)| {
            let (low, high) = (bin as f64 / 10.0, (bin + 1) as f64 / 10.0);
            [(low, value(rank)), (high, value(rank))]
        };
        q.ranks.iter().enumerate().flat_map(of).collect::<Vec<_>>()
    };
    let line = |label: &str, points, dashed| Series { label: label.into(), points, dashed };
    chart(
        LineChart {
            title: format!("Rank of {} truths among {} draws", q.truths, q.draws),
            x_label: "rank".into(),
            y_label: "share".into(),
            series: vec![
                line("ranks", step(&|r| r.value), false),
                line("band, 99 % of all bins", step(&|r| 0.1 + 3.29 * r.error), true),
                line("band", step(&|r| 0.1 - 3.29 * r.error), true),
            ],
            ..LineChart::default()
        },
        path,
    )
}

fn chart(chart: LineChart, path: &Path) -> Result<(), Error> {
    Ok(chart.png(path, 900, 500)?)
}
