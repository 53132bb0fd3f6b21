//! Real fields to compare with, never trained on where the source is what a model was trained on.

use karhunen_field::{Ensemble, Grid};
use karhunen_formats::StackedFields;
use karhunen_train::batch::LevelData;
use karhunen_train::conditions::own_channels;
use karhunen_train::config::DataConfig;
use karhunen_train::holes::see_through;
use karhunen_train::known::Known;
use karhunen_train::{builtin, data};

use crate::EvaluateError;
use crate::options::Part;

/// First index of built-in reference fields: beyond training and validation.
const BUILTIN_REFERENCE: u64 = builtin::VALIDATION + (1 << 20);

/// Real fields on one grid, in their own values.
#[derive(Debug)]
pub struct Real {
    /// What samples are compared with.
    pub reference: Ensemble,
    /// Fields of the model's training part, where the reference is the held-out part of the same
    /// files. How far they are from it is what a perfect model of them would score. (Built-in
    /// fields have one law, which the floors show already.)
    pub training: Option<Ensemble>,
    /// Measured parts of the reference's cells; empty where nothing is missing.
    pub holes: Vec<f32>,
}

impl Real {
    /// Shows all fields, samples too, through the holes of the reference.
    pub fn see_through_holes(&mut self, samples: &mut Ensemble) {
        let training = self.training.iter_mut();
        for fields in [&mut self.reference, samples].into_iter().chain(training) {
            see_through(&self.holes, fields);
        }
    }
}

/// About `count` fields of a source that no model of ours was trained on.
///
/// # Errors
/// Those of reading, splitting and resampling.
pub fn all(
    config: &DataConfig,
    opened: Option<&StackedFields>,
    grid: Grid,
    count: usize,
    seed: u64,
) -> Result<Real, EvaluateError> {
    if let Some(name) = config.source.builtin() {
        return made(config, name, grid, count, seed);
    }
    let wanted = config.patch.as_ref().map(|_| count);
    let config = DataConfig { count: wanted, ..config.clone() };
    let (all, offsets) = data::load_whole(&config, opened, grid, seed)?;
    real(count, &all, &offsets, None)
}

/// About `count` fields of one part of a model's data, and, beside held-out ones, as many of its training
/// part. Seeded as the run was, so that the split is the run's; of other data that hold some of the
/// model's, those that it knows.
///
/// # Errors
/// As [`all`].
pub fn of_model(
    config: &DataConfig,
    opened: Option<&StackedFields>,
    known: Option<&Known>,
    grid: Grid,
    count: usize,
    seed: u64,
    part: Part,
) -> Result<Real, EvaluateError> {
    if let Some(name) = config.source.builtin() {
        if part == Part::HeldOut {
            return made(config, name, grid, count, seed);
        }
        let loaded = data::load_from(config, None, grid, seed)?;
        return real(count, &loaded.training, &loaded.offsets, None);
    }
    let share = match part {
        Part::HeldOut => config.validation,
        Part::Training => 1.0 - config.validation,
    };
    let enough = (count as f64 / share.max(1e-3)).ceil() as usize;
    let wanted = config.patch.as_ref().map(|_| enough);
    let config = DataConfig { count: wanted, ..config.clone() };
    // a split of the model's own data is made again as it was
    let loaded = match (known.filter(|known| !known.is_own()), opened) {
        (Some(known), Some(fields)) => known.load(&config, fields, grid, seed)?,
        _ => data::load_from(&config, opened, grid, seed)?,
    };
    match part {
        Part::HeldOut => {
            let training = first(count, &loaded.training, &loaded.offsets)?;
            let training = Some(training).filter(|fields| fields.count() > 0);
            real(count, &loaded.validation, &loaded.offsets, training)
        }
        Part::Training => real(count, &loaded.training, &loaded.offsets, None),
    }
}

fn real(
    count: usize,
    level: &LevelData,
    offsets: &[f64],
    training: Option<Ensemble>,
) -> Result<Real, EvaluateError> {
    let keep = level.weights.len().min(count * level.field_len());
    let holes = level.weights[..keep].to_vec();
    Ok(Real { reference: first(count, level, offsets)?, training, holes })
}

fn made(
    config: &DataConfig,
    name: &str,
    grid: Grid,
    count: usize,
    seed: u64,
) -> Result<Real, EvaluateError> {
    let structure = builtin::structure(name, config.channels)?;
    if config.phases.is_some() {
        let made = |indices| builtin::make_phases(name, &*structure, grid, seed, indices);
        let fields = made(BUILTIN_REFERENCE..BUILTIN_REFERENCE + count as u64)?;
        let loaded = data::of_labels(config, grid, [&fields, &fields])?;
        return real(count, &loaded.training, &loaded.offsets, None);
    }
    let indices = BUILTIN_REFERENCE..BUILTIN_REFERENCE + count as u64;
    let made = own_channels(config, builtin::make(&*structure, grid, seed, indices)?)?;
    let none = vec![0.0; made.channels];
    real(count, &made, &none, None)
}

/// All fields of a part, to whose values `offsets` are to be added, one a channel.
///
/// # Errors
/// Those of [`Ensemble::new`].
pub fn ensemble(level: &LevelData, offsets: &[f64]) -> Result<Ensemble, EvaluateError> {
    first(level.count(), level, offsets)
}

fn first(count: usize, level: &LevelData, offsets: &[f64]) -> Result<Ensemble, EvaluateError> {
    let keep = count.min(level.count()) * level.field_len();
    let points = level.grid.len();
    let value = |(i, v): (usize, &f32)| offsets[i / points % level.channels] + f64::from(*v);
    let values = level.values[..keep].iter().enumerate().map(value).collect();
    Ok(Ensemble::new(level.grid, level.channels, values)?)
}
