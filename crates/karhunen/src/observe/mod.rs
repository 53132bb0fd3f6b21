//! Observation files, read, checked and made into observations of the library.
//!
//! A CSV table of points, or a TOML file of `[[observe]]` tables, one an observation; paths in it
//! are relative to it. Every error names the file and the row.

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

/// Where an observation came from, for messages about its rows.
#[derive(Debug, Clone)]
pub struct Place {
    /// The file of its numbers, or the one that describes it.
    pub file: PathBuf,
    /// The line of row i in that file, or no lines at all.
    pub(crate) lines: Vec<usize>,
    /// What a row is called where it is not a line.
    pub(crate) row: &'static str,
}

impl Place {
    /// An error of the mathematics in the words of the file.
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

/// Observations with the places they came from.
#[derive(Debug)]
pub struct Observed {
    /// The observations.
    pub parts: Vec<Arc<dyn Observation>>,
    /// Of each, where it stands.
    pub places: Vec<Place>,
}

/// A file as written.
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

/// Refuses what no grid of the model can observe, in the words of its file.
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

    /// Which observation the linear row number `row` of all belongs to, and its number in it.
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
