//! Whether samples lie nearer to the fields a model was trained on than real fields do.

use karhunen_field::Ensemble;
use karhunen_field::metrics::{Verdict, memorisation};
use karhunen_train::config::DataConfig;
use karhunen_train::known::Known;
use karhunen_train::{Sources, TrainedModel, data};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::report::real;
use crate::report::table::Unit;

/// Counts samples that are close to training fields, beside real fields that are not among them: the
/// reference, or the model's held-out part where the reference is `own`, the model's source where it
/// lies now.
///
/// # Errors
/// Those of loading the model's data, which must still be those it was made of, and of [`memorisation`].
pub fn check(
    model: &TrainedModel,
    own: Option<&Sources>,
    samples: &Ensemble,
    reference: &Ensemble,
) -> Result<Value, Failure> {
    let config = &model.config;
    let source = own.unwrap_or(&config.data.source).clone();
    let data = DataConfig { source, ..config.data.clone() };
    let opened = data::open(&data).map_err(|e| {
        Failure::from(e).help("memorisation needs what the model was trained on: name it as --reference, or begin where its path leads to it")
    })?;
    if let (None, Some(fields)) = (own, &opened)
        && let Some(known) = Known::of(model.statistics.origin.as_ref(), fields)?
        && !known.is_own()
    {
        let message = format!("{}: not the data that the model was trained on", data.source);
        return Err(Failure::usage(message).help(
            "name the model's own data as --reference, or leave --memorisation and --all out",
        ));
    }
    let loaded = data::load_from(&data, opened.as_ref(), samples.grid, config.seed)?;
    let training = real::ensemble(&loaded.training, &loaded.offsets)?;
    let own = if own.is_some() {
        Some(real::ensemble(&loaded.validation, &loaded.offsets)?)
    } else {
        None
    };
    let held_out = own.as_ref().unwrap_or(reference);
    let unit = Unit::of(&training);
    let found = memorisation(&unit.apply(samples), &unit.apply(&training), &unit.apply(held_out))?;
    Ok(json!({
        "training_fields": training.count(),
        "held_out_fields": held_out.count(),
        "close": found.close,
        "expected": found.expected,
        "p_value": found.p_value,
        "copies": found.copies,
        "memorised": found.verdict == Verdict::Memorised,
    }))
}

/// The same for a person.
pub fn describe(found: &Value, samples: usize) -> String {
    let number = |key: &str| found[key].as_f64().unwrap_or(f64::NAN);
    format!(
        "memorisation: {} of {samples} samples as close to one of {} training fields as the closest 5 % of {} \
         held-out fields ({:.1} expected, p = {:.2}), {} copies{}",
        found["close"],
        found["training_fields"],
        found["held_out_fields"],
        number("expected"),
        number("p_value"),
        found["copies"],
        if found["memorised"] == true { ": memorised" } else { "" }
    )
}
