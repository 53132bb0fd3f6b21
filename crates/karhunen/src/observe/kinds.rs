//! The kinds of observations with their keys.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use karhunen_field::observation::{
    Blur, Coarse, Fault, Fraction, Mask, Mean, Points, Ray, Rays, Sensor, Sparse,
};
use karhunen_field::{FieldError, Grid, Observation};
use karhunen_formats::{ReadOptions, read_arrays, read_sparse_rows};
use karhunen_train::TrainedModel;
use karhunen_train::config::parse_points;
use serde::Deserialize;

use super::csv::Table;
use super::fields::{self, Wanted};
use super::{ObserveError, Place, Remedy, refused};
use crate::Error;

/// Default width over which an indicator is smoothed, as a part of the channel's standard
/// deviation.
const SMOOTHED: f64 = 0.05;
/// Names of the coordinates.
pub const AXES: [&str; 3] = ["x", "y", "z"];

/// One `[[observe]]` table.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Kind {
    /// Values at points.
    Points {
        file: PathBuf,
        channel: Option<usize>,
        #[serde(default)]
        sd: f64,
    },
    /// A field whose unknown cells are NaN.
    Mask {
        file: PathBuf,
        index: Option<usize>,
        /// A second field; cells where it is 0 are unknown.
        known: Option<PathBuf>,
        #[serde(default)]
        channel: usize,
        #[serde(default)]
        sd: f64,
    },
    /// A field on a coarser grid.
    Coarse {
        file: PathBuf,
        index: Option<usize>,
        #[serde(default)]
        by: By,
        #[serde(default)]
        channel: usize,
        #[serde(default)]
        sd: f64,
    },
    /// A blurred field.
    Blur {
        file: PathBuf,
        index: Option<usize>,
        width: f64,
        #[serde(default)]
        channel: usize,
        sd: f64,
    },
    /// Integrals along lines.
    Rays {
        file: PathBuf,
        channel: Option<usize>,
        #[serde(default)]
        sd: f64,
    },
    /// The mean of a channel.
    Mean {
        value: f64,
        #[serde(default)]
        channel: usize,
        #[serde(default)]
        sd: f64,
    },
    /// The fraction of space above a threshold, or of a phase.
    Fraction {
        value: f64,
        phase: Option<String>,
        threshold: Option<f64>,
        width: Option<f64>,
        channel: Option<usize>,
        #[serde(default)]
        sd: f64,
    },
    /// A sparse matrix applied to the cell values.
    Linear {
        matrix: PathBuf,
        file: PathBuf,
        grid: Option<String>,
        #[serde(default)]
        sd: f64,
    },
}

/// How a coarse field is obtained from the function.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// It has the function's modes.
    #[default]
    Spectral,
    /// It has averages over cells.
    Average,
}

type Part = (Arc<dyn Observation>, Place);

