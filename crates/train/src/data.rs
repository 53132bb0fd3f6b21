//! From a source to training and validation fields on the finest level's grid.
//!
//! file (or solver) → patches → finest grid (spectral by default) → projection onto the grid's
//! modes → normalisation. Which part of files is held out: module `sides`; fields made on the spot:
//! module `builtin`.

use karhunen_field::{Ensemble, Grid, Transform, resample};
use karhunen_formats::{FieldSource, PatchSource, StackedFields};
use rayon::prelude::*;

use crate::batch::LevelData;
use crate::config::{DataConfig, Resample};
use crate::hold_out::HoldOut;
use crate::incomplete::{self, drop_incomplete, labels_of};
use crate::opened::{fits, open_files, patch};
use crate::origin::{self, Origin};
use crate::projection::{LOOKED_AT, left_out};
use crate::sides::{Division, Side, split};
use crate::statistics::{Normalisation, Statistics};
use crate::{TrainError, builtin, holes, labels, memory, missing, periodic};

/// Values, and the measured part of each cell where some are missing.
type Filled = (Vec<f32>, Vec<f32>);

pub use crate::opened::{boxed, open};
pub use crate::parts::load_whole;

/// Patches cut from large images unless `data.count` says otherwise.
const PATCH_COUNT: usize = 8192;
/// Fields handled together when converting, at most.
const CHUNK: usize = 64;
/// Cells of the fields handled together; bounds the memory of their f64 copies.
const CELLS_AT_ONCE: usize = 1 << 20;

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
    /// How the part held out was chosen; none of fields made on the spot or held out by files.
    pub hold_out: Option<HoldOut>,
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
    /// The box they fill and, where they were identified, which they are; none of data made on the spot.
    pub origin: Option<Origin>,
    /// How the part held out was chosen.
    pub hold_out: Option<HoldOut>,
    /// What is to be added to the values of each channel, in double precision, to have the source's.
    pub offsets: Vec<f64>,
    /// What was done.
    pub notes: Vec<String>,
}

impl Loaded {
    /// The same with nothing left to be added: in single precision, whatever digits that loses.
    pub fn in_own_values(mut self) -> Self {
        let none = vec![0.0; self.offsets.len()];
        rebase(&mut self.training, &self.offsets, &none);
        rebase(&mut self.validation, &self.offsets, &none);
        Self { offsets: none, ..self }
    }
}

/// Adds `from` − `to` to each channel: values that were less by `from` are then less by `to`.
fn rebase(data: &mut LevelData, from: &[f64], to: &[f64]) {
    let points = data.grid.len();
    for (i, block) in data.values.chunks_exact_mut(points).enumerate() {
        let c = i % data.channels;
        let shift = from[c] - to[c];
        if shift != 0.0 {
            block.iter_mut().for_each(|v| *v = (f64::from(*v) + shift) as f32);
        }
    }
}

impl Data {
    /// Loads, splits, resamples, measures and normalises.
    ///
    /// # Errors
    /// [`TrainError::Data`] for data that cannot serve (constant, too few, too coarse), and those
    /// of reading and simulating.
    pub fn load(config: &DataConfig, finest: Grid, seed: u64) -> Result<Self, TrainError> {
        Self::of_source(config, open(config)?.as_ref(), finest, seed)
    }

    /// As [`Data::load`], from what [`open`] opened; every field is identified by its values.
    ///
    /// # Errors
    /// As [`Data::load`].
    pub fn of_source(
        config: &DataConfig,
        opened: Option<&StackedFields>,
        finest: Grid,
        seed: u64,
    ) -> Result<Self, TrainError> {
        Self::of(config, prepare(config, opened, finest, seed, true)?)
    }

