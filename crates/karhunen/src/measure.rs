//! Samples against real fields.

use std::path::Path;

use karhunen_evaluate::{
    Compared, Effort, EvaluateError, EvaluateOptions, Evaluation, Given, Progress, Ready,
    ReferenceOptions, read_samples, same_boundary,
};
use karhunen_field::Ensemble;
use karhunen_train::TrainedModel;

use crate::sample::Samples;
use crate::{Data, Error, Model};

/// Real fields: data that are read for the purpose, or fields in memory.
///
/// # Example
/// ```
/// use karhunen::{Data, Reference};
/// let data = Data::open("builtin:spinodal")?;
/// let of_data: Reference = (&data).into();
/// let of_fields: Reference = data.held_out(Some(&[8, 8]), 4)?.into();
/// assert!(matches!((of_data, of_fields), (Reference::Data(_), Reference::Fields(_))));
/// # Ok::<(), karhunen::Error>(())
/// ```
#[derive(Debug, Clone)]
pub enum Reference {
    /// Data. Of what a model was trained on only the held-out part is used, unless told otherwise.
    Data(ReferenceOptions),
    /// Fields in their own values. They are compared with as they are: whoever gives them knows that they
    /// were not trained on.
    Fields(Ensemble),
}

impl From<ReferenceOptions> for Reference {
    fn from(options: ReferenceOptions) -> Self {
        Self::Data(options)
    }
}

impl From<&Data> for Reference {
    fn from(data: &Data) -> Self {
        Self::Data(data.reference())
    }
}

impl From<&str> for Reference {
    fn from(source: &str) -> Self {
        Self::Data(ReferenceOptions::of(source))
    }
}

impl From<Ensemble> for Reference {
    fn from(fields: Ensemble) -> Self {
        Self::Fields(fields)
    }
}

/// Samples as an evaluation takes them, with the model that they came from where it is known.
///
/// # Example
/// See [`evaluate`].
pub fn given<'a>(samples: &Samples, model: Option<&'a Model>) -> Given<'a> {
    Given { model: model.map(Model::trained), ..Given::of("samples", samples.fields.clone()) }
}

/// Compares samples with real fields, beside the baselines that must be beaten.
///
/// Every statistic is given in **floors**: the distance that 95 of 100 pairs of sets of real fields of the
/// same sizes stay below. 1 and less is as near as real fields are to each other.
///
/// # Example
/// ```
/// use karhunen::evaluation::Given;
/// use karhunen::{Boundary, EvaluateOptions, Grid, evaluate, prior};
/// let grid = Grid::unit(&[12, 10], Boundary::Neumann)?;
/// let (smooth, rough) = (prior::Matern::new(1.0, 0.4, 2.5)?, prior::Matern::new(1.0, 0.05, 0.5)?);
/// let real = prior::draw(&smooth, grid, 1, 0..200);
/// let samples = Given::of("rough fields", prior::draw(&rough, grid, 2, 0..100));
/// let found = evaluate(samples, &real.into(), &EvaluateOptions::default(), &())?;
/// let row = &found.table.rows[0];
/// let spectrum = row.statistics().into_iter().find(|s| s.name == "spectrum").unwrap();
/// assert!(spectrum.floors.unwrap() > 3.0);
/// assert!(row.verdict().contains("differ from real fields"));
/// # Ok::<(), karhunen::Error>(())
/// ```
///
/// # Errors
/// As [`ready`]; those of the statistics.
pub fn evaluate(
    given: Given<'_>,
    reference: &Reference,
    options: &EvaluateOptions,
    progress: &dyn Progress,
) -> Result<Evaluation, Error> {
    Ok(ready(given, reference, options, progress)?.measure(progress)?)
}

/// Brings samples and real fields together without measuring them: to look at both first.
///
/// # Errors
/// [`Error::Evaluate`] for samples and real fields of different kinds, too few of either, and the like; those
/// of reading.
pub fn ready<'a>(
    given: Given<'a>,
    reference: &Reference,
    options: &EvaluateOptions,
    progress: &dyn Progress,
) -> Result<Ready<'a>, Error> {
    Ok(match reference {
        Reference::Data(data) => karhunen_evaluate::ready(given, data, options, progress)?,
        Reference::Fields(real) => karhunen_evaluate::ready_beside(given, real, options, progress)?,
    })
}

