//! Observation files: what `--observe` names, read, checked and made into observations of the library.
//!
//! A CSV table of points, or a TOML file of `[[observe]]` tables, one an observation ([`Kind`]); paths in it
//! are relative to it. Every error names the file and the row.

mod csv;
mod fields;
mod kinds;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use karhunen_field::{FieldError, Grid, Observation};
use karhunen_train::TrainedModel;
use serde::Deserialize;

use crate::failure::Failure;
use crate::help;
use kinds::Kind;

/// Where an observation came from, for messages about its rows.
#[derive(Debug, Clone)]
pub struct Place {
    /// The file of its numbers, or the one that describes it.
    pub file: PathBuf,
    /// The line of row i in that file, or no lines at all.
    lines: Vec<usize>,
    /// What a row is called where it is not a line.
    row: &'static str,
}

impl Place {
    /// An error of the library in the words of the file.
    pub fn failure(&self, error: FieldError) -> Failure {
        let file = self.file.display();
        let FieldError::Observation { row, other, message } = &error else {
            let help = help::field(&error).unwrap_or_default();
            return Failure::usage(format!("{file}: {error}")).help(help);
        };
        let place = row.map(|row| format!("{}: ", self.at(row))).unwrap_or_default();
        let other = other.map(|row| format!(" ({})", self.at(row))).unwrap_or_default();
        Failure::usage(format!("{file}: {place}{message}{other}")).help(help_of(message))
    }

    /// `line 7` or `row 3`.
    pub fn at(&self, row: usize) -> String {
        match self.lines.get(row) {
            Some(line) => format!("line {line}"),
            None => format!("{} {}", self.row, row + 1),
        }
    }
}

fn help_of(message: &str) -> &'static str {
    if message.contains("contradicts") || message.contains("same place") {
        "keep one of them, or give their mean with the smaller sd"
    } else if message.contains("outside the box") {
        "places are in the box's lengths: `karhunen inspect` of the data shows them"
    } else if message.contains("channel") {
        "channels are counted from 0"
    } else if message.contains("outside [0, 1]") {
        "write 0.2 for twenty per cent"
    } else if message.contains("finer than the sampled") {
        "sample on a --grid that is at least as fine"
    } else if message.contains("determined by") {
        "leave it out, or give it an sd above 0"
    } else if message.contains("point spread") || message.contains("blurred") {
        "give sd = 0.01 or what the measurement has"
    } else {
        "correct the file"
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

/// An `--observe` file as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    observe: Vec<toml::Table>,
}

/// Reads what `--observe` names, for fields of a model that are sampled on `grid`.
pub fn read(path: &Path, model: &TrainedModel, grid: &Grid) -> Result<Observed, Failure> {
    let is_toml = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("toml"));
    if !is_toml {
        let (points, place) = kinds::points(path, None, 0.0, grid)?;
        return checked(Observed { parts: vec![points], places: vec![place] }, model, grid);
    }
    let text = std::fs::read_to_string(path).map_err(|e| {
        Failure::usage(format!("cannot read {}: {e}", path.display())).help(help::read(&e))
    })?;
    let wrong = |what: &str, error: &toml::de::Error| {
        let message = error.message().replace('\n', " ");
        let line = error.span().map(|span| text[..span.start].matches('\n').count() + 1);
        let line = line.map(|line| format!(" line {line}:")).unwrap_or_default();
        Failure::usage(format!("{}:{line}{what} {message}", path.display())).help(
            "write tables [[observe]] with kind = \"points\", \"mask\", \"coarse\", \"blur\", \"rays\", \"mean\", \"fraction\" or \"linear\"",
        )
    };
    let file: File = toml::from_str(&text).map_err(|e| wrong("", &e))?;
    if file.observe.is_empty() {
        let message = format!("{}: no table [[observe]]", path.display());
        return Err(
            Failure::usage(message).help("give one table an observation, with kind and file")
        );
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
fn checked(observed: Observed, model: &TrainedModel, grid: &Grid) -> Result<Observed, Failure> {
    let channels = model.statistics.mean.channels;
    for (part, place) in observed.parts.iter().zip(&observed.places) {
        part.on(grid, channels).map_err(|e| place.failure(e))?;
    }
    Ok(observed)
}

impl Observed {
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
