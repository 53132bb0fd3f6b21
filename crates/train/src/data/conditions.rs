//! What a model can be asked for besides a class: attributes of a field, and other fields beside it.
//!
//! Attributes are numbers: from a table, or the volume fractions of phases. Other fields are channels that are
//! known when a field is sampled, such as the coefficient of an equation whose solution is wanted. The network
//! sees both, and answers with E[X₀ | X_t, given]. On a part of the training fields
//! (`training.label_dropout`) it is told nothing, so that it also knows the law of all fields together. If there are
//! several attributes, each is left out with probability 1/2 in a random half of the fields, so that a sampling may
//! ask for one alone.
//!
//! Not here: classes (module `labels`), what a model is asked for (module `asked`), how a network is told (`karhunen_net`).

use karhunen_field::level_set;
use karhunen_formats::{Attributes, FieldSource};

use crate::TrainError;
use crate::config::DataConfig;
use crate::config::condition::VOLUME_FRACTION;
use crate::data::Loaded;
use crate::data::division::Side;
use crate::data::level::LevelData;
use crate::data::statistics::Normalisation;

pub use crate::data::statistics::Attribute;

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
