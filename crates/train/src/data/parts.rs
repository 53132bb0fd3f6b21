//! Parts of a source by another rule than a run's: all of it, or what a model knows of it.

use karhunen_field::Grid;
use karhunen_formats::{FieldSource, StackedFields};

use crate::TrainError;
use crate::config::DataConfig;
use crate::config::hold_out::HoldOut;
use crate::data::cut::Cut;
use crate::data::division::{Division, Side};
use crate::data::incomplete::drop_incomplete;
use crate::data::level::LevelData;
use crate::data::level_sets::find_labels;
use crate::data::loaded::settle;
use crate::data::source::patch;
use crate::data::{Loaded, conditions, load_from};

/// All fields of a source that no model knows, as far as `data.count` asks for them: nothing is held out; and what is to be added to their channels.
///
/// # Errors
/// As [`Data::load`](crate::data::Data::load).
pub fn load_whole(
    config: &DataConfig,
    opened: Option<&StackedFields>,
    finest: Grid,
    seed: u64,
) -> Result<(LevelData, Vec<f64>), TrainError> {
    let whole = DataConfig { hold_out: Some(HoldOut::Shuffled), ..config.clone() };
    match opened.filter(|_| config.patch.is_some()) {
        Some(fields) => {
            let whole = DataConfig { validation: 0.0, ..whole };
            let (keep, hold) = (Side::all(fields.count()), Side::whole(vec![]));
            let division = Division { keep, hold, rule: HoldOut::Shuffled, notes: vec![] };
            let loaded = load_division(&whole, fields, division, finest, seed)?;
            Ok((loaded.training, loaded.offsets))
        }
        None => {
            let mut loaded = load_from(&whole, opened, finest, seed)?;
            append_weights(&mut loaded.training, &loaded.validation);
            loaded.training.values.append(&loaded.validation.values)?;
            loaded.training.condition.extend(loaded.validation.condition);
            loaded.training.attributes.extend(loaded.validation.attributes);
            Ok((loaded.training, loaded.offsets))
        }
    }
}

/// Joins the measured parts of cells of two parts; one of them may have no holes.
fn append_weights(all: &mut LevelData, rest: &LevelData) {
    if all.weights.is_empty() && rest.weights.is_empty() {
        return;
    }
    all.weights.resize(all.values.len(), 1.0);
    all.weights.extend(&rest.weights);
    all.weights.resize(all.values.len() + rest.values.len(), 1.0);
}

/// Those parts of a source that `division` says, for data of which a model knows some.
///
/// # Errors
/// As [`Data::load`](crate::data::Data::load).
pub(crate) fn load_division(
    config: &DataConfig,
    fields: &StackedFields,
    division: Division,
    finest: Grid,
    seed: u64,
) -> Result<Loaded, TrainError> {
    let patch = patch(config)?;
    let phases = match &config.phases {
        Some(asked) => Some(find_labels(fields, asked, &config.source.to_string())?),
        None => None,
    };
    let points = patch.as_deref().unwrap_or(fields.points());
    let cut = Cut { config, points, finest, seed, phases: phases.as_deref() };
    let sets = cut.level_sets(fields)?;
    let seen = sets.as_ref().map_or(fields as &dyn FieldSource, |sets| sets);
    let part = |side: &Side, part: u64, share: f64| match side.items.is_empty() {
        true => Ok(LevelData::plain(finest, seen.channels(), Vec::new())),
        false => cut.fields(seen, side, part, share).map(|(data, _)| data),
    };
    let Division { mut keep, mut hold, .. } = division;
    let mut notes = Vec::new();
    notes.extend(drop_incomplete(config, fields, &mut keep, "training")?);
    notes.extend(drop_incomplete(config, fields, &mut hold, "validation")?);
    let mut validation = part(&hold, 1, config.validation)?;
    let mut training = part(&keep, 0, 1.0 - config.validation)?;
    let mut offsets = seen.offsets();
    settle(&mut offsets, [&mut training, &mut validation]);
    let plain = Loaded::plain(training, validation, offsets);
    conditions::apart(config, Loaded { notes, phases, ..plain })
}
