//! What a model can be asked for besides a class: attributes of a field, and other fields beside it.
//!
//! Attributes are numbers: from a table, or the volume fractions of phases. Other fields are channels that are
//! known when a field is sampled, such as the coefficient of an equation whose solution is wanted. The network
//! sees both, and answers with E[X₀ | X_t, given]. On a part of the training fields
//! (`training.label_dropout`) it is told nothing, so that it also knows the law of all fields together.
//!
//! Not here: classes (module `labels`), what a model is asked for (module `asked`), how a network is told (`karhunen_net`).

use karhunen_field::{Grid, level_set};
use karhunen_formats::{Attributes, FieldSource};
use serde::{Deserialize, Serialize};

use crate::TrainError;
use crate::batch::LevelData;
use crate::config::DataConfig;
use crate::data::Loaded;
use crate::data::split::Side;
use crate::data::statistics::Normalisation;

/// `data.attributes` that are measured instead of read.
pub const VOLUME_FRACTION: &str = "volume-fraction";

/// `data.condition`: which fields are given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ConditionConfig {
    /// Channels of the source, counted from 0.
    Channels(Vec<usize>),
    /// Files whose fields stand beside those of the source, one for one.
    Files(Vec<String>),
}

/// One attribute of the training fields.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// Its mean over the training fields.
    pub mean: f64,
    /// Its standard deviation over the training fields.
    pub deviation: f64,
    /// Its least and its largest value.
    pub range: [f64; 2],
}

/// What a configuration may not ask for.
///
/// # Errors
/// [`TrainError::Config`] for attributes of patches or of built-in data that are not measured, volume fractions
/// without phases, and other fields beside phases, missing values or files held out.
pub(crate) fn check(data: &DataConfig, place: &str) -> Result<(), TrainError> {
    let fail = |message: String| Err(TrainError::Config { place: place.to_string(), message });
    match data.attributes.as_deref() {
        None => (),
        Some(VOLUME_FRACTION) if data.phases.is_none() => {
            return fail(
                "data.attributes = \"volume-fraction\": it is measured of phases; say which labels there are with data.phases".into(),
            );
        }
        Some(VOLUME_FRACTION) => (),
        Some(path) if data.source.builtin().is_some() => {
            let source = &data.source;
            return fail(format!(
                "data.attributes = {path}: {source} is made on the spot; leave the table out"
            ));
        }
        Some(path) => {
            if let Some(patch) = &data.patch {
                return fail(format!(
                    "data.attributes = {path}: its numbers belong to whole fields, not to patches of {patch}; leave data.patch or the table out"
                ));
            }
            if data.validation_source.is_some() {
                return fail(format!(
                    "data.attributes = {path}: data.validation_source has no attributes; hold out a part of the source instead"
                ));
            }
        }
    }
    let Some(condition) = &data.condition else { return Ok(()) };
    let text = match condition {
        ConditionConfig::Channels(channels) => format!("data.condition = {channels:?}"),
        ConditionConfig::Files(files) => format!("data.condition = {files:?}"),
    };
    let several = match condition {
        ConditionConfig::Channels(channels) => channels.len(),
        ConditionConfig::Files(files) => files.len(),
    };
    if several == 0 {
        return fail(format!("{text}: an empty list gives nothing; leave it out"));
    }
    if let ConditionConfig::Channels(channels) = condition
        && let Some(twice) = channels.iter().enumerate().find(|(i, c)| channels[..*i].contains(c))
    {
        return fail(format!("{text}: channel {} is named twice", twice.1));
    }
    if data.phases.is_some() {
        return fail(format!("{text}: it does not go with data.phases"));
    }
    if data.missing.is_some() {
        return fail(format!("{text}: it does not go with data.missing"));
    }
    if matches!(condition, ConditionConfig::Files(_)) {
        if data.source.builtin().is_some() {
            let source = &data.source;
            return fail(format!(
                "{text}: {source} is made on the spot; name channels instead of files"
            ));
        }
        if data.validation_source.is_some() {
            return fail(format!(
                "{text}: data.validation_source has no such files; hold out a part of the source instead"
            ));
        }
    }
    Ok(())
}

