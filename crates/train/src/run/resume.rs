//! Whether a directory's run may go on: it must be the one asked for, on the data it began with.

use std::fs;
use std::path::Path;

use crate::TrainError;
use crate::config::earlier::of_earlier;
use crate::config::settings::parse;
use crate::config::sources::Sources;
use crate::config::{Length, RunConfig};
use crate::data::statistics::Statistics;

/// The directory's run must be the one asked for, but for when it ends ([`crate::run::extension`]). Its length as it was
/// asked for before.
///
/// # Errors
/// [`TrainError::OtherRun`] naming the first key that differs; [`TrainError::Read`].
pub fn same_configuration(stored: &Path, asked: &RunConfig) -> Result<Length, TrainError> {
    let text = fs::read_to_string(stored)
        .map_err(|source| TrainError::Read { path: stored.into(), source })?;
    // what a file means counts, not which defaults it spells out
    let place = stored.display().to_string();
    let read = RunConfig::from_table(of_earlier(parse(&text, &place)?), &place)?;
    let before = read.training.length;
    let mut read = as_asked(&read, asked);
    // what the file leaves open, the checkpoint decides
    read.training.optimizer = read.training.optimizer.or(asked.training.optimizer);
    read.sampling.sampler = read.sampling.sampler.or(asked.sampling.sampler);
    read.sampling.sharpness = read.sampling.sharpness.or(asked.sampling.sharpness);
    if read == *asked {
        return Ok(before);
    }
    let (old, new) = differing(&read, asked);
    Err(TrainError::OtherRun {
        place,
        message: format!(
            "this directory holds a run with `{old}`, asked for is `{new}`; choose another directory, or the same configuration to resume"
        ),
    })
}

/// The checkpoint must be one of that run, which may end at another time.
///
/// # Errors
/// [`TrainError::Checkpoint`] naming the first key that differs.
pub fn same_run(directory: &Path, stored: &RunConfig, asked: &RunConfig) -> Result<(), TrainError> {
    let mut stored = stored.clone();
    // what a checkpoint without these keys means
    stored.training.optimizer.get_or_insert_default();
    stored.sampling.sampler = Some(stored.sampling.method());
    stored.sampling.sharpness.get_or_insert(1.0);
    let stored = as_asked(&stored, asked);
    if stored == *asked {
        return Ok(());
    }
    let (old, new) = differing(&stored, asked);
    Err(TrainError::Checkpoint {
        path: directory.into(),
        message: format!(
            "its newest checkpoint is of another run, with `{old}` where config.toml means `{new}`; remove it to go on from the one before"
        ),
    })
}

/// A stored configuration with what need not be the same: where files lie, since what they hold is
/// compared ([`same_data`]), what was chosen where nothing is asked for, when the run ends, how
/// batches are cut, and who watches it.
fn as_asked(stored: &RunConfig, asked: &RunConfig) -> RunConfig {
    let mut stored = stored.clone();
    stored.training.length = stored.training.length.ending_as(asked.training.length);
    stored.training.tensorboard = asked.training.tensorboard;
    stored.training.pieces = asked.training.pieces;
    if asked.training.optimizer.is_none() {
        stored.training.optimizer = None;
    }
    if asked.sampling.sampler.is_none() {
        stored.sampling.sampler = None;
    }
    if asked.sampling.sharpness.is_none() {
        stored.sampling.sharpness = None;
    }
    let (own, data) = (&mut stored.data, &asked.data);
    let moved = |a: &Sources, b: &Sources| {
        a.builtin().is_none() && b.builtin().is_none() && a.names().len() == b.names().len()
    };
    if moved(&own.source, &data.source) {
        own.source = data.source.clone();
    }
    if let (Some(a), Some(b)) = (&mut own.validation_source, &data.validation_source)
        && moved(a, b)
    {
        *a = b.clone();
    }
    for (a, b) in
        [(&mut own.labels, &data.labels), (&mut own.validation_labels, &data.validation_labels)]
    {
        if a.is_some() && b.is_some() {
            a.clone_from(b);
        }
    }
    if data.hold_out.is_none() {
        own.hold_out = None;
    }
    if data.augment.is_none() {
        own.augment = None;
    }
    if data.spacing.is_none() {
        own.spacing = None;
    }
    if data.lengths.is_none() {
        own.lengths = None;
    }
    stored
}

/// What a run goes on with: its own configuration, its files where they are now.
pub fn resumed(stored: &RunConfig, asked: &RunConfig) -> RunConfig {
    let mut resolved = stored.clone();
    let (own, data) = (&mut resolved.data, &asked.data);
    own.source = data.source.clone();
    own.validation_source.clone_from(&data.validation_source);
    own.labels.clone_from(&data.labels);
    own.validation_labels.clone_from(&data.validation_labels);
    own.attributes.clone_from(&data.attributes);
    own.condition.clone_from(&data.condition);
    resolved.training.tensorboard = asked.training.tensorboard;
    resolved.training.pieces = asked.training.pieces.or(stored.training.pieces);
    resolved
}