impl Kind {
    /// Reads the files of table number `i`, which lies in the file `here`.
    pub fn read(
        self,
        folder: &Path,
        here: Place,
        i: usize,
        model: &TrainedModel,
        grid: &Grid,
    ) -> Result<Part, Error> {
        let all = model.statistics.mean.channels;
        let on = &fields::own_cells(model, grid)?;
        let left = |channel: usize| all.saturating_sub(channel);
        let of_file = |file: &Path| Place { file: file.into(), lines: vec![], row: "row" };
        let of_field = |file: &PathBuf, index, channel| {
            let file = folder.join(file);
            if left(channel) == 0 {
                let message =
                    format!("channel {channel} of fields that have {all}, counted from 0");
                let (fault, row) = (Fault::Channel, Some(i));
                let error = FieldError::Observation { fault, row, other: None, message };
                return Err(Error::from(here.error(error)));
            }
            let wanted = Wanted { index, channels: left(channel) };
            Ok((fields::field(&file, &wanted, on)?, of_file(&file)))
        };
        let inline = |made: Result<Arc<dyn Observation>, FieldError>| match made {
            Ok(part) => Ok((part, Place { row: "[[observe]]", ..here.clone() })),
            Err(FieldError::Observation { fault, message, .. }) => Err(here
                .error(FieldError::Observation { fault, row: Some(i), other: None, message })
                .into()),
            Err(e) => Err(here.error(e).into()),
        };
        match self {
            Kind::Points { file, channel, sd } => points(&folder.join(file), channel, sd, grid),
            Kind::Rays { file, channel, sd } => rays(&folder.join(file), channel, sd, grid),
            Kind::Mask { file, index, known, channel, sd } => {
                let (mut field, place) = of_field(&file, index, channel)?;
                if let Some(known) = known {
                    hide(&mut field, &folder.join(known), on)?;
                }
                finish(Mask::new(&field, channel, sd), place)
            }
            Kind::Coarse { file, index, by, channel, sd } => {
                let (field, place) = of_field(&file, index, channel)?;
                let made = match by {
                    By::Spectral => Coarse::spectral(&field, channel, sd),
                    By::Average => Coarse::average(&field, channel, sd),
                };
                finish(made, place)
            }
            Kind::Blur { file, index, width, channel, sd } => {
                let (field, place) = of_field(&file, index, channel)?;
                finish(Blur::new(&field, channel, width, sd), place)
            }
            Kind::Mean { value, channel, sd } => {
                inline(Mean::new(channel, value, sd).map(|o| Arc::new(o) as _))
            }
            Kind::Fraction { value, phase, threshold, width, channel, sd } => {
                let wrong = |message| {
                    let table = here.at(i);
                    let message = format!("{}: {table}: {message}", here.file.display());
                    ObserveError::File { message, remedy: Remedy::Fraction(model.phase_names()) }
                };
                let (channel, threshold, value) = match (phase, threshold, channel) {
                    (None, Some(threshold), channel) => (channel.unwrap_or(0), threshold, value),
                    (Some(phase), None, None) => of_phase(&phase, value, model).map_err(wrong)?,
                    (Some(_), ..) => {
                        let what = "phase is given together with threshold or channel";
                        return Err(wrong(what.into()).into());
                    }
                    (None, None, _) => {
                        return Err(wrong("neither threshold nor phase is given".into()).into());
                    }
                };
                let scale = model.statistics.normalisation.scale.get(channel).copied();
                let width = width.unwrap_or(SMOOTHED * scale.unwrap_or(1.0));
                let made = Fraction::new(channel, threshold, width, value, sd);
                inline(made.map(|o| Arc::new(o) as _))
            }
            Kind::Linear { matrix, file, grid: own, sd } => {
                let (matrix, file) = (folder.join(matrix), folder.join(file));
                let own = match own {
                    Some(text) => {
                        let points = parse_points(&text).map_err(|e| ObserveError::File {
                            message: format!("{}: grid = {text:?}: {e}", here.file.display()),
                            remedy: Remedy::AxisCells,
                        })?;
                        fields::grid_of(&matrix, &points, on)?
                    }
                    None => *on,
                };
                linear(&matrix, &file, own, all, sd)
            }
        }
    }
}

/// Channel, threshold and fraction above it that stand for a fraction `value` of a phase.
///
/// The level set of a phase is positive inside it. Two phases share one channel, which is positive
/// inside the second. With three phases or more this is approximate for samples: their labels are
/// those of the largest channel, which need not be positive.
fn of_phase(asked: &str, value: f64, model: &TrainedModel) -> Result<(usize, f64, f64), String> {
    let Some(phases) = model.phases() else {
        return Err(format!("phase = {asked:?}: the model has no phases"));
    };
    let Some(phase) = model.phase_of(asked) else {
        return Err(format!("phase = {asked:?}: there is no such phase"));
    };
    let [least, _, most] = phases.fractions[phase];
    if !(least..=most).contains(&value) {
        return Err(format!(
            "value = {value}: training fields have {least:.4} to {most:.4} of phase {asked}"
        ));
    }
    Ok(match (phases.channels(), phase) {
        (1, 0) => (0, 0.0, 1.0 - value),
        (1, _) => (0, 0.0, value),
        _ => (phase, 0.0, value),
    })
}

fn finish<O: Observation + 'static>(
    made: Result<O, FieldError>,
    place: Place,
) -> Result<Part, Error> {
    match made {
        Ok(part) => Ok((Arc::new(part), place)),
        Err(error) => Err(place.error(error).into()),
    }
}

/// The channel of each row: its column `channel`, or else the given channel.
fn channels_of(table: &Table, channel: Option<usize>, place: &Place) -> Result<Vec<usize>, Error> {
    let rows = table.column("value").map_or(0, <[f64]>::len);
    let Some(column) = table.column("channel") else {
        return Ok(vec![channel.unwrap_or(0); rows]);
    };
    let whole = |(row, c): (usize, &f64)| match *c >= 0.0 && c.fract() == 0.0 {
        true => Ok(*c as usize),
        false => {
            let message = format!("channel {c} is no whole number from 0");
            Err(place
                .error(FieldError::Observation {
                    fault: Fault::Channel,
                    row: Some(row),
                    other: None,
                    message,
                })
                .into())
        }
    };
    column.iter().enumerate().map(whole).collect()
}

