//! From a source to training and validation fields on the finest level's grid.
//!
//! file (or solver) → patches → finest grid (spectral by default) → projection onto the grid's
//! modes → normalisation. Which part of files is held out: module `sides`; fields made on the spot:
//! module `builtin`.

use karhunen_field::Grid;
use karhunen_formats::{FieldSource, RawFields, StackedFields};

use crate::TrainError;
use crate::batch::LevelData;
use crate::config::hold_out::HoldOut;
use crate::config::{DataConfig, PhasesConfig};
use crate::data::builtin;
use crate::data::conditions;
use crate::data::cut::{Cut, interface_width};
use crate::data::incomplete::{drop_incomplete, labels_of};
use crate::data::labels;
use crate::data::level_sets::find_labels;
use crate::data::loaded::{Loaded, rebase, settle};
use crate::data::missing;
use crate::data::origin::{self, Origin};
use crate::data::periodic;
use crate::data::phases::Phases;
use crate::data::source::{fits, open, open_files, patch};
use crate::data::split::{Division, Side, split};
use crate::data::statistics::{Normalisation, Statistics};

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
        let mut loaded = loaded;
        let (attributes, condition) = conditions::measure(config, &mut loaded)?;
        let Loaded {
            mut training,
            mut validation,
            origin,
            hold_out,
            offsets,
            mut notes,
            phases,
            ..
        } = loaded;
        let finest = training.grid;
        let (channels, points) = (training.channels, finest.len());
        let centred = finest.holds_constants();
        let phases = match (phases, &config.phases) {
            (Some(labels), Some(names)) => {
                let (width, source) = (interface_width(config, &finest), config.source.to_string());
                let phases = Phases::measure(labels, width, &training, names, &source)?;
                notes.push(format!("phases {}", phases.described(names)));
                Some(phases)
            }
            _ => None,
        };
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
        normalisation.apply(training.values.to_mut(), points);
        normalisation.apply(validation.values.to_mut(), points);
        normalisation.offset.iter_mut().zip(&offsets).for_each(|(o, more)| *o += more);
        let (mean, variances) = missing::measured(&mut training, &mut validation, &mut notes)?;
        notes.push(format!(
            "{} training and {} validation fields at {finest}, offset {:.4?}, scale {:.4?}",
            training.count(),
            validation.count(),
            normalisation.offset,
            normalisation.scale
        ));
        if training.values.is_in_file() {
            let gib = 4.0 * training.values.len() as f64 / (1u64 << 30) as f64;
            notes.push(format!(
                "{gib:.1} GiB of training fields lie in a file, which is gone when the run ends"
            ));
            training.values.settle();
        }
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
        if !attributes.is_empty() {
            notes.push(format!("attributes {}", conditions::described(&attributes)));
        }
        if let Some(given) = &condition {
            notes.push(format!(
                "{} channel(s) are given, offset {:.4?}, scale {:.4?}",
                given.scale.len(),
                given.offset,
                given.scale
            ));
        }
        let statistics = Statistics {
            grid: finest,
            normalisation,
            mean,
            variances,
            classes,
            origin,
            phases,
            attributes,
            condition,
        };
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
    conditions::apart(config, prepare_all(config, opened, finest, seed, identified)?)
}

