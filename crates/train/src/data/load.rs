//! Reads a source: its fields, split, in their own values on the finest level's grid.
//!
//! Which part of files is held out: module `split`; fields made on the spot: module `builtin`; what is measured
//! of fields: module `fit`.

use karhunen_field::Grid;
use karhunen_formats::{FieldSource, StackedFields};

use crate::TrainError;
use crate::config::{DataConfig, PhasesConfig};
use crate::data::cut::Cut;
use crate::data::division::{Division, Side};
use crate::data::incomplete::{drop_incomplete, labels_of};
use crate::data::level_sets::find_labels;
use crate::data::loaded::{Loaded, rebase, settle};
use crate::data::origin::{self, Origin};
use crate::data::source::{fits, open, open_files, patch};
use crate::data::split::split;
use crate::data::{builtin, conditions, labels, periodic};

/// Reads or makes the fields of a source on `finest`, split, in their own values.
///
/// # Errors
/// As [`Data::load`](crate::data::Data::load).
pub fn load(config: &DataConfig, finest: Grid, seed: u64) -> Result<Loaded, TrainError> {
    load_from(config, open(config)?.as_ref(), finest, seed)
}

/// As [`load`], from what [`open`] opened.
///
/// # Errors
/// As [`Data::load`](crate::data::Data::load).
pub fn load_from(
    config: &DataConfig,
    opened: Option<&StackedFields>,
    finest: Grid,
    seed: u64,
) -> Result<Loaded, TrainError> {
    prepare(config, opened, finest, seed, false)
}

/// As [`load_from`]; with `identified`, every part of the source is known by its values afterwards.
pub(super) fn prepare(
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
