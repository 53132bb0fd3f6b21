//! From a source to training and validation fields on the finest level's grid.
//!
//! file (or solver) → patches → finest grid (spectral by default) → projection onto the grid's
//! modes → normalisation. A stack of large images is split by blocks of slices with a gap, never
//! by patches; small fields are split by a seeded shuffle; built-in data by index.

use std::path::{Path, PathBuf};

use karhunen_field::moments::Moments;
use karhunen_field::noise::stream;
use karhunen_field::{Ensemble, Grid, ModeNoise, Transform, resample};
use karhunen_formats::{PatchSource, RawFields, ReadOptions, split_blocks};
use karhunen_simulate::{Grains, Spinodal, Structure};
use rayon::prelude::*;

use crate::batch::LevelData;
use crate::config::{DataConfig, Resample, parse_points};
use crate::projection::left_out;
use crate::statistics::{Normalisation, Statistics};
use crate::{TrainError, memory};

/// Built-in fields made unless `data.count` says otherwise.
const BUILTIN_COUNT: usize = 1536;
/// Patches cut from large images unless `data.count` says otherwise.
const PATCH_COUNT: usize = 8192;
/// Blocks of slices held out of a stack: spread over it, so that validation sees all of it.
const BLOCKS: usize = 2;
/// Fields handled together when converting; bounds the memory of the f64 copies.
const CHUNK: usize = 64;

/// Contrast of a constant channel, relative to its values, after the transforms: a few units in the
/// last place of `f32`.
const ROUNDING: f64 = 4.0 * f32::EPSILON as f64;

/// Largest magnitude of a channel.
fn largest(data: &LevelData, channel: usize) -> f64 {
    let blocks = data.values.chunks_exact(data.grid.len()).skip(channel).step_by(data.channels);
    f64::from(blocks.flatten().fold(0.0f32, |m, v| m.max(v.abs())))
}

/// Training and validation fields, normalised, on the finest grid.
#[derive(Debug, Clone)]
pub struct Data {
    /// Fields to train on.
    pub training: LevelData,
    /// Fields never trained on.
    pub validation: LevelData,
    /// Measured on the training fields.
    pub statistics: Statistics,
    /// What was done, for a person to read.
    pub notes: Vec<String>,
}

/// Fields in the source's own values on one grid, before normalisation.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Fields to train on.
    pub training: LevelData,
    /// Held-out fields.
    pub validation: LevelData,
    /// What was done.
    pub notes: Vec<String>,
}

impl Data {
    /// Loads, splits, resamples, measures and normalises.
    ///
    /// # Errors
    /// [`TrainError::Data`] for data that cannot serve (constant, too few, too coarse), and those
    /// of reading and simulating.
    pub fn load(config: &DataConfig, finest: Grid, seed: u64) -> Result<Self, TrainError> {
        let Loaded { mut training, mut validation, mut notes } = load(config, finest, seed)?;
        let (channels, points) = (training.channels, finest.len());
        let centred = finest.holds_constants();
        let normalisation = Normalisation::measure(&training.values, channels, points, centred);
        let flat = |(c, scale): (usize, &f64)| {
            // no more contrast than rounding makes of one value
            !scale.is_finite() || *scale <= ROUNDING * largest(&training, c)
        };
        if let Some(channel) = normalisation.scale.iter().enumerate().position(flat) {
            return Err(TrainError::Data {
                source_name: config.source.clone(),
                message: format!(
                    "channel {channel} is constant ({}); there is nothing to learn",
                    normalisation.offset[channel] as f32
                ),
            });
        }
        normalisation.apply(&mut training.values, points);
        normalisation.apply(&mut validation.values, points);
        let mut moments = Moments::new(finest, channels);
        for field in training.values.chunks_exact(channels * points) {
            moments.add(&field.iter().map(|v| f64::from(*v)).collect::<Vec<f64>>())?;
        }
        let (mean, variances) = moments.finish()?;
        notes.push(format!(
            "{} training and {} validation fields at {finest}, offset {:.4?}, scale {:.4?}",
            training.count(),
            validation.count(),
            normalisation.offset,
            normalisation.scale
        ));
        let statistics = Statistics { grid: finest, normalisation, mean, variances };
        Ok(Self { training, validation, statistics, notes })
    }
}