/// Reads a table of points.
pub fn points(path: &Path, channel: Option<usize>, sd: f64, grid: &Grid) -> Result<Part, Error> {
    let axes = &AXES[..grid.dim()];
    let needed: Vec<&str> = axes.iter().copied().chain(["value"]).collect();
    let table = Table::read(path, &needed, &["sd", "channel"])?;
    let place = Place { file: path.into(), lines: table.lines.clone(), row: "row" };
    let channels = channels_of(&table, channel, &place)?;
    let column = |name: &str, i: usize| table.column(name).map_or(0.0, |c| c[i]);
    let sensor = |(i, channel): (usize, &usize)| Sensor {
        place: std::array::from_fn(|j| axes.get(j).map_or(0.0, |axis| column(axis, i))),
        channel: *channel,
        value: column("value", i),
        deviation: table.column("sd").map_or(sd, |c| c[i]),
    };
    finish(Points::new(channels.iter().enumerate().map(sensor).collect()), place)
}

/// Reads a table of rays: x0, y0, x1, y1, value.
fn rays(path: &Path, channel: Option<usize>, sd: f64, grid: &Grid) -> Result<Part, Error> {
    let dim = grid.dim();
    let ends: Vec<String> = ["0", "1"]
        .iter()
        .flat_map(|end| AXES[..dim].iter().map(move |x| format!("{x}{end}")))
        .collect();
    let needed: Vec<&str> = ends.iter().map(String::as_str).chain(["value"]).collect();
    let table = Table::read(path, &needed, &["sd", "channel"])?;
    let place = Place { file: path.into(), lines: table.lines.clone(), row: "row" };
    let channels = channels_of(&table, channel, &place)?;
    let column = |name: &str, i: usize| table.column(name).map_or(0.0, |c| c[i]);
    let ray = |(i, channel): (usize, &usize)| {
        let end = |first: usize| {
            std::array::from_fn(|j| if j < dim { column(&ends[first + j], i) } else { 0.0 })
        };
        Ray {
            from: end(0),
            to: end(dim),
            channel: *channel,
            value: column("value", i),
            deviation: table.column("sd").map_or(sd, |c| c[i]),
        }
    };
    finish(Rays::new(channels.iter().enumerate().map(ray).collect()), place)
}

/// Sets cells to NaN where another field is 0.
fn hide(field: &mut karhunen_field::Ensemble, known: &Path, own: &Grid) -> Result<(), Error> {
    let wanted = Wanted { index: None, channels: field.channels.max(1) };
    let seen = fields::field(known, &wanted, own)?;
    if seen.grid != field.grid {
        let message =
            format!("{}: cells {}, the field has {}", known.display(), seen.grid, field.grid);
        return refused(message, Remedy::Mask);
    }
    for (i, value) in field.values.iter_mut().enumerate() {
        if seen.values[i % seen.values.len()] == 0.0 {
            *value = f64::NAN;
        }
    }
    Ok(())
}

/// Reads a sparse matrix and its measured products.
fn linear(matrix: &Path, file: &Path, grid: Grid, channels: usize, sd: f64) -> Result<Part, Error> {
    let rows = read_sparse_rows(matrix, &ReadOptions::default())?;
    let width = channels * grid.len();
    if rows.shape[1] != width {
        let message = format!(
            "{}: {} columns, where fields of {channels} channel(s) on the grid {grid} have {width} values",
            matrix.display(),
            rows.shape[1]
        );
        return refused(message, Remedy::MatrixGrid);
    }
    let arrays = read_arrays(file, &ReadOptions::default())?;
    let values = arrays.into_iter().next().map(|a| a.values).unwrap_or_default();
    if values.len() != rows.shape[0] {
        let message = format!(
            "{}: {} values for {} rows of the matrix",
            file.display(),
            values.len(),
            rows.shape[0]
        );
        return refused(message, Remedy::Values);
    }
    let place = Place { file: file.into(), lines: vec![], row: "row" };
    let arrays = (rows.starts, rows.columns, rows.data);
    finish(Sparse::new(grid, channels, arrays, values, sd), place)
}
