//! Reads and checks files of observations.
//!
//! A file is a CSV table of points, or a TOML file with one `[[observe]]` table for each
//! observation. Paths in it are relative to it. Every error names the file and the row.

mod csv;
mod error;
mod fields;
mod kinds;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use karhunen_field::{FieldError, Grid, Observation};
use karhunen_train::TrainedModel;
use serde::Deserialize;

pub use error::{ObserveError, Remedy};

use crate::Error;
use error::refused;
pub(crate) use kinds::AXES;
use kinds::Kind;

/// The origin of an observation, for messages about its rows.
#[derive(Debug, Clone)]
pub struct Place {
    /// The file with its numbers, or the file that describes it.
    pub file: PathBuf,
    /// The line of row i in that file; empty if rows are not lines.
    pub(crate) lines: Vec<usize>,
    /// The name of a row if it is not a line.
    pub(crate) row: &'static str,
}

impl Place {
    /// An error of the mathematics, with the file and the row.
    pub fn error(&self, error: FieldError) -> ObserveError {
        let file = self.file.display();
        let FieldError::Observation { row, other, message, .. } = &error else {
            return ObserveError::Refused { message: format!("{file}: {error}"), error };
        };
        let place = row.map(|row| format!("{}: ", self.at(row))).unwrap_or_default();
        let other = other.map(|row| format!(" ({})", self.at(row))).unwrap_or_default();
        ObserveError::Refused { message: format!("{file}: {place}{message}{other}"), error }
    }

    /// `line 7` or `row 3`.
    pub fn at(&self, row: usize) -> String {
        match self.lines.get(row) {
            Some(line) => format!("line {line}"),
            None => format!("{} {}", self.row, row + 1),
        }
    }
}

/// Observations with their origins.
#[derive(Debug)]
pub struct Observed {
    /// The observations.
    pub parts: Vec<Arc<dyn Observation>>,
    /// The origin of each observation.
    pub places: Vec<Place>,
}

/// The content of a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    observe: Vec<toml::Table>,
}

/// Reads a file, for fields of a model that are sampled on `grid`.
pub fn read(path: &Path, model: &TrainedModel, grid: &Grid) -> Result<Observed, Error> {
    let is_toml = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("toml"));
    if !is_toml {
        let (points, place) = kinds::points(path, None, 0.0, grid)?;
        return checked(Observed { parts: vec![points], places: vec![place] }, model, grid);
    }
    let text = std::fs::read_to_string(path)
        .map_err(|source| ObserveError::Read { path: path.into(), source })?;
    let wrong = |what: &str, error: &toml::de::Error| {
        let message = error.message().replace('\n', " ");
        let line = error.span().map(|span| text[..span.start].matches('\n').count() + 1);
        let line = line.map(|line| format!(" line {line}:")).unwrap_or_default();
        let message = format!("{}:{line}{what} {message}", path.display());
        ObserveError::File { message, remedy: Remedy::Kinds }
    };
    let file: File = toml::from_str(&text).map_err(|e| wrong("", &e))?;
    if file.observe.is_empty() {
        let message = format!("{}: no table [[observe]]", path.display());
        return refused(message, Remedy::Tables);
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut observed = Observed { parts: Vec::new(), places: Vec::new() };
    for (i, table) in file.observe.into_iter().enumerate() {
        let kind: Kind = toml::Value::Table(table)
            .try_into()
            .map_err(|e| wrong(&format!(" [[observe]] {}:", i + 1), &e))?;
        let here = Place { file: path.into(), lines: vec![], row: "[[observe]]" };
        let (part, place) = kind.read(folder, here, i, model, grid)?;
        observed.parts.push(part);
        observed.places.push(place);
    }
    checked(observed, model, grid)
}

/// Refuses observations that are impossible on the model's grid. The error names the file.
fn checked(observed: Observed, model: &TrainedModel, grid: &Grid) -> Result<Observed, Error> {
    let channels = model.statistics.mean.channels;
    for (part, place) in observed.parts.iter().zip(&observed.places) {
        part.on(grid, channels).map_err(|e| place.error(e))?;
    }
    Ok(observed)
}

impl Observed {
    /// Observations made by the caller.
    pub fn of(parts: &[Arc<dyn Observation>]) -> Self {
        let place = Place { file: "observations".into(), lines: vec![], row: "row" };
        Self { parts: parts.into(), places: vec![place; parts.len()] }
    }

    /// The observation of linear row number `row`, and the number of the row in it.
    pub fn place_of(&self, row: usize) -> Option<(&Place, usize)> {
        let mut first = 0;
        for (part, place) in self.parts.iter().zip(&self.places).filter(|(p, _)| p.is_linear()) {
            let count = part.values().len();
            if row < first + count {
                return Some((place, row - first));
            }
            first += count;
        }
        None
    }
}