/// Reads or makes the fields of a source on `finest`, split, in their own values.
///
/// # Errors
/// As [`Data::load`].
pub fn load(config: &DataConfig, finest: Grid, seed: u64) -> Result<Loaded, TrainError> {
    if let Some(name) = config.source.strip_prefix("builtin:") {
        return builtin(config, name, finest, seed);
    }
    let options = ReadOptions { channels: config.channels, dim: config.dim, ..Default::default() };
    let raw = karhunen_formats::read(Path::new(&config.source), &options)?;
    let mut notes = raw.notes.clone();
    let fail = |message: String| TrainError::Data { source_name: config.source.clone(), message };
    if let Some(patch) = &config.patch {
        let points = parse_points(patch)
            .map_err(|message| TrainError::Config { place: "data.patch".into(), message })?;
        let fits = points.len() == raw.points.len()
            && points.iter().zip(&raw.points).all(|(patch, whole)| patch <= whole);
        if !fits {
            let whole: Vec<String> = raw.points.iter().map(usize::to_string).collect();
            let whole = whole.join("x");
            return Err(fail(format!("no patch of {patch} can be cut from fields of {whole}")));
        }
    }
    if let Some(other) = &config.validation_source {
        let held_out = karhunen_formats::read(Path::new(other), &options)?;
        let (training, lost) = cut(config, raw, finest, seed, 0, 1.0)?;
        let (validation, _) = cut(config, held_out, finest, seed, 1, config.validation)?;
        notes.extend(lost);
        return Ok(Loaded { training, validation, notes });
    }
    let total = raw.count();
    let (keep, hold) = if config.patch.is_some() && total > 1 {
        let split = split_blocks(&raw.positions, config.validation, BLOCKS, config.gap as u64)?;
        notes.push(format!(
            "{} of {total} images to train on, {} held out in blocks, {} left out around them",
            split.train.len(),
            split.validation.len(),
            total - split.train.len() - split.validation.len()
        ));
        (split.train, split.validation)
    } else {
        shuffle_split(total, config.validation, seed)
    };
    if keep.len() < 2 || hold.is_empty() {
        return Err(fail(format!(
            "{total} field(s) do not split into training and validation; more data, or data.validation_source, are needed"
        )));
    }
    let (validation, _) = cut(config, raw.select(&hold)?, finest, seed, 1, config.validation)?;
    let (training, lost) =
        cut(config, raw.select(&keep)?, finest, seed, 0, 1.0 - config.validation)?;
    notes.extend(lost);
    Ok(Loaded { training, validation, notes })
}

/// A seeded shuffle cut in two: (training, validation).
fn shuffle_split(total: usize, fraction: f64, seed: u64) -> (Vec<usize>, Vec<usize>) {
    let mut order: Vec<usize> = (0..total).collect();
    let uniforms = ModeNoise::new(seed).uniforms(total, 0, stream::VALIDATION + (1 << 20));
    for i in (1..total).rev() {
        order.swap(i, (uniforms[i] * (i + 1) as f64) as usize);
    }
    let held = ((total as f64 * fraction).round() as usize).clamp(1, total.max(1));
    let keep = order.split_off(held.min(order.len()));
    (keep, order)
}

/// Patches where asked for, then the finest grid. `part` keeps the random places of training and
/// validation patches apart; `share` is this part's share of `data.count`. Also says what the grid's
/// modes do not hold.
fn cut(
    config: &DataConfig,
    raw: RawFields,
    finest: Grid,
    seed: u64,
    part: u64,
    share: f64,
) -> Result<(LevelData, Option<String>), TrainError> {
    let raw = match &config.patch {
        Some(text) => {
            let points = parse_points(text)
                .map_err(|message| TrainError::Config { place: "data.patch".into(), message })?;
            let count = config.count.unwrap_or(PATCH_COUNT) as f64 * share;
            let size = finest.with_points(&points)?;
            memory::check_fields(count, &size, raw.channels, 2 * size_of::<f32>(), "data.count")?;
            let all: Vec<usize> = (0..raw.count()).collect();
            let patches = PatchSource::new(&raw, &all, &points, seed)?;
            let first = part << 40;
            patches.cut(first..first + (count.round() as u64).max(2))?
        }
        None => match config.count {
            Some(count) => {
                let count = ((count as f64 * share).round() as usize).clamp(2, raw.count().max(2));
                raw.select(&(0..count.min(raw.count())).collect::<Vec<_>>())?
            }
            None => raw,
        },
    };
    let fail = |message: String| TrainError::Data { source_name: config.source.clone(), message };
    if raw.points.len() != finest.dim() {
        return Err(fail(format!(
            "its fields have {} axes, the levels {}; change levels.grid or data.dim",
            raw.points.len(),
            finest.dim()
        )));
    }
    let native = finest.with_points(&raw.points)?;
    if raw.points.iter().zip(finest.points()).any(|(have, want)| *have < want) {
        return Err(fail(format!(
            "its fields have {native} cells, fewer than the finest level {finest}"
        )));
    }
    let aspect =
        |points: &[usize]| points.iter().map(|&n| n as f64 / points[0] as f64).collect::<Vec<_>>();
    if aspect(&raw.points)
        .iter()
        .zip(aspect(&finest.points()))
        .any(|(a, b)| (a / b - 1.0).abs() > 0.02)
    {
        return Err(fail(format!(
            "its fields have {native} cells; the finest level {finest} would distort them"
        )));
    }
    let values = convert(&raw.values, raw.channels, native, finest, config.resample)?;
    let lost = left_out(&raw.values, raw.channels, native, finest)?;
    Ok((LevelData { grid: finest, channels: raw.channels, values }, lost))
}