    /// Measures and normalises what was loaded.
    ///
    /// # Errors
    /// [`TrainError::Data`] for a constant channel or fewer than two fields.
    pub fn of(config: &DataConfig, loaded: Loaded) -> Result<Self, TrainError> {
        let Loaded { mut training, mut validation, origin, hold_out, offsets, mut notes } = loaded;
        let finest = training.grid;
        let (channels, points) = (training.channels, finest.len());
        let centred = finest.holds_constants();
        let mut normalisation =
            Normalisation::weighted(&training.values, &training.weights, channels, points, centred);
        let flat = |(c, scale): (usize, &f64)| {
            // no more contrast than rounding makes of one value
            !scale.is_finite() || *scale <= ROUNDING * largest(&training, c)
        };
        if let Some(channel) = normalisation.scale.iter().enumerate().position(flat) {
            return Err(TrainError::Data {
                source_name: config.source.to_string(),
                message: format!(
                    "channel {channel} is constant ({}); there is nothing to learn",
                    (offsets[channel] + normalisation.offset[channel]) as f32
                ),
            });
        }
        let mut origin = origin;
        if let Some(origin) = &mut origin {
            origin.ranges = origin::ranges(&training, &offsets);
        }
        normalisation.apply(&mut training.values, points);
        normalisation.apply(&mut validation.values, points);
        normalisation.offset.iter_mut().zip(&offsets).for_each(|(o, more)| *o += more);
        let (mean, variances) = missing::measured(&mut training, &mut validation, &mut notes)?;
        notes.push(format!(
            "{} training and {} validation fields at {finest}, offset {:.4?}, scale {:.4?}",
            training.count(),
            validation.count(),
            normalisation.offset,
            normalisation.scale
        ));
        let classes = labels::counts(&training.labels);
        if let Some(label) =
            validation.labels.iter().find(|l| classes.get(**l as usize).is_none_or(|n| *n == 0))
        {
            return Err(TrainError::Data {
                source_name: config.source.to_string(),
                message: format!(
                    "class {label} is held out but none of it is left to train on; label at least two fields of a class, or lower data.validation"
                ),
            });
        }
        if !classes.is_empty() {
            notes.push(format!("classes {}", labels::described(&classes)));
        }
        let statistics =
            Statistics { grid: finest, normalisation, mean, variances, classes, origin };
        Ok(Self { training, validation, statistics, hold_out, notes })
    }
}

/// Reads or makes the fields of a source on `finest`, split, in their own values.
///
/// # Errors
/// As [`Data::load`].
pub fn load(config: &DataConfig, finest: Grid, seed: u64) -> Result<Loaded, TrainError> {
    load_from(config, open(config)?.as_ref(), finest, seed)
}

/// As [`load`], from what [`open`] opened.
///
/// # Errors
/// As [`Data::load`].
pub fn load_from(
    config: &DataConfig,
    opened: Option<&StackedFields>,
    finest: Grid,
    seed: u64,
) -> Result<Loaded, TrainError> {
    prepare(config, opened, finest, seed, false)
}

