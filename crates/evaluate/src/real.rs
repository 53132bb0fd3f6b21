//! Real fields for a comparison. If a model was trained on the source, they are fields it never
//! saw.

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

/// First index of built-in reference fields, beyond those of training and validation.
const BUILTIN_REFERENCE: u64 = builtin::VALIDATION + (1 << 20);

/// Real fields on one grid, in their own values.
#[derive(Debug)]
pub struct Real {
    /// The fields that samples are compared with.
    pub reference: Ensemble,
    /// Fields of the model's training part, if the reference is the held-out part of the same
    /// files. Their distance from the reference is the score of a perfect model of them. Built-in
    /// fields need no such row: both parts have one law, and the floors show its scatter.
    pub training: Option<Ensemble>,
    /// Measured parts of the reference's cells; empty if no value is missing.
    pub holes: Vec<f32>,
}

impl Real {
    /// Gives all fields, samples included, the holes of the reference.
    pub fn see_through_holes(&mut self, samples: &mut Ensemble) {
        let training = self.training.iter_mut();
        for fields in [&mut self.reference, samples].into_iter().chain(training) {
            see_through(&self.holes, fields);
        }
    }
}

/// About `count` fields of a source that no given model was trained on.
///
/// # Errors
/// Errors while reading, splitting and resampling.
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

/// About `count` fields of one part of a model's data. With the held-out part come as many fields
/// of the training part. The split has the seed of the run, so it is the same split. Other data may
/// contain some of the model's data; the parts that the model knows are then recognised.
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
    // the split of the model's own data is repeated
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

/// All fields of a level, with `offsets`, one a channel, added to their values.
///
/// # Errors
/// Errors of [`Ensemble::new`].
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
