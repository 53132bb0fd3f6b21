//! All that one evaluation found, as text and as JSON.

use karhunen_field::Grid;
use serde_json::{Value, json};
use tracing::info;

use crate::report::beyond::Beyond;
use crate::report::distinguish::Distinguish;
use crate::report::nearest;
use crate::report::phases::PhaseTable;
use crate::report::ranking::LEGEND;
use crate::report::read::ReadTable;
use crate::report::table::Table;

/// What was found; parts that were not asked for are none.
pub struct Evaluation {
    /// Samples.
    pub count: usize,
    /// Samples and baselines, the samples first.
    pub table: Table,
    /// What a classifier reads in them.
    pub read: Option<ReadTable>,
    /// Whether a network tells them from real fields.
    pub told: Option<Distinguish>,
    /// Statistics of the phases of a model of segmented data.
    pub phases: Option<PhaseTable>,
    /// What the table does not show.
    pub beyond: Option<Beyond>,
    /// Coherence of the channels.
    pub coherence: Option<Value>,
    /// The grid of the same functions, and how far they are apart.
    pub twin: Option<(Grid, f64)>,
    /// Whether samples repeat training fields.
    pub nearest: Option<Value>,
    /// What the reader should know.
    pub notes: Vec<String>,
}

impl Evaluation {
    /// One object: the samples' statistics at the top, every baseline and every other part by its name.
    pub fn to_json(&self) -> Value {
        let mut object = serde_json::to_value(&self.table.rows[0].comparison).unwrap_or_default();
        for row in &self.table.rows[1..] {
            let key = row.name.to_lowercase().replace([' ', '-'], "_");
            object[key] = json!(row.comparison);
        }
        if let Some(coherence) = &self.coherence {
            object["coherence"] = coherence.clone();
        }
        if let Some(found) = &self.nearest {
            object["memorisation"] = found.clone();
        }
        if let Some((grid, error)) = &self.twin {
            object["consistency"] = json!({"grid": grid.to_string(), "error": error});
        }
        if let Some(read) = &self.read {
            object["classifier"] = json!(read);
        }
        object["notes"] = json!(self.notes);
        if let Some(beyond) = &self.beyond {
            object["beyond"] = json!(beyond);
        }
        if let Some(phases) = &self.phases {
            object["phases"] = json!(phases);
        }
        if let Some(told) = &self.told {
            object["distinguish"] = json!(told);
        }
        object["verdict"] = json!(self.table.verdict());
        object
    }

    /// Writes the notes to standard error.
    pub fn tell_notes(&self) {
        self.notes.iter().for_each(|note| info!("note: {note}"));
    }

    /// Tables with a legend, one part after another.
    pub fn to_text(&self) -> String {
        let mut parts = vec![self.table.in_floors(), LEGEND.join("\n"), self.table.as_measured()];
        parts.extend(self.read.as_ref().map(ReadTable::to_text));
        parts.extend(self.told.as_ref().map(Distinguish::to_text));
        parts.extend(self.phases.as_ref().map(PhaseTable::to_text));
        parts.extend(self.beyond.as_ref().map(Beyond::to_text));
        if let Some((grid, error)) = &self.twin {
            let what = "of what varies differs from the same functions at";
            parts.push(format!("{error:.2e} {what} {grid}, in the modes both hold"));
        }
        parts.extend(self.nearest.as_ref().map(|found| nearest::describe(found, self.count)));
        parts.join("\n\n")
    }
}