/// As [`load_from`]; with `identified`, every part of the source is known by its values afterwards.
fn prepare(
    config: &DataConfig,
    opened: Option<&StackedFields>,
    finest: Grid,
    seed: u64,
    identified: bool,
) -> Result<Loaded, TrainError> {
    let Some(fields) = opened else {
        return builtin::load(config, config.source.builtin().unwrap_or_default(), finest, seed);
    };
    let own_labels = labels::read(config.labels.as_ref(), &config.source.to_string(), fields)?;
    let mut notes = fields.notes();
    notes.extend(labels::pairs(&own_labels, fields));
    let patch = patch(config)?;
    fits(config, patch.as_deref(), fields)?;
    if identified {
        periodic::check(config, fields, patch.as_deref())?;
    }
    let cut = |fields: &StackedFields, side: &Side, part, share| {
        Cut { config, points: patch.as_deref().unwrap_or(fields.points()), finest, seed }
            .fields(fields, side, part, share)
    };
    if let Some(other) = &config.validation_source {
        let held_out = open_files(config, other)?;
        if held_out.channels() != fields.channels() {
            return Err(TrainError::Data {
                source_name: other.to_string(),
                message: format!(
                    "{} channel(s), but {} of {}; data.validation_source must hold the same quantities",
                    held_out.channels(),
                    fields.channels(),
                    config.source
                ),
            });
        }
        let held_labels =
            labels::read(config.validation_labels.as_ref(), &other.to_string(), &held_out)?;
        let (mut keep, mut hold) = (Side::all(fields.count()), Side::all(held_out.count()));
        notes.extend(drop_incomplete(config, fields, &mut keep, "training")?);
        notes.extend(drop_incomplete(config, &held_out, &mut hold, "validation")?);
        let (mut training, lost) = cut(fields, &keep, 0, 1.0)?;
        let (mut validation, _) = cut(&held_out, &hold, 1, config.validation)?;
        training.labels = labels_of(&own_labels, &keep, &training);
        validation.labels = labels_of(&held_labels, &hold, &validation);
        notes.extend(lost);
        let mut offsets = fields.offsets();
        rebase(&mut validation, &held_out.offsets(), &offsets);
        settle(&mut offsets, [&mut training, &mut validation]);
        let mut origin = Origin::of(config, fields, patch.as_deref());
        if identified {
            origin.sources = origin::of_files(fields, &held_out)?;
        }
        let origin = Some(origin);
        return Ok(Loaded { training, validation, offsets, origin, hold_out: None, notes });
    }
    let mut division = split(config, fields, patch.as_deref(), seed)?;
    notes.append(&mut division.notes);
    notes.extend(drop_incomplete(config, fields, &mut division.keep, "training")?);
    notes.extend(drop_incomplete(config, fields, &mut division.hold, "validation")?);
    let mut origin = Origin::of(config, fields, patch.as_deref());
    if identified {
        origin.sources = vec![origin::of_division(fields, &division)?];
    }
    let Division { keep, hold, rule, .. } = division;
    let (mut validation, _) = cut(fields, &hold, 1, config.validation)?;
    let (mut training, lost) = cut(fields, &keep, 0, 1.0 - config.validation)?;
    training.labels = labels_of(&own_labels, &keep, &training);
    validation.labels = labels_of(&own_labels, &hold, &validation);
    notes.extend(lost);
    let (origin, hold_out) = (Some(origin), Some(rule));
    let mut offsets = fields.offsets();
    settle(&mut offsets, [&mut training, &mut validation]);
    Ok(Loaded { training, validation, offsets, origin, hold_out, notes })
}

/// Gives fields their own values where a box holds no constants: there a number cannot be set apart.
pub(crate) fn settle(offsets: &mut Vec<f64>, parts: [&mut LevelData; 2]) {
    if parts[0].grid.holds_constants() {
        return;
    }
    let none = vec![0.0; offsets.len()];
    parts.into_iter().for_each(|part| rebase(part, offsets, &none));
    *offsets = none;
}

/// How fields come from a source to the finest level: patches where asked for, then its grid.
pub(crate) struct Cut<'a> {
    pub config: &'a DataConfig,
    /// Points of a patch, or of a field.
    pub points: &'a [usize],
    pub finest: Grid,
    pub seed: u64,
}