/// The same with the channels that are given among the others.
fn prepare_all(
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
    let table = conditions::read(config, fields)?;
    let attributes = table.as_ref().map(|table| table.names.clone()).unwrap_or_default();
    let patch = patch(config)?;
    fits(config, patch.as_deref(), fields)?;
    if identified {
        periodic::check(config, fields, patch.as_deref())?;
    }
    let phases = match &config.phases {
        Some(asked) => Some(find_labels(fields, asked, &config.source.to_string())?),
        None => None,
    };
    let points = patch.as_deref().unwrap_or(fields.points());
    let cut = Cut { config, points, finest, seed, phases: phases.as_deref() };
    let sets = cut.level_sets(fields)?;
    let seen = sets.as_ref().map_or(fields as &dyn FieldSource, |sets| sets);
    let own_offsets = seen.offsets();
    if let Some(other) = &config.validation_source {
        let held_out = open_files(config, other)?;
        if let (Some(_), Some(labels)) = (&config.phases, &phases) {
            let same = PhasesConfig::Labels(labels.clone());
            find_labels(&held_out, &same, &other.to_string())?;
        }
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
        let (mut training, lost) = cut.fields(seen, &keep, 0, 1.0)?;
        let points = patch.as_deref().unwrap_or(held_out.points());
        let cut = Cut { points, ..cut };
        let sets = cut.level_sets(&held_out)?;
        let seen = sets.as_ref().map_or(&held_out as &dyn FieldSource, |sets| sets);
        let (mut validation, _) = cut.fields(seen, &hold, 1, config.validation)?;
        training.labels = labels_of(&own_labels, &keep, &training);
        validation.labels = labels_of(&held_labels, &hold, &validation);
        notes.extend(lost);
        let mut offsets = own_offsets;
        rebase(&mut validation, &seen.offsets(), &offsets);
        settle(&mut offsets, [&mut training, &mut validation]);
        let mut origin = Origin::of(config, fields, patch.as_deref());
        if identified {
            origin.sources = origin::of_files(fields, &held_out)?;
        }
        let plain = Loaded::plain(training, validation, offsets);
        return Ok(Loaded { origin: Some(origin), notes, phases, attributes, ..plain });
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
    let (mut validation, _) = cut.fields(seen, &hold, 1, config.validation)?;
    let (mut training, lost) = cut.fields(seen, &keep, 0, 1.0 - config.validation)?;
    training.labels = labels_of(&own_labels, &keep, &training);
    validation.labels = labels_of(&own_labels, &hold, &validation);
    training.attributes = conditions::of_side(table.as_ref(), &keep, &training);
    validation.attributes = conditions::of_side(table.as_ref(), &hold, &validation);
    notes.extend(lost);
    let mut offsets = own_offsets;
    settle(&mut offsets, [&mut training, &mut validation]);
    let (origin, hold_out) = (Some(origin), Some(rule));
    let plain = Loaded::plain(training, validation, offsets);
    Ok(Loaded { origin, hold_out, notes, phases, attributes, ..plain })
}

/// Training and validation fields of labels made in memory, as level sets on `finest`.
///
/// # Errors
/// As [`Data::load`].
pub fn of_labels(
    config: &DataConfig,
    finest: Grid,
    [training, validation]: [&RawFields; 2],
) -> Result<Loaded, TrainError> {
    let labels = match &config.phases {
        Some(asked) => find_labels(training, asked, &config.source.to_string())?,
        None => Vec::new(),
    };
    let config = DataConfig { count: None, patch: None, ..config.clone() };
    let cut = |fields: &RawFields| {
        let phases = Some(&labels[..]);
        let cut = Cut { config: &config, points: &fields.points, finest, seed: 0, phases };
        let sets = cut.level_sets(fields)?;
        let seen = sets.as_ref().map_or(fields as &dyn FieldSource, |sets| sets);
        cut.fields(seen, &Side::all(fields.count()), 0, 1.0)
    };
    let (training, notes) = cut(training)?;
    let (validation, _) = cut(validation)?;
    let offsets = vec![0.0; training.channels];
    let plain = Loaded::plain(training, validation, offsets);
    Ok(Loaded { notes, phases: Some(labels), ..plain })
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
            let data = LevelData::plain(grid, 2, field.repeat(10));
            let spread = Normalisation::measure(&data.values, 2, 9, true).scale;
            assert!(spread[0] > ROUNDING * largest(&data, 0), "{spread:?}");
            assert!(spread[1] <= ROUNDING * largest(&data, 1), "{value}: {spread:?}");
        }
    }
}