/// The first line in which two configurations differ.
pub(crate) fn differing(a: &RunConfig, b: &RunConfig) -> (String, String) {
    let (a, b) = (settings(a), settings(b));
    let line = |of: &[(String, String)], place: &str| {
        of.iter().find(|(other, _)| other == place).map(|(_, line)| line.clone())
    };
    // what one of them leaves open is a difference too
    let places = a.iter().chain(&b).map(|(place, _)| place);
    let Some(place) = places.into_iter().find(|place| line(&a, place) != line(&b, place)) else {
        return (String::new(), String::new());
    };
    let told = |of: &[(String, String)]| {
        let key = place.rsplit(' ').next().unwrap_or_default();
        line(of, place).unwrap_or_else(|| format!("no {key}"))
    };
    (told(&a), told(&b))
}

/// Every line `key = value` of a configuration with its place: the table, which one of its name it is, and the key.
fn settings(config: &RunConfig) -> Vec<(String, String)> {
    let (mut tables, mut found): (Vec<String>, Vec<(String, String)>) = Default::default();
    for line in config.to_toml().lines() {
        match line.split_once('=') {
            _ if line.starts_with('[') => tables.push(line.into()),
            Some((key, _)) => {
                let table = tables.last().map_or("", String::as_str);
                let number = tables.iter().filter(|name| *name == table).count();
                found.push((format!("{table} {number} {}", key.trim()), line.into()));
            }
            // a list over several lines
            None => found.last_mut().into_iter().for_each(|last| last.1.push_str(line.trim())),
        }
    }
    found
}

/// The data must be those the run began with: what was measured of them is part of the model.
///
/// # Errors
/// [`TrainError::Data`] if mean, scale or spectrum differ by more than rounding, or labels do.
pub fn same_data(before: &Statistics, now: &Statistics, source: &str) -> Result<(), TrainError> {
    /// Beyond what another order of summation does.
    const ROUNDING: f64 = 1e-6;
    let close = |a: &[f64], b: &[f64]| {
        let scale = a.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= ROUNDING * scale)
    };
    let same = before.grid == now.grid
        && before.classes == now.classes
        && same_attributes(before, now)
        && close(&before.normalisation.scale, &now.normalisation.scale)
        && close(&before.mean.values, &now.mean.values)
        && close(&before.variances.concat(), &now.variances.concat());
    let what = match changed(before, now) {
        Some(what) => what,
        None if same => return Ok(()),
        None => "their mean, spectrum or labels have changed".into(),
    };
    Err(TrainError::Data {
        source_name: source.to_string(),
        message: format!(
            "not the data this run began with: {what}; restore them, or begin a new run in another directory"
        ),
    })
}

/// Attributes and given fields, but for rounding.
fn same_attributes(before: &Statistics, now: &Statistics) -> bool {
    let numbers = |s: &Statistics| -> Vec<f64> {
        let attributes = s.attributes.iter().flat_map(|a| [a.mean, a.deviation]);
        let given = s.condition.iter().flat_map(|n| [n.offset.clone(), n.scale.clone()].concat());
        attributes.chain(given).collect()
    };
    let names = |s: &Statistics| s.attributes.iter().map(|a| a.name.clone()).collect::<Vec<_>>();
    let (old, new) = (numbers(before), numbers(now));
    let close = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-6 * a.abs().max(b.abs());
    names(before) == names(now) && old.len() == new.len() && old.iter().zip(&new).all(close)
}

/// How the values of the data have changed, if both are known and they have.
fn changed(before: &Statistics, now: &Statistics) -> Option<String> {
    let (before, now) = (&before.origin.as_ref()?.sources, &now.origin.as_ref()?.sources);
    let pairs = || before.iter().zip(now);
    if before.is_empty() || before.len() == now.len() && pairs().all(|(a, b)| a.same(b)) {
        return None;
    }
    let (a, b) = pairs().find(|(a, b)| !a.same(b))?;
    if a.hashes.len() != b.hashes.len() {
        return Some(format!(
            "{} fields of {:?} points then, {} of {:?} now",
            a.count(),
            a.points,
            b.count(),
            b.points
        ));
    }
    let other = a.hashes.iter().zip(&b.hashes).filter(|(a, b)| a != b).count();
    let what = if a.axis.is_some() { "slices" } else { "fields" };
    Some(format!("{other} of {} {what} have other values", a.hashes.len()))
}
