//! Samples and real fields of a model of phases, as level sets on the way in and as phases on the way out.

use std::path::Path;

use karhunen_field::{Ensemble, level_set};
use karhunen_formats::ReadOptions;
use karhunen_train::TrainedModel;
use karhunen_train::phases::Phases;
use rayon::prelude::*;

use crate::EvaluateError;
use crate::phases::{Labelled, PhaseTable};

/// Samples of a model of phases as level sets: labels, as `sample` writes them, or `sample --raw`'s φ.
///
/// # Errors
/// Those of reading; values that are neither.
pub fn level_sets_of(
    path: &Path,
    model: &TrainedModel,
    phases: &Phases,
) -> Result<Ensemble, EvaluateError> {
    let dim = Some(model.statistics.grid.dim());
    let raw = karhunen_formats::read(path, &ReadOptions { dim, ..Default::default() })?;
    let grid = model.grid(&raw.points)?;
    let values: Vec<f64> = raw.values.iter().map(|v| f64::from(*v)).collect();
    let phase = |v: &f64| phases.labels.iter().position(|l| f64::from(*l) == *v).map(|p| p as u8);
    let labels: Option<Vec<u8>> =
        if raw.channels == 1 { values.iter().map(phase).collect() } else { None };
    match labels {
        Some(labels) => {
            let fields = labels
                .par_chunks(grid.len())
                .map(|own| level_set::level_sets(&grid, own, phases.labels.len(), phases.width));
            let fields: Result<Vec<Vec<f32>>, _> = fields.collect();
            let values = fields?.into_iter().flatten().map(f64::from).collect();
            Ok(Ensemble::new(grid, phases.channels(), values)?)
        }
        None if raw.channels == phases.channels() => Ok(Ensemble::new(grid, raw.channels, values)?),
        None => {
            let known: Vec<String> = phases.labels.iter().map(u8::to_string).collect();
            let (name, known) = (path.display().to_string(), known.join(", "));
            Err(EvaluateError::SamplePhases { name, known, channels: phases.channels() })
        }
    }
}

/// Ones where a phase is: a channel a phase, the second phase alone of two.
///
/// # Errors
/// Those of [`Ensemble::new`].
pub fn indicators(phases: &Phases, fields: &Ensemble) -> Result<Ensemble, EvaluateError> {
    let (points, own) = (fields.grid.len(), phases.of(fields));
    let channels = phases.channels();
    let mut values = Vec::with_capacity(own.len() * channels);
    for field in own.chunks_exact(points) {
        for channel in 0..channels {
            let phase = if channels == 1 { 1 } else { channel };
            values.extend(field.iter().map(|p| f64::from(u8::from(usize::from(*p) == phase))));
        }
    }
    Ok(Ensemble::new(fields.grid, channels, values)?)
}

/// The statistics of phases; candidates become indicators.
///
/// # Errors
/// As [`PhaseTable::new`].
pub fn seen_as_phases(
    model: &TrainedModel,
    phases: &Phases,
    real: &Ensemble,
    candidates: &mut [(String, Ensemble)],
    seed: u64,
) -> Result<PhaseTable, EvaluateError> {
    let labelled = |fields: &Ensemble| Labelled { grid: fields.grid, phases: phases.of(fields) };
    let names: Vec<String> = phases.labels.iter().map(|l| model.phase_name(*l)).collect();
    let of_all: Vec<(String, Labelled)> =
        candidates.iter().map(|(name, fields)| (name.clone(), labelled(fields))).collect();
    let table = PhaseTable::new(&labelled(real), &of_all, &names, seed)?;
    for (_, fields) in candidates {
        *fields = indicators(phases, fields)?;
    }
    Ok(table)
}
