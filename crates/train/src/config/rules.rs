//! What a run's configuration may say. Every key's values are checked here; rules of `[data]` that take several
//! keys are in module `data_rules`, those of a run's length in module `length`.

use karhunen_net::NetworkConfig;

use crate::TrainError;
use crate::config::augment::Augmentation;
use crate::config::data_rules;
use crate::config::distilled::DistilledConfig;
use crate::config::prior::PriorConfig;
use crate::config::run::RunConfig;
use crate::config::sampling::SHARPNESS_RANGE;
use crate::config::training::{Rate, TimeDensity};
use crate::run::averages;

/// Snapshots of a run, at most.
const MOST_SNAPSHOTS: usize = 64;

/// Checks every key of a configuration; `untold` where its levels are left to the data.
///
/// # Errors
/// [`TrainError::Config`] naming the key, its value and what it needs; [`TrainError::Motion`] for a motion that
/// the levels do not allow.
pub(super) fn check(config: &RunConfig, place: &str, untold: bool) -> Result<(), TrainError> {
    data_rules::check(&config.data, place)?;
    let t = &config.training;
    let fail = |key: &str, value: String, needs: &str| {
        let message = format!("{key} = {value}: {needs}");
        Err(TrainError::Config { place: place.to_string(), message })
    };
    if t.batch == 0 || t.batch > 1 << 16 {
        return fail("training.batch", t.batch.to_string(), "between 1 and 65536");
    }
    if let Some(pieces) = t.pieces.filter(|n| !(1..=t.batch).contains(n)) {
        let needs = format!("between 1 and training.batch = {}", t.batch);
        return fail("training.pieces", pieces.to_string(), &needs);
    }
    if t.validation_fields == 0 {
        return fail("training.validation_fields", "0".into(), "at least 1");
    }
    let bad = |l: &f64| !(averages::SHORTEST..=averages::LONGEST).contains(l);
    let again = |(i, l): (usize, &f64)| t.ema[..i].contains(l);
    let few = (1..=averages::MOST).contains(&t.ema.len());
    if !few || t.ema.iter().any(bad) || t.ema.iter().enumerate().any(again) {
        let needs = "one to eight relative lengths between 0.005 and 0.28, each once";
        return fail("training.ema", format!("{:?}", t.ema), needs);
    }
    if let Some((key, value, needs)) = config.distilled.as_ref().and_then(DistilledConfig::fault) {
        return fail(key, value, needs);
    }
    if matches!(config.network, NetworkConfig::Nested(_)) && config.prior == PriorConfig::Standard {
        let needs = "a nested network takes noise that is one function on every grid; \"flat\" is white on the trained band";
        return fail("prior.kind", "\"standard\"".into(), needs);
    }
    if !(1..=MOST_SNAPSHOTS).contains(&t.snapshots) {
        return fail("training.snapshots", t.snapshots.to_string(), "between 1 and 64");
    }
    if let Some((key, value, needs)) = data_rules::complaint(&config.data) {
        return fail(key, value, needs);
    }
    if let Some(count) = config.data.count.filter(|count| *count < 2) {
        return fail("data.count", count.to_string(), "at least 2, or leave it out");
    }
    if let TimeDensity::LogNormal { mean, deviation } | TimeDensity::Modes { mean, deviation, .. } =
        t.time_density
        && !(mean.is_finite() && deviation.is_finite() && deviation > 0.0)
    {
        let value = format!("mean {mean}, deviation {deviation}");
        return fail("training.time_density", value, "finite, the deviation positive");
    }
    if let TimeDensity::Modes { weight, .. } = t.time_density
        && !(0.0..=1.0).contains(&weight)
    {
        return fail("training.time_density.weight", weight.to_string(), "between 0 and 1");
    }
    let positive = [
        ("training.learning_rate", t.learning_rate),
        ("training.clip", t.clip),
        ("training.checkpoint_seconds", t.checkpoint_seconds),
    ];
    for (key, value) in positive {
        if !(value.is_finite() && value > 0.0) {
            return fail(key, value.to_string(), "a positive number");
        }
    }
    if let Some(sharpness) = config.sampling.sharpness.filter(|w| !SHARPNESS_RANGE.contains(w)) {
        return fail("sampling.sharpness", sharpness.to_string(), "between 0 and 3");
    }
    let fractions = [
        ("training.warmup", t.warmup),
        ("training.replay", t.replay),
        ("training.label_dropout", t.label_dropout),
        ("training.weight_decay", t.weight_decay),
        ("data.validation", config.data.validation),
    ];
    for (key, value) in fractions {
        if !(0.0..1.0).contains(&value) {
            return fail(key, value.to_string(), "at least 0 and below 1");
        }
    }
    if config.data.clusters.is_some() && t.label_dropout == 0.0 {
        let needs =
            "above 0 with data.clusters, so that the network also answers without a cluster";
        return fail("training.label_dropout", "0".into(), needs);
    }
    if let Rate::Trapezoid { cooldown } = t.rate
        && !(0.0..=1.0 - t.warmup).contains(&cooldown)
    {
        let needs = "at least 0, and with the warm-up at most 1";
        return fail("training.rate.cooldown", cooldown.to_string(), needs);
    }
    for level in &config.levels {
        if !(level.share.is_finite() && level.share > 0.0) {
            return fail("levels.share", level.share.to_string(), "a positive number");
        }
    }
    if untold && config.levels.is_empty() {
        return Ok(());
    }
    let grids = config.grids()?;
    match Augmentation::new(config.data.augment.as_deref().unwrap_or_default(), &grids) {
        Ok(_) => Ok(()),
        Err(message) => Err(TrainError::Motion {
            place: place.to_string(),
            message: format!("data.augment: {message}"),
        }),
    }
}
