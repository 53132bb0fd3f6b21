//! Whether samples lie nearer to the fields a model was trained on than real fields do.

use karhunen_field::Ensemble;
use karhunen_field::metrics::{Verdict, memorisation};
use karhunen_train::{TrainedModel, data};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::report::real;
use crate::report::table::Unit;

/// Counts samples that are close to training fields, beside real fields that are not among them: the
/// reference, or the model's held-out part where the reference is the model's own source.
///
/// # Errors
/// Those of loading the model's data, and of [`memorisation`].
pub fn check(
    model: &TrainedModel,
    samples: &Ensemble,
    reference: &Ensemble,
    same_source: bool,
) -> Result<Value, Failure> {
    let config = &model.config;
    let loaded = data::load(&config.data, samples.grid, config.seed)?;
    let training = real::ensemble(&loaded.training, &loaded.offsets)?;
    let own =
        if same_source { Some(real::ensemble(&loaded.validation, &loaded.offsets)?) } else { None };
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
