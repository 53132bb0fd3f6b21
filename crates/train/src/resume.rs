//! Whether a directory's run may go on: it must be the one asked for, on the data it began with.

use std::fs;
use std::path::Path;

use crate::TrainError;
use crate::arrays::of_earlier;
use crate::config::RunConfig;
use crate::settings::parse;
use crate::statistics::Statistics;

/// The directory's run must be the one asked for.
///
/// # Errors
/// [`TrainError::Config`] naming the first key that differs; [`TrainError::Read`].
pub fn same_configuration(stored: &Path, asked: &RunConfig) -> Result<(), TrainError> {
    let text = fs::read_to_string(stored)
        .map_err(|source| TrainError::Read { path: stored.into(), source })?;
    // what a file means counts, not which defaults it spells out
    let place = stored.display().to_string();
    let read = RunConfig::from_table(of_earlier(parse(&text, &place)?), &place)?;
    if read == *asked {
        return Ok(());
    }
    let (old, new) = differing(&read, asked);
    Err(TrainError::Config {
        place,
        message: format!(
            "this directory holds a run with `{old}`, asked for is `{new}`; choose another directory, or the same configuration to resume"
        ),
    })
}

/// The checkpoint must be one of that run, whose budget in seconds may have become steps.
///
/// # Errors
/// [`TrainError::Checkpoint`] naming the first key that differs.
pub fn same_run(directory: &Path, stored: &RunConfig, asked: &RunConfig) -> Result<(), TrainError> {
    let mut asked = asked.clone();
    if asked.training.seconds.is_some() {
        asked.training.steps = stored.training.steps;
        asked.training.seconds = stored.training.seconds;
    }
    if *stored == asked {
        return Ok(());
    }
    let (old, new) = differing(stored, &asked);
    Err(TrainError::Checkpoint {
        path: directory.into(),
        message: format!(
            "its newest checkpoint is of another run, with `{old}` where config.toml means `{new}`; remove it to go on from the one before"
        ),
    })
}

/// The first line in which two configurations differ.
fn differing(a: &RunConfig, b: &RunConfig) -> (String, String) {
    let (a, b) = (a.to_toml(), b.to_toml());
    let found = a.lines().zip(b.lines()).find(|(a, b)| a != b);
    let (a, b) = found.unwrap_or(("(fewer keys)", "(more keys)"));
    (a.to_string(), b.to_string())
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
        && close(&before.normalisation.scale, &now.normalisation.scale)
        && close(&before.mean.values, &now.mean.values)
        && close(&before.variances.concat(), &now.variances.concat());
    if same {
        return Ok(());
    }
    Err(TrainError::Data {
        source_name: source.to_string(),
        message: "not the data this run began with: their mean, spectrum or labels have changed; \
                  restore them, or begin a new run in another directory"
            .into(),
    })
}