impl DataConfig {
    /// Channels of the given fields, of so many that are read.
    ///
    /// # Errors
    /// [`TrainError::Data`] for a channel that is not there, or where none would be left to learn.
    pub fn given_channels(&self, all: usize) -> Result<Vec<usize>, TrainError> {
        let fail = |message: String| {
            Err(TrainError::Data { source_name: self.source.to_string(), message })
        };
        let given = match &self.condition {
            None => return Ok(Vec::new()),
            Some(ConditionConfig::Channels(channels)) => channels.clone(),
            // files of one channel each would be the rule; what the source has itself comes first
            Some(ConditionConfig::Files(files)) => {
                let own = self.source.names().len();
                let each = all / (own + files.len());
                (own * each..all).collect()
            }
        };
        if let Some(channel) = given.iter().find(|channel| **channel >= all) {
            return fail(format!("data.condition names channel {channel}; it has {all}, from 0"));
        }
        if given.len() >= all {
            return fail(format!(
                "data.condition names all of its {all} channel(s); none is left to learn"
            ));
        }
        Ok(given)
    }
}

/// Sets the given channels of loaded fields apart.
///
/// # Errors
/// As [`DataConfig::given_channels`].
pub(crate) fn apart(config: &DataConfig, mut loaded: Loaded) -> Result<Loaded, TrainError> {
    let all = loaded.training.channels;
    let given = config.given_channels(all)?;
    if given.is_empty() {
        return Ok(loaded);
    }
    let own: Vec<usize> = (0..all).filter(|channel| !given.contains(channel)).collect();
    for part in [&mut loaded.training, &mut loaded.validation] {
        let points = part.grid.len();
        let of = |channels: &[usize]| -> Vec<f32> {
            let fields = part.values.chunks_exact(all * points);
            let of = |field: &[f32]| -> Vec<f32> {
                channels
                    .iter()
                    .flat_map(|c| &field[c * points..(c + 1) * points])
                    .copied()
                    .collect()
            };
            fields.flat_map(of).collect()
        };
        let (values, condition) = (of(&own), of(&given));
        (part.values, part.condition, part.channels) = (values.into(), condition, own.len());
    }
    loaded.given_offsets = given.iter().map(|channel| loaded.offsets[*channel]).collect();
    loaded.offsets = own.iter().map(|channel| loaded.offsets[*channel]).collect();
    Ok(loaded)
}

/// The table of attributes of a source's fields; none where no table is named.
///
/// # Errors
/// Those of reading.
pub(crate) fn read(
    config: &DataConfig,
    fields: &dyn FieldSource,
) -> Result<Option<Attributes>, TrainError> {
    match config.attributes.as_deref().filter(|path| *path != VOLUME_FRACTION) {
        None => Ok(None),
        Some(path) => {
            let names: Vec<Option<&str>> =
                (0..fields.count()).map(|item| fields.name(item)).collect();
            Ok(Some(karhunen_formats::read_attributes(path, &names)?))
        }
    }
}

/// The attributes of the fields of one side.
pub(crate) fn of_side(table: Option<&Attributes>, side: &Side, fields: &LevelData) -> Vec<f32> {
    let Some(table) = table else { return Vec::new() };
    let items = side.items.iter().take(fields.count());
    items.flat_map(|item| &table.rows[*item]).map(|v| *v as f32).collect()
}

/// Volume fractions of all phases but the last, `[field, phase]`.
fn fractions(data: &LevelData) -> Vec<f32> {
    let points = data.grid.len();
    let phases = if data.channels == 1 { 2 } else { data.channels };
    let of = |field: &[f32]| -> Vec<f32> {
        let field: Vec<f64> = field.iter().map(|v| f64::from(*v)).collect();
        let own = level_set::labels(&field, data.channels, points);
        let part = |phase| own.iter().filter(|p| usize::from(**p) == phase).count();
        (0..phases - 1).map(|phase| part(phase) as f32 / points as f32).collect()
    };
    data.values.chunks_exact(data.field_len()).flat_map(of).collect()
}

