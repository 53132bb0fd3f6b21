//! Compares samples with real fields.

use std::path::Path;

use karhunen_evaluate::{
    Compared, Effort, EvaluateError, EvaluateOptions, Evaluation, Given, Progress, Ready,
    ReferenceOptions, read_samples, same_boundary,
};
use karhunen_field::Ensemble;
use karhunen_train::TrainedModel;

use crate::sample::Samples;
use crate::{Data, Error, Model};

/// Real fields: data to be read, or fields in memory.
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
    /// Data. If the model was trained on them, only the held-out part is used by default.
    Data(ReferenceOptions),
    /// Fields in their own values. They are used as they are; the caller makes sure that the model
    /// was not trained on them.
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

/// Samples in the form of an evaluation, with their model if it is known.
///
/// # Example
/// See [`evaluate`].
pub fn given<'a>(samples: &Samples, model: Option<&'a Model>) -> Given<'a> {
    Given { model: model.map(Model::trained), ..Given::of("samples", samples.fields.clone()) }
}

/// Compares samples with real fields, together with the baselines that a model must beat.
///
/// Every statistic is given in **floors**. A floor is the distance that 95 of 100 pairs of sets of
/// real fields of the same sizes stay below. At 1 or less, samples are as near as real fields are
/// to each other.
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
/// As [`ready`]; errors of the statistics.
pub fn evaluate(
    given: Given<'_>,
    reference: &Reference,
    options: &EvaluateOptions,
    progress: &dyn Progress,
) -> Result<Evaluation, Error> {
    Ok(ready(given, reference, options, progress)?.measure(progress)?)
}

/// Prepares samples and real fields without comparing them, so that both can be inspected first.
///
/// # Errors
/// [`Error::Evaluate`] for samples and real fields of different kinds, too few of either, and the
/// like; errors while reading.
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

/// The options of a comparison of several models.
#[derive(Debug, Clone, PartialEq)]
pub struct CompareOptions {
    /// Number of fields sampled from each model; of larger files the first fields are used.
    pub count: u64,
    /// Network evaluations for each field; by default the setting of each model.
    pub evaluations: Option<usize>,
    /// Training of networks that tell samples from real fields; none by default.
    pub effort: Option<Effort>,
}

impl Default for CompareOptions {
    fn default() -> Self {
        Self { count: 512, evaluations: None, effort: None }
    }
}

/// One of the compared models or sets of samples.
#[derive(Debug, Clone)]
pub enum Candidate<'a> {
    /// A folder with a model, or a file of samples; the path is the name.
    Path(&'a Path),
    /// A model with its name; it is sampled on its finest trained grid.
    Model(String, &'a Model),
    /// Samples in the data's own values, with their name.
    Fields(String, Ensemble),
}

/// Compares models and files of samples with the same real fields. Models are folders; each is
/// sampled on its finest trained grid.
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

/// As [`compare`], for models and samples that may be in memory.
///
/// # Errors
/// Errors while reading and sampling; [`Error::Evaluate`] for candidates that cannot be compared.
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