/// `[sample, channel, point]` values from one grid to another, projected onto its modes.
///
/// # Errors
/// As [`resample::spectral`] and [`resample::area`].
pub fn convert(
    values: &[f32],
    channels: usize,
    from: Grid,
    to: Grid,
    how: Resample,
) -> Result<Vec<f32>, TrainError> {
    let parts: Result<Vec<Vec<f32>>, karhunen_field::FieldError> = values
        .par_chunks(CHUNK * channels * from.len())
        .map(|chunk| {
            let wide = chunk.iter().map(|v| f64::from(*v)).collect();
            let fields = Ensemble::new(from, channels, wide)?;
            let mut fields = match how {
                Resample::Spectral => resample::spectral(&fields, to)?,
                Resample::Area => resample::area(&fields, to)?,
            };
            let transform = Transform::new(to);
            fields.fields_mut().for_each(|f| transform.project(f));
            Ok(fields.values.iter().map(|v| *v as f32).collect())
        })
        .collect();
    Ok(parts?.concat())
}

/// The level's fields: the spectral restriction of the finest ones.
///
/// # Errors
/// As [`convert`].
pub fn restrict(data: &LevelData, to: Grid) -> Result<LevelData, TrainError> {
    if data.grid == to {
        return Ok(data.clone());
    }
    let values = convert(&data.values, data.channels, data.grid, to, Resample::Spectral)?;
    Ok(LevelData { grid: to, channels: data.channels, values })
}

/// Index of the first validation field of built-in data: never reached by training indices.
pub const BUILTIN_VALIDATION: u64 = 1 << 40;

/// Fields `indices` of a built-in structure on a grid, in its own values.
///
/// # Errors
/// [`TrainError::Data`] for an unknown name; the solver's own.
pub fn make_builtin(
    name: &str,
    grid: Grid,
    seed: u64,
    indices: std::ops::Range<u64>,
) -> Result<LevelData, TrainError> {
    let structure: Box<dyn Structure> = match name {
        "spinodal" => Box::new(Spinodal::default()),
        "grains" => Box::new(Grains::default()),
        _ => {
            return Err(TrainError::Data {
                source_name: format!("builtin:{name}"),
                message: "no such built-in data; there are builtin:spinodal, builtin:grains".into(),
            });
        }
    };
    let parts: Result<Vec<Vec<f32>>, karhunen_simulate::SimulateError> = indices
        .into_par_iter()
        .map(|index| {
            let values = structure.generate(&grid, seed, index)?;
            Ok(values.into_iter().map(|v| v as f32).collect())
        })
        .collect();
    Ok(LevelData { grid, channels: 1, values: parts?.concat() })
}

fn builtin(config: &DataConfig, name: &str, finest: Grid, seed: u64) -> Result<Loaded, TrainError> {
    let count = config.count.unwrap_or(BUILTIN_COUNT) as f64;
    let held = (count * config.validation).round().max(2.0) as u64;
    let train = (count as u64).saturating_sub(held).max(2);
    memory::check_fields(count, &finest, 1, 2 * size_of::<f32>(), "data.count")?;
    let training = make_builtin(name, finest, seed, 0..train)?;
    let first = BUILTIN_VALIDATION;
    let validation = make_builtin(name, finest, seed, first..first + held)?;
    let notes = vec![format!("{name}: made {} fields at {finest}", train + held)];
    Ok(Loaded { training, validation, notes })
}

/// A path as the configuration may name it: absolute, or relative to the configuration file.
pub fn resolve(source: &str, beside: Option<&Path>) -> String {
    if source.starts_with("builtin:") || Path::new(source).is_absolute() {
        return source.to_string();
    }
    let folder = beside.and_then(Path::parent).map(PathBuf::from).unwrap_or_default();
    let joined = folder.join(source);
    // a part may be named behind a colon, as in `run.npz:density`
    match karhunen_formats::Address::of(&joined).exists() {
        true => joined.display().to_string(),
        false => source.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use karhunen_field::Boundary;

    use super::*;

    #[test]
    fn constant_channels_are_told_from_faint_ones() {
        let grid = Grid::unit(&[9], Boundary::Neumann).unwrap();
        for value in [0.0f32, 0.1, -1e6, 1e-20] {
            // ten fields of a channel that varies by 1e-5 of itself, and of one that does not
            let faint = |j: usize| 3.0 + 3e-5 * (j % 2) as f32;
            let field: Vec<f32> = (0..9).map(faint).chain([value; 9]).collect();
            let data = LevelData { grid, channels: 2, values: field.repeat(10) };
            let spread = Normalisation::measure(&data.values, 2, 9, true).scale;
            assert!(spread[0] > ROUNDING * largest(&data, 0), "{spread:?}");
            assert!(spread[1] <= ROUNDING * largest(&data, 1), "{value}: {spread:?}");
        }
    }
}