impl Cut<'_> {
    /// The fields of one side. `part` keeps the random places of training and validation patches
    /// apart; `share` is this part's share of `data.count`. Also says what the grid's modes do not hold.
    ///
    /// Fields are cut a few at a time, so that only those on the finest grid are in memory at once.
    pub fn fields(
        &self,
        from: &StackedFields,
        side: &Side,
        part: u64,
        share: f64,
    ) -> Result<(LevelData, Option<String>), TrainError> {
        let (config, finest) = (self.config, self.finest);
        let native = self.native()?;
        let patches = match (&config.patch, &side.slabs) {
            (None, _) => None,
            (Some(_), None) => Some(PatchSource::new(from, &side.items, self.points, self.seed)?),
            (Some(_), Some(slabs)) => {
                let all = PatchSource::new(from, &side.items, self.points, self.seed)?;
                Some(all.within_each(slabs.axis, &slabs.of)?)
            }
        };
        let asked = config.count.map(|count| (count as f64 * share).round().max(2.0));
        let (have, patched) = (side.items.len() as f64, (PATCH_COUNT as f64 * share).round());
        let count = match &patches {
            Some(_) => asked.unwrap_or(patched.max(2.0)),
            None => asked.map_or(have, |count| count.min(have)),
        };
        memory::check_fields(count, &finest, from.channels(), 2 * size_of::<f32>(), "data.count")?;
        let at_once = (CELLS_AT_ONCE / native.len()).clamp(1, CHUNK) as u64;
        let count = count as u64;
        let read = |range: std::ops::Range<u64>| -> Result<Vec<f32>, TrainError> {
            let mut values = Vec::new();
            match &patches {
                Some(patches) if config.missing.is_some() => {
                    for index in range {
                        values.extend(incomplete::patch(config, patches, (part << 40) + index)?);
                    }
                }
                Some(patches) => {
                    let first = part << 40;
                    values = patches.cut(first + range.start..first + range.end)?.values;
                }
                None => {
                    let corner = vec![0; self.points.len()];
                    for &item in &side.items[range.start as usize..range.end as usize] {
                        from.block(item, &corner, self.points, &mut values)?;
                    }
                }
            }
            Ok(values)
        };
        let channels = from.channels();
        let filled = |range: std::ops::Range<u64>| -> Result<(Vec<f32>, Vec<f32>), TrainError> {
            let first = range.start;
            let mut values = read(range)?;
            let weights = holes::fill(&mut values, &native).map_err(|block| {
                let at = first as usize + block / channels;
                let item = side.items.get(at).copied().unwrap_or(at);
                incomplete::empty(config, item, block % channels)
            })?;
            Ok((values, weights))
        };
        let parts: Result<Vec<Filled>, TrainError> = (0..count.div_ceil(at_once))
            .into_par_iter()
            .map(|chunk| {
                let (values, weights) = filled(chunk * at_once..count.min((chunk + 1) * at_once))?;
                let weights = holes::coarser(&weights, channels, native, finest)?;
                Ok((convert(&values, channels, native, finest, config.resample)?, weights))
            })
            .collect();
        let (looked_at, _) = filled(0..count.min(LOOKED_AT as u64).min(at_once))?;
        let lost = left_out(&looked_at, channels, native, finest)?;
        let (mut values, mut weights) = (Vec::new(), Vec::new());
        let parts = parts?;
        let masked = parts.iter().any(|(_, weights)| !weights.is_empty());
        for (more, parts) in parts {
            if masked {
                weights.extend(parts);
                weights.resize(values.len() + more.len(), 1.0);
            }
            values.extend(more);
        }
        Ok((LevelData { grid: finest, channels, values, labels: vec![], weights }, lost))
    }

    /// The grid that fields have before they are brought to the finest level.
    fn native(&self) -> Result<Grid, TrainError> {
        let (points, finest) = (self.points, self.finest);
        let fail = |message: String| TrainError::Data {
            source_name: self.config.source.to_string(),
            message,
        };
        if points.len() != finest.dim() {
            return Err(fail(format!(
                "its fields have {} axes, the levels {}; change levels.grid or data.dim",
                points.len(),
                finest.dim()
            )));
        }
        let native = finest.with_points(points)?;
        if points.iter().zip(finest.points()).any(|(have, want)| *have < want) {
            return Err(fail(format!(
                "its fields have {native} cells, fewer than the finest level {finest}"
            )));
        }
        let aspect = |points: &[usize]| {
            points.iter().map(|&n| n as f64 / points[0] as f64).collect::<Vec<_>>()
        };
        let (own, asked) = (aspect(points), aspect(&finest.points()));
        // a box whose lengths are known cannot be distorted
        let known = self.config.lengths.is_some();
        if !known && own.iter().zip(&asked).any(|(a, b)| (a / b - 1.0).abs() > 0.02) {
            return Err(fail(format!(
                "its fields have {native} cells; the finest level {finest} would distort them"
            )));
        }
        Ok(native)
    }
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
        .par_chunks((CELLS_AT_ONCE / from.len()).clamp(1, CHUNK) * channels * from.len())
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
    let weights = holes::coarser(&data.weights, data.channels, data.grid, to)?;
    Ok(LevelData {
        grid: to,
        channels: data.channels,
        values,
        labels: data.labels.clone(),
        weights,
    })
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
            let data = LevelData {
                grid,
                channels: 2,
                values: field.repeat(10),
                labels: vec![],
                weights: vec![],
            };
            let spread = Normalisation::measure(&data.values, 2, 9, true).scale;
            assert!(spread[0] > ROUNDING * largest(&data, 0), "{spread:?}");
            assert!(spread[1] <= ROUNDING * largest(&data, 1), "{value}: {spread:?}");
        }
    }
}
