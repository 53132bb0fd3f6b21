//! One set of samples against real fields: what is asked for, how it is measured, and all that was found.

use std::path::Path;

use karhunen_distributed::Group;
use karhunen_field::metrics::{consistency_error, cross_spectrum};
use karhunen_field::{Ensemble, Grid};
use karhunen_train::{Sources, TrainedClassifier, TrainedModel};
use serde_json::{Value, json};

use crate::EvaluateError;
use crate::baselines::TRAINING;
use crate::beyond::{Beyond, Cut};
use crate::distinguish::{Distinguish, Effort};
use crate::memorisation;
use crate::options::{Memorisation, Part, ReferenceOptions};
use crate::phase_fields::Segmentation;
use crate::phases::PhaseTable;
use crate::prepare::{Prepared, alike, prepare, read_samples, same_boundary};
use crate::progress::Progress;
use crate::ranking::LEGEND;
use crate::readings::ReadTable;
use crate::real::Real;
use crate::rows::{Rows, SAMPLES, on};
use crate::table::Table;

/// Channels whose pairs are all listed in the JSON.
const COHERENCE_AT_MOST: usize = 4;

/// What is measured besides the table.
///
/// # Example
/// ```
/// use karhunen_evaluate::{Cut, EvaluateOptions};
/// let options = EvaluateOptions { cut: Some(Cut::Otsu(3)), ..EvaluateOptions::default() };
/// assert!(options.effort.is_none() && !options.coherence);
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EvaluateOptions {
    /// Seed of the surrogate and of a classifier's floors.
    pub seed: u64,
    /// Training fields to look for copies among.
    pub memorisation: Memorisation,
    /// Networks that learn to tell samples from real fields; none by default.
    pub effort: Option<Effort>,
    /// How to cut phases, where diversity, clusters and structure functions are asked for; none by default.
    pub cut: Option<Cut>,
    /// Whether the coherence of the channels is listed.
    pub coherence: bool,
    /// The ranks of a job that measure together, all of which are asked for the same; this process alone by default.
    pub group: Group,
}

/// Samples, and what is known of them.
#[derive(Debug, Clone)]
pub struct Given<'a> {
    /// Their name in messages: a file, mostly.
    pub name: String,
    /// The samples, in the data's own values; of a model of phases its level sets.
    pub samples: Ensemble,
    /// The model they came from.
    pub model: Option<&'a TrainedModel>,
    /// A reader of such fields.
    pub classifier: Option<&'a TrainedClassifier>,
    /// The classes that were asked for, and their name in messages.
    pub labels: Option<(String, Vec<u32>)>,
    /// The grid of the same functions elsewhere, and how far they are from the samples ([`same`]).
    pub twin: Option<(Grid, f64)>,
}

impl Given<'_> {
    /// Samples alone.
    pub fn of(name: impl Into<String>, samples: Ensemble) -> Self {
        let name = name.into();
        Self { name, samples, model: None, classifier: None, labels: None, twin: None }
    }
}

/// Reads the same functions as `samples` from a file of another grid, and says how far the two are apart in
/// the modes that they share.
///
/// # Errors
/// Those of [`read_samples`]; [`EvaluateError::NotTheSame`] for another number of fields or another box.
pub fn same(
    options: &ReferenceOptions,
    path: &Path,
    samples: &Ensemble,
    model: Option<&TrainedModel>,
) -> Result<(Grid, f64), EvaluateError> {
    let same = read_samples(options, path, model)?;
    let described = |fields: &Ensemble| {
        let Ensemble { channels, .. } = fields;
        format!("{} fields of {channels} channel(s) on axes {}", fields.count(), fields.grid)
    };
    let alike = same.count() == samples.count() && same.channels == samples.channels;
    if !alike || !same.grid.same_box(&samples.grid) {
        return Err(EvaluateError::NotTheSame {
            name: path.display().to_string(),
            here: described(&same),
            there: described(samples),
        });
    }
    Ok((same.grid, consistency_error(samples, &same)?))
}

/// Samples and baselines on the grid of the real fields, ready to be measured.
pub struct Ready<'a> {
    options: EvaluateOptions,
    classifier: Option<&'a TrainedClassifier>,
    labels: Option<(String, Vec<u32>)>,
    twin: Option<(Grid, f64)>,
    count: usize,
    rows: Rows,
    phases: Option<PhaseTable>,
    nearest: Option<Value>,
    notes: Vec<String>,
}

/// Brings samples and real fields together and adds the baselines; what cannot be measured is refused here,
/// before anything long begins.
///
/// # Errors
/// Those of [`prepare`] and of sampling the baselines.
pub fn ready<'a>(
    given: Given<'a>,
    reference: &ReferenceOptions,
    options: &EvaluateOptions,
    progress: &dyn Progress,
) -> Result<Ready<'a>, EvaluateError> {
    let mut given = given;
    if let Some(model) = given.model {
        same_boundary(reference, model)?;
    }
    let mut notes = Vec::new();
    let models: Vec<&TrainedModel> = given.model.into_iter().collect();
    let named = (given.name.as_str(), given.samples);
    let Prepared { real, samples, own, phases } = prepare(reference, &models, named, &mut notes)?;
    given.samples = samples;
    // of fields that were trained on only the model's held-out ones are no copies
    let fair = reference.part == Part::HeldOut || own.is_some();
    let options = match fair {
        true => options.clone(),
        false => EvaluateOptions { memorisation: Memorisation::None, ..options.clone() },
    };
    assemble(given, (&real, phases.as_ref()), own.as_ref(), options, notes, progress)
}