/// Measures attributes and other fields of loaded data, and normalises them.
///
/// # Errors
/// [`TrainError::Data`] for an attribute or a given channel that does not vary.
pub(crate) fn measure(
    config: &DataConfig,
    loaded: &mut Loaded,
) -> Result<(Vec<Attribute>, Option<Normalisation>), TrainError> {
    let fail =
        |message: String| Err(TrainError::Data { source_name: config.source.to_string(), message });
    if let (Some(VOLUME_FRACTION), Some(names), Some(labels)) =
        (config.attributes.as_deref(), &config.phases, &loaded.phases)
    {
        for part in [&mut loaded.training, &mut loaded.validation] {
            part.attributes = fractions(part);
        }
        loaded.attributes = labels[..labels.len() - 1].iter().map(|l| names.name(*l)).collect();
    }
    let count = loaded.attributes.len();
    let mut attributes = Vec::new();
    for (i, name) in loaded.attributes.iter().enumerate() {
        let own =
            || loaded.training.attributes.iter().skip(i).step_by(count).map(|v| f64::from(*v));
        let n = own().count() as f64;
        let mean = own().sum::<f64>() / n;
        let deviation = (own().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
        let range = [own().fold(f64::INFINITY, f64::min), own().fold(f64::NEG_INFINITY, f64::max)];
        if deviation <= 1e-6 * mean.abs() || !deviation.is_finite() {
            return fail(format!(
                "attribute {name} is {mean} in all fields to train on; leave it out"
            ));
        }
        attributes.push(Attribute { name: name.clone(), mean, deviation, range });
    }
    for part in [&mut loaded.training, &mut loaded.validation] {
        for row in part.attributes.chunks_exact_mut(count.max(1)) {
            let pairs = row.iter_mut().zip(&attributes);
            pairs.for_each(|(v, a)| *v = ((f64::from(*v) - a.mean) / a.deviation) as f32);
        }
    }
    if loaded.given_offsets.is_empty() {
        return Ok((attributes, None));
    }
    let (channels, grid) = (loaded.given_offsets.len(), loaded.training.grid);
    let points = grid.len();
    let centred = grid.holds_constants();
    let mut normalisation =
        Normalisation::measure(&loaded.training.condition, channels, points, centred);
    if let Some(channel) = normalisation.scale.iter().position(|s| !(*s > 0.0 && s.is_finite())) {
        return fail(format!("given channel {channel} is the same everywhere; leave it out"));
    }
    for part in [&mut loaded.training, &mut loaded.validation] {
        normalisation.apply(&mut part.condition, points);
    }
    let offsets = normalisation.offset.iter_mut().zip(&loaded.given_offsets);
    offsets.for_each(|(offset, more)| *offset += more);
    Ok((attributes, Some(normalisation)))
}

/// What attributes there are, for people.
pub(crate) fn described(attributes: &[Attribute]) -> String {
    let one = |a: &Attribute| {
        let [least, most] = a.range;
        format!("{} ({:.4} ± {:.4}, {least:.4} to {most:.4})", a.name, a.mean, a.deviation)
    };
    attributes.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The part of fields made on the spot that is not given.
pub fn own_channels(config: &DataConfig, fields: LevelData) -> Result<LevelData, TrainError> {
    let given = config.given_channels(fields.channels)?;
    if given.is_empty() {
        return Ok(fields);
    }
    let (points, all) = (fields.grid.len(), fields.channels);
    let own = |block: &(usize, &[f32])| !given.contains(&(block.0 % all));
    let blocks = fields.values.chunks_exact(points).enumerate().filter(own);
    let values: Vec<f32> = blocks.flat_map(|(_, block)| block).copied().collect();
    let values = values.into();
    Ok(LevelData { channels: all - given.len(), values, ..fields })
}

/// The fields of a level that are given beside others, on a coarser grid.
///
/// # Errors
/// As [`crate::data::convert`].
pub(crate) fn restricted(data: &LevelData, to: Grid) -> Result<Vec<f32>, TrainError> {
    match data.condition_channels() {
        0 => Ok(Vec::new()),
        channels => {
            let how = crate::config::Resample::Spectral;
            crate::data::convert(&data.condition, channels, data.grid, to, how)
        }
    }
}
