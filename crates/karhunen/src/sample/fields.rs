//! What sampling made: fields, their box, and what is known of them.

use std::ops::Range;
use std::path::Path;

use karhunen_evaluate::Progress;
use karhunen_field::level_set::{self, Ends, Mesh};
use karhunen_field::observation::Residual;
use karhunen_field::{Ensemble, Grid};
use karhunen_formats::Precision;
use karhunen_train::origin::{Beyond, Origin};
use karhunen_train::phases::Phases;

use crate::Error;
use crate::output::{self, Output};

/// Sampled fields.
///
/// **Shape** `fields.values` is `[field, channel, axis0, …]`, the last axis fastest. **Unit** the data's own
/// values; of a model of phases the level sets φ, positive where the phase is.
#[derive(Debug, Clone)]
pub struct Samples {
    /// The fields, on the model's box: its first axis has the length 1.
    pub fields: Ensemble,
    /// The same grid with the lengths of the data.
    pub measured: Grid,
    /// Unit of these lengths, where it is known.
    pub unit: Option<String>,
    /// Numbers of the fields.
    pub indices: Range<u64>,
    /// The class of each field; nothing of a model without labels.
    pub classes: Vec<u32>,
    /// Evaluations of the network that each field cost.
    pub evaluations: usize,
    /// How well the fields agree with what was observed, by observation.
    pub residuals: Vec<Residual>,
    pub(super) summary: bool,
    pub(super) surrogate: bool,
    pub(super) shift: Option<(usize, f64)>,
    pub(super) phases: Option<Phases>,
    pub(super) names: Vec<String>,
    pub(super) origin: Option<Origin>,
}

/// What is told of fields when all have come, whether they came together or in parts.
#[derive(Debug, Clone)]
pub struct Tally {
    beyond: Beyond,
    origin: Option<Origin>,
    /// Cells of the phase before it was shifted, of so many.
    had: (usize, usize),
    /// Sum, least and greatest of the shifts.
    by: (f64, f64, f64),
    count: usize,
    /// Name of the phase, and its fraction in the first field.
    shifted: Option<(String, f64)>,
}

impl Default for Tally {
    fn default() -> Self {
        let (beyond, origin, had, count, shifted) = Default::default();
        Self { beyond, origin, had, by: (0.0, f64::INFINITY, f64::NEG_INFINITY), count, shifted }
    }
}

impl Tally {
    /// What to say where values lie beyond those of the training fields ([`Samples::tally`]).
    pub fn beyond(&self) -> Option<String> {
        self.beyond.line(self.origin.as_ref()?)
    }

    /// By how much level sets were shifted ([`Samples::shift_in`]).
    pub fn shifts(&self) -> Option<String> {
        let (phase, fraction) = self.shifted.as_ref()?;
        let (sum, least, most) = self.by;
        let mean = sum / self.count as f64;
        let had = self.had.0 as f64 / self.had.1 as f64;
        Some(format!(
            "phase {phase} has {fraction:.4} of every field ({had:.4} on average before): φ raised by {mean:+.3}, {least:+.3} to {most:+.3}"
        ))
    }
}

impl Samples {
    /// Whether the fields are level sets of phases.
    pub fn has_phases(&self) -> bool {
        self.phases.is_some()
    }

    /// What to say of fields that come in parts when all have come.
    pub fn tally(&self, tally: &mut Tally) {
        if let Some(origin) = self.origin.as_ref().filter(|_| !self.surrogate) {
            tally.beyond.add(origin, &self.fields);
            tally.origin.get_or_insert_with(|| origin.clone());
        }
    }

    /// What to say where values lie beyond those of the training fields.
    pub fn beyond(&self) -> Option<String> {
        self.origin.as_ref().filter(|_| !self.surrogate)?.beyond(&self.fields)
    }

    /// Shifts the level sets until every field has the volume fraction that was asked for, and tells by how
    /// much; nothing happens where none was.
    ///
    /// # Errors
    /// A fraction that no threshold gives.
    pub fn shift(&mut self, progress: &dyn Progress) -> Result<(), Error> {
        let mut tally = Tally::default();
        self.shift_in(&mut tally)?;
        tally.shifts().iter().for_each(|note| progress.note(note));
        Ok(())
    }

    /// The same, told with the other parts when all have come ([`Tally::shifts`]).
    ///
    /// # Errors
    /// As [`Samples::shift`].
    pub fn shift_in(&mut self, tally: &mut Tally) -> Result<(), Error> {
        let (Some((phase, fraction)), Some(phases)) = (self.shift.take(), &self.phases) else {
            return Ok(());
        };
        let before = phases.of(&self.fields);
        let own = before.iter().filter(|p| usize::from(**p) == phase).count();
        let shifts = phases.shift(&mut self.fields, phase, fraction)?;
        tally.had.0 += own;
        tally.had.1 += before.len();
        for shift in &shifts {
            let (sum, least, most) = tally.by;
            tally.by = (sum + shift.value, least.min(shift.value), most.max(shift.value));
        }
        tally.count += shifts.len();
        let reached = shifts.first().map_or(fraction, |s| s.fraction);
        tally.shifted.get_or_insert_with(|| (self.names[phase].clone(), reached));
        Ok(())
    }

    /// A copy of the fields on a box with the lengths of the data.
    pub fn with_lengths(&self) -> Ensemble {
        Ensemble { grid: self.measured, ..self.fields.clone() }
    }

    /// The same without a copy.
    pub fn into_measured(self) -> Ensemble {
        Ensemble { grid: self.measured, ..self.fields }
    }

    /// Labels of the phases, one channel; none of plain values.
    pub fn labels(&self) -> Option<Ensemble> {
        let labels = self.phases.as_ref()?.labelled(&self.fields);
        Some(Ensemble { grid: self.measured, ..labels })
    }

    /// The surface of a phase of one field, both counted from 0, phases by rising label.
    ///
    /// # Errors
    /// Those of [`Mesh::of`]: a surface needs three dimensions.
    pub fn surface(&self, field: usize, phase: usize, ends: Ends) -> Result<Mesh, Error> {
        let (channels, len) = (self.fields.channels, self.fields.field_len());
        let field = &self.fields.values[field * len..(field + 1) * len];
        let inside = level_set::margin_over_others(field, channels, self.measured.len(), phase);
        Ok(Mesh::of(&self.measured, &inside, ends)?)
    }

    /// Writes labels where there are phases, values otherwise, by the ending of a file's name.
    ///
    /// # Errors
    /// [`karhunen_formats::FormatError::Exists`] without `overwrite`; those of writing.
    pub fn write(&self, path: impl AsRef<Path>, overwrite: bool) -> Result<(), Error> {
        let unit = self.unit.as_deref();
        let output = Output { overwrite, unit, ..Output::default() };
        match self.labels() {
            Some(labels) if !self.summary => {
                let output = Output { precision: Precision::U8, ..output };
                output::write(&labels, path.as_ref(), &output)
            }
            _ => output::write(&self.with_lengths(), path.as_ref(), &output),
        }
    }
}