/// The same beside real fields that are in memory, on the finest grid that neither is coarser than.
///
/// # Errors
/// [`EvaluateError::Kind`] and the like for samples of another kind; those of sampling the baselines.
pub fn ready_beside<'a>(
    given: Given<'a>,
    real: &Ensemble,
    options: &EvaluateOptions,
    progress: &dyn Progress,
) -> Result<Ready<'a>, EvaluateError> {
    let mut given = given;
    alike(&given.name, &given.samples, IN_MEMORY, (real.grid.dim(), real.channels))?;
    let (ours, theirs) = (given.samples.grid.points(), real.grid.points());
    let shared: Vec<usize> = ours.iter().zip(&theirs).map(|(s, r)| *s.min(r)).collect();
    let grid = real.grid.with_points(&shared)?;
    given.samples = on(&given.samples, grid)?;
    let real = Real { reference: on(real, grid)?, training: None, holes: Vec::new() };
    let phases = given.model.and_then(Segmentation::of_model);
    assemble(given, (&real, phases.as_ref()), None, options.clone(), Vec::new(), progress)
}

/// What real fields are called that have no file.
const IN_MEMORY: &str = "the real fields";

fn assemble<'a>(
    given: Given<'a>,
    (real, phases): (&Real, Option<&Segmentation>),
    own: Option<&Sources>,
    options: EvaluateOptions,
    notes: Vec<String>,
    progress: &dyn Progress,
) -> Result<Ready<'a>, EvaluateError> {
    let Given { samples, model, classifier, labels, twin, .. } = given;
    let mut notes = notes;
    let Real { reference: real, training, .. } = real;
    if let Some(effort) = options.effort {
        Distinguish::count(samples.count(), real.count(), effort)?;
    }
    let nearest = match model {
        Some(model) if options.memorisation != Memorisation::None => {
            let all = options.memorisation == Memorisation::All;
            memorisation::check(model, own, (&samples, real), all, &mut notes, progress)?
        }
        _ => None,
    };
    let (count, grid) = (samples.count(), samples.grid);
    let mut rows = Rows::new(real, vec![(SAMPLES.into(), samples)], model)?;
    rows.group = options.group.clone();
    rows.add_surrogate(model, options.seed)?;
    if let Some(model) = model {
        rows.add_zero_padded(model, grid, options.seed, progress)?;
    }
    notes.extend(rows.add_training(training.as_ref())?);
    let measured = |phases: &Segmentation| -> Result<PhaseTable, EvaluateError> {
        let table = phases.measured(&rows.real, &mut rows.candidates, options.seed)?;
        rows.real = phases.indicators(&rows.real)?;
        Ok(table)
    };
    let phases = phases.map(measured).transpose()?;
    Ok(Ready { options, classifier, labels, twin, count, rows, phases, nearest, notes })
}

impl Ready<'_> {
    /// The real fields.
    pub fn real(&self) -> &Ensemble {
        &self.rows.real
    }

    /// The samples on the grid of the real fields.
    pub fn samples(&self) -> &Ensemble {
        &self.rows.candidates[0].1
    }

    /// Measures everything that was asked for.
    ///
    /// # Errors
    /// Those of the metrics, of the classifier and of the networks that tell fields apart.
    pub fn measure(self, progress: &dyn Progress) -> Result<Evaluation, EvaluateError> {
        let Self { options, classifier, labels, twin, count, rows, phases, nearest, notes } = self;
        let (mut notes, seed) = (notes, options.seed);
        let (real, candidates) = (&rows.real, &rows.candidates);
        let table = rows.table(progress)?;
        notes.extend(table.parts_differ(TRAINING));
        let labels = labels.as_ref().map(|(name, labels)| (name.as_str(), &labels[..]));
        let read = classifier.map(|c| ReadTable::new(c, real, candidates, labels, seed));
        let read = read.transpose()?;
        let told = options.effort.map(|effort| rows.told_apart(effort, progress)).transpose()?;
        // indicators of phases that are known need no threshold but that between 0 and 1
        let known = |cut: Cut| if phases.is_some() { Cut::Otsu(2) } else { cut };
        let beyond = options.cut.map(|cut| Beyond::new(real, candidates, &known(cut)));
        let beyond = beyond.transpose()?;
        let coherence = match options.coherence {
            true => coherence(real, &candidates[0].1)?,
            false => None,
        };
        Ok(Evaluation { count, table, read, told, phases, beyond, coherence, twin, nearest, notes })
    }
}

/// Compares samples with real fields, beside the baselines that must be beaten.
///
/// # Errors
/// Those of [`ready`] and [`Ready::measure`].
pub fn evaluate(
    given: Given<'_>,
    reference: &ReferenceOptions,
    options: &EvaluateOptions,
    progress: &dyn Progress,
) -> Result<Evaluation, EvaluateError> {
    ready(given, reference, options, progress)?.measure(progress)
}

/// Coherence of every pair of a few channels.
fn coherence(real: &Ensemble, samples: &Ensemble) -> Result<Option<Value>, EvaluateError> {
    if !(2..=COHERENCE_AT_MOST).contains(&real.channels) {
        return Ok(None);
    }
    let (there, here) = (cross_spectrum(real)?, cross_spectrum(samples)?);
    Ok(Some(json!({
        "frequency": there.frequency,
        "pairs": there.pairs,
        "reference": there.coherence,
        "samples": here.coherence,
    })))
}

/// What was found; parts that were not asked for are none.
#[derive(Debug, Clone)]
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
        parts.extend(self.nearest.as_ref().map(|found| memorisation::describe(found, self.count)));
        parts.join("\n\n")
    }
}
