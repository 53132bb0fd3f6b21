//! Real fields to compare with, never trained on where the source is what a model was trained on.

use karhunen_field::{Ensemble, Grid};
use karhunen_formats::StackedFields;
use karhunen_train::batch::LevelData;
use karhunen_train::config::DataConfig;
use karhunen_train::{builtin, data};

use crate::args::Part;
use crate::failure::Failure;

/// First index of built-in reference fields: beyond training and validation.
const BUILTIN_REFERENCE: u64 = builtin::VALIDATION + (1 << 20);

/// Real fields on one grid, in their own values.
pub struct Real {
    /// What samples are compared with.
    pub reference: Ensemble,
    /// Fields of the model's training part, where the reference is the held-out part of the same
    /// files. How far they are from it is what a perfect model of them would score. (Built-in
    /// fields have one law, which the floors show already.)
    pub training: Option<Ensemble>,
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
) -> Result<Real, Failure> {
    if let Some(name) = config.source.builtin() {
        return made(config, name, grid, count, seed);
    }
    let wanted = config.patch.as_ref().map(|_| count);
    let config = DataConfig { count: wanted, ..config.clone() };
    let loaded = data::load_from(&config, opened, grid, seed)?;
    let mut all = loaded.training;
    all.values.extend(loaded.validation.values);
    Ok(Real { reference: first(count, &all, &loaded.offsets)?, training: None })
}

/// About `count` fields of one part of a model's data, and, beside held-out ones, as many of its training
/// part. Seeded as the run was, so that the split is the run's.
///
/// # Errors
/// As [`all`].
pub fn of_model(
    config: &DataConfig,
    opened: Option<&StackedFields>,
    grid: Grid,
    count: usize,
    seed: u64,
    part: Part,
) -> Result<Real, Failure> {
    if let Some(name) = config.source.builtin() {
        if part == Part::HeldOut {
            return made(config, name, grid, count, seed);
        }
        let loaded = data::load_from(config, None, grid, seed)?;
        let reference = first(count, &loaded.training, &loaded.offsets)?;
        return Ok(Real { reference, training: None });
    }
    let share = match part {
        Part::HeldOut => config.validation,
        Part::Training => 1.0 - config.validation,
    };
    let enough = (count as f64 / share.max(1e-3)).ceil() as usize;
    let wanted = config.patch.as_ref().map(|_| enough);
    let config = DataConfig { count: wanted, ..config.clone() };
    let loaded = data::load_from(&config, opened, grid, seed)?;
    let training = first(count, &loaded.training, &loaded.offsets)?;
    Ok(match part {
        Part::HeldOut => {
            let reference = first(count, &loaded.validation, &loaded.offsets)?;
            Real { reference, training: Some(training) }
        }
        Part::Training => Real { reference: training, training: None },
    })
}

fn made(
    config: &DataConfig,
    name: &str,
    grid: Grid,
    count: usize,
    seed: u64,
) -> Result<Real, Failure> {
    let structure = builtin::structure(name, config.channels)?;
    if config.phases.is_some() {
        let made = |indices| builtin::make_phases(name, &*structure, grid, seed, indices);
        let fields = made(BUILTIN_REFERENCE..BUILTIN_REFERENCE + count as u64)?;
        let loaded = data::of_labels(config, grid, [&fields, &fields])?;
        return Ok(Real {
            reference: first(count, &loaded.training, &loaded.offsets)?,
            training: None,
        });
    }
    let indices = BUILTIN_REFERENCE..BUILTIN_REFERENCE + count as u64;
    let made = builtin::make(&*structure, grid, seed, indices)?;
    let none = vec![0.0; made.channels];
    Ok(Real { reference: first(count, &made, &none)?, training: None })
}

/// All fields of a part, to whose values `offsets` are to be added, one a channel.
///
/// # Errors
/// Those of [`Ensemble::new`].
pub fn ensemble(level: &LevelData, offsets: &[f64]) -> Result<Ensemble, Failure> {
    first(level.count(), level, offsets)
}

fn first(count: usize, level: &LevelData, offsets: &[f64]) -> Result<Ensemble, Failure> {
    let keep = count.min(level.count()) * level.field_len();
    let points = level.grid.len();
    let value = |(i, v): (usize, &f32)| offsets[i / points % level.channels] + f64::from(*v);
    let values = level.values[..keep].iter().enumerate().map(value).collect();
    Ok(Ensemble::new(level.grid, level.channels, values)?)
}
