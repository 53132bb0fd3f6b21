//! `karhunen compare`: several models or files of samples against the same real fields, side by side.

use std::path::Path;

use karhunen_evaluate::{EvaluateError, ReferenceOptions, compare, read_samples, same_boundary};
use karhunen_field::Ensemble;
use karhunen_net::Device;
use karhunen_train::TrainedModel;
use tracing::{info, warn};

use crate::args::CompareArgs;
use crate::commands::sample::sample;
use crate::failure::Failure;
use crate::progress::Bars;
use crate::report::print_line;

/// Compares and prints.
pub fn run(args: &CompareArgs) -> Result<(), Failure> {
    let effort = args.told.effort(args.real.seed)?;
    if args.count < 2 {
        return Err(EvaluateError::Count(args.count).into());
    }
    let reference = args.real.options()?;
    let models = models(args, &reference)?;
    let first = models.iter().flatten().next();
    let mut candidates: Vec<(String, Ensemble)> = Vec::new();
    for (path, model) in args.candidates.iter().zip(&models) {
        let fields = match model {
            Some(model) => sampled(args, model)?,
            None => read_samples(&reference, path, first)?,
        };
        let name = path.display().to_string();
        if candidates.iter().any(|(other, _)| *other == name) {
            return Err(EvaluateError::Twice(name).into());
        }
        candidates.push((name, fields));
    }
    let trained: Vec<&TrainedModel> = models.iter().flatten().collect();
    let compared = compare(candidates, &trained, &reference, effort, &Bars::default())?;
    if args.json {
        return print_line(&compared.to_json().to_string());
    }
    compared.notes.iter().for_each(|note| info!("note: {note}"));
    print_line(&compared.to_text())
}

/// The models among what was named; folders are models, files are samples.
fn models(
    args: &CompareArgs,
    reference: &ReferenceOptions,
) -> Result<Vec<Option<TrainedModel>>, Failure> {
    let load = |path: &Path| -> Result<Option<TrainedModel>, Failure> {
        if !path.is_dir() {
            return Ok(None);
        }
        let model = TrainedModel::load_average(path, &Device::flex(), None)?;
        model.notes.iter().for_each(|note| warn!("skipped: {note}"));
        same_boundary(reference, &model)?;
        Ok(Some(model))
    };
    args.candidates.iter().map(|path| load(path)).collect()
}

/// Fields of a model on its finest trained grid.
fn sampled(args: &CompareArgs, model: &TrainedModel) -> Result<Ensemble, Failure> {
    let mut request = model.request(model.statistics.grid, args.real.seed);
    if let Some(evaluations) = args.evaluations {
        request.evaluations = evaluations;
    }
    Ok(sample(model, &request, 0..args.count)?.0)
}