/// How several models are compared.
#[derive(Debug, Clone, PartialEq)]
pub struct CompareOptions {
    /// Fields to sample from each model; of files that hold more the first ones count.
    pub count: u64,
    /// Network evaluations a field; each model's own by default.
    pub evaluations: Option<usize>,
    /// Networks that learn to tell samples from real fields; none by default.
    pub effort: Option<Effort>,
}

impl Default for CompareOptions {
    fn default() -> Self {
        Self { count: 512, evaluations: None, effort: None }
    }
}

/// What is compared.
#[derive(Debug, Clone)]
pub enum Candidate<'a> {
    /// A folder that holds a model, or a file of samples; its path is its name.
    Path(&'a Path),
    /// A model and its name, sampled first on its finest trained grid.
    Model(String, &'a Model),
    /// Samples in the data's own values and their name.
    Fields(String, Ensemble),
}

/// Compares models (folders, sampled first on their finest trained grids) and files of samples with the same
/// real fields, side by side.
///
/// # Errors
/// As [`compare_all`].
pub fn compare(
    candidates: &[impl AsRef<Path>],
    reference: &ReferenceOptions,
    options: &CompareOptions,
    progress: &dyn Progress,
) -> Result<Compared, Error> {
    let all = candidates.iter().map(|path| Candidate::Path(path.as_ref())).collect();
    compare_all(all, reference, options, progress)
}

/// As [`compare`], of models and samples that may be in memory.
///
/// # Errors
/// Those of reading and sampling; [`Error::Evaluate`] for candidates that cannot be compared.
pub fn compare_all(
    candidates: Vec<Candidate<'_>>,
    reference: &ReferenceOptions,
    options: &CompareOptions,
    progress: &dyn Progress,
) -> Result<Compared, Error> {
    if options.count < 2 {
        return Err(EvaluateError::Count(options.count).into());
    }
    let load = |candidate: &Candidate| -> Result<Option<Model>, Error> {
        let model = match candidate {
            Candidate::Path(path) if path.is_dir() => {
                Model::open_with(path, &Default::default(), progress)?
            }
            Candidate::Model(_, model) => (*model).clone(),
            _ => return Ok(None),
        };
        same_boundary(reference, model.trained())?;
        Ok(Some(model))
    };
    let models: Vec<Option<Model>> = candidates.iter().map(load).collect::<Result<_, Error>>()?;
    let trained: Vec<&TrainedModel> = models.iter().flatten().map(Model::trained).collect();
    let mut rows: Vec<(String, Ensemble)> = Vec::new();
    for (candidate, model) in candidates.into_iter().zip(&models) {
        let (name, fields) = match (candidate, model) {
            (Candidate::Path(path), None) => {
                let read = read_samples(reference, path, trained.first().copied())?;
                (path.display().to_string(), read)
            }
            (Candidate::Fields(name, fields), _) => (name, fields),
            (Candidate::Path(path), Some(model)) => {
                (path.display().to_string(), sampled(model, reference.seed, options, progress)?)
            }
            (Candidate::Model(name, own), model) => {
                let model = model.as_ref().unwrap_or(own);
                (name, sampled(model, reference.seed, options, progress)?)
            }
        };
        if rows.iter().any(|(other, _)| *other == name) {
            return Err(EvaluateError::Twice(name).into());
        }
        rows.push((name, fields));
    }
    Ok(karhunen_evaluate::compare(rows, &trained, reference, options.effort, progress)?)
}

/// Fields of a model on its finest trained grid.
fn sampled(
    model: &Model,
    seed: u64,
    options: &CompareOptions,
    progress: &dyn Progress,
) -> Result<Ensemble, Error> {
    let mut request = model.trained().request(model.grid(), seed);
    request.evaluations = options.evaluations.unwrap_or(request.evaluations);
    model.draw(&request, 0..options.count, progress)
}
