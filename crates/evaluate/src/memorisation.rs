//! Tests whether samples lie nearer to the training fields of a model than real fields do.

use karhunen_field::metrics::{Verdict, memorisation};
use karhunen_field::{Ensemble, Grid};
use karhunen_train::config::DataConfig;
use karhunen_train::data::Loaded;
use karhunen_train::known::Known;
use karhunen_train::{Sources, TrainedModel, data};
use serde_json::{Value, json};

use crate::error::chain;
use crate::progress::{Progress, Task};
use crate::table::Unit;
use crate::{EvaluateError, real};

/// Number of training fields that are searched unless all are requested. With a part of them the
/// test is still valid; it only misses copies of the others.
const SOME: usize = 4096;

/// Counts samples that are close to training fields, and real fields that are equally close.
///
/// The real fields are the reference. If the reference is the model's own data, they are the
/// model's held-out fields, and `own` is the present place of those data. Without `all` the result
/// is none, with a note, if the model's data are missing or have changed, or if no field was held
/// out.
///
/// # Errors
/// Errors of [`memorisation`]; with `all` also errors while loading the model's data, which must be
/// unchanged since the training.
pub fn check(
    model: &TrainedModel,
    own: Option<&Sources>,
    (samples, reference): (&Ensemble, &Ensemble),
    all: bool,
    notes: &mut Vec<String>,
    progress: &dyn Progress,
) -> Result<Option<Value>, EvaluateError> {
    let found = look(model, own, (samples, reference), all, notes, progress);
    progress.over(Task::Memorisation);
    found
}

fn look(
    model: &TrainedModel,
    own: Option<&Sources>,
    (samples, reference): (&Ensemble, &Ensemble),
    all: bool,
    notes: &mut Vec<String>,
    progress: &dyn Progress,
) -> Result<Option<Value>, EvaluateError> {
    progress.at(Task::Memorisation, 0, 2, "reading training fields");
    let loaded = match load(model, own, samples.grid) {
        Ok(loaded) => loaded,
        Err(error) if all => return Err(error),
        Err(error) => {
            notes.push(format!("no check of memorisation: {}", chain(&error)));
            return Ok(None);
        }
    };
    if own.is_some() && loaded.validation.count() == 0 && !all {
        notes.push("no check of memorisation: no field was held out".into());
        return Ok(None);
    }
    progress.at(Task::Memorisation, 1, 2, "distances");
    let mut training = real::ensemble(&loaded.training, &loaded.offsets)?;
    let of = training.count();
    if of > SOME && !all {
        let evenly: Vec<usize> = (0..SOME).map(|i| i * of / SOME).collect();
        training = training.select(&evenly);
    }
    let own = match own {
        Some(_) => Some(real::ensemble(&loaded.validation, &loaded.offsets)?),
        None => None,
    };
    let held_out = own.as_ref().unwrap_or(reference);
    let unit = Unit::of(&training);
    let found = memorisation(&unit.apply(samples), &unit.apply(&training), &unit.apply(held_out))?;
    Ok(Some(json!({
        "training_fields": training.count(),
        "of_training_fields": of,
        "held_out_fields": held_out.count(),
        "close": found.close,
        "expected": found.expected,
        "p_value": found.p_value,
        "copies": found.copies,
        "memorised": found.verdict == Verdict::Memorised,
    })))
}

/// The fields that a model was trained on and those held out, read from `own` or from their
/// original place.
fn load(model: &TrainedModel, own: Option<&Sources>, grid: Grid) -> Result<Loaded, EvaluateError> {
    let config = &model.config;
    let source = own.unwrap_or(&config.data.source).clone();
    let data = DataConfig { source, ..config.data.clone() };
    let opened = data::open(&data).map_err(EvaluateError::TrainingData)?;
    if let (None, Some(fields)) = (own, &opened)
        && let Some(known) = Known::of(model.statistics.origin.as_ref(), fields)?
        && !known.is_own()
    {
        return Err(EvaluateError::OtherData(data.source.to_string()));
    }
    Ok(data::load_from(&data, opened.as_ref(), grid, config.seed)?)
}

/// The result as text.
pub fn describe(found: &Value, samples: usize) -> String {
    let number = |key: &str| found[key].as_f64().unwrap_or(f64::NAN);
    let (looked_at, of) = (&found["training_fields"], &found["of_training_fields"]);
    let among = if looked_at == of { String::new() } else { format!(" (of {of})") };
    format!(
        "memorisation: {} of {samples} samples as close to one of {looked_at}{among} training fields as the closest \
         5 % of {} held-out fields ({:.1} expected, p = {:.2}), {} copies{}",
        found["close"],
        found["held_out_fields"],
        number("expected"),
        number("p_value"),
        found["copies"],
        if found["memorised"] == true { ": memorised" } else { "" }
    )
}
