//! Whether samples lie nearer to the fields a model was trained on than real fields do.

use karhunen_field::Ensemble;
use karhunen_field::metrics::{Verdict, memorisation};
use karhunen_train::{TrainedModel, data};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::progress::bar;
use crate::report::real;
use crate::report::table::Unit;

/// Training fields that are looked at unless all are asked for: the check is as sound with a part of them,
/// it only misses copies of the others.
const SOME: usize = 4096;

/// Counts samples that are close to training fields, beside real fields that are not among them: the
/// reference, or the model's held-out part where the reference is the model's own source. None, and a note, where
/// the model's data are not there or no field was held out, unless `all` asks for the check.
///
/// # Errors
/// Those of [`memorisation`]; with `all` those of loading the model's data.
pub fn check(
    model: &TrainedModel,
    samples: &Ensemble,
    reference: &Ensemble,
    same_source: bool,
    all: bool,
    notes: &mut Vec<String>,
) -> Result<Option<Value>, Failure> {
    let config = &model.config;
    let bar = bar("memorisation", 2);
    bar.set_message("reading training fields");
    let loaded = match data::load(&config.data, samples.grid, config.seed) {
        Ok(loaded) => loaded,
        Err(error) if all => return Err(error.into()),
        Err(error) => {
            notes.push(format!("no check of memorisation: {error}"));
            return Ok(None);
        }
    };
    if same_source && loaded.validation.count() == 0 && !all {
        notes.push("no check of memorisation: no field was held out".into());
        return Ok(None);
    }
    bar.inc(1);
    bar.set_message("distances");
    let mut training = real::ensemble(&loaded.training, &loaded.offsets)?;
    let of = training.count();
    if of > SOME && !all {
        let evenly: Vec<usize> = (0..SOME).map(|i| i * of / SOME).collect();
        training = training.select(&evenly);
    }
    let own =
        if same_source { Some(real::ensemble(&loaded.validation, &loaded.offsets)?) } else { None };
    let held_out = own.as_ref().unwrap_or(reference);
    let unit = Unit::of(&training);
    let found = memorisation(&unit.apply(samples), &unit.apply(&training), &unit.apply(held_out))?;
    bar.finish_and_clear();
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

/// The same for a person.
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
