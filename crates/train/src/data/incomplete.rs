//! Fields and patches with missing values: some are left out, some patches are cut elsewhere.

use karhunen_formats::{FieldSource, PatchSource, StackedFields};

use crate::TrainError;
use crate::config::DataConfig;
use crate::config::missing::MissingValues;
use crate::data::division::Side;
use crate::data::level::LevelData;

/// Places tried for a patch with few enough missing values.
const PLACES_AT_MOST: u64 = 4096;

/// Labels of the fields of a side, in order; empty for unlabelled data.
pub(crate) fn labels_of(labels: &[u32], side: &Side, fields: &LevelData) -> Vec<u32> {
    match labels.is_empty() {
        true => Vec::new(),
        false => side.items.iter().take(fields.count()).map(|&item| labels[item]).collect(),
    }
}

/// Leaves out the fields of a side that have missing values, if `drop` is configured, and reports
/// how many. Patches are checked when they are cut.
pub(crate) fn drop_incomplete(
    config: &DataConfig,
    fields: &StackedFields,
    side: &mut Side,
    name: &str,
) -> Result<Option<String>, TrainError> {
    let asked = config.missing == Some(MissingValues::Drop) && config.patch.is_none();
    if !asked || side.items.is_empty() {
        return Ok(None);
    }
    let corner = vec![0; fields.points().len()];
    let (before, mut values) = (side.items.len(), Vec::new());
    let mut complete = Vec::with_capacity(before);
    for &item in &side.items {
        values.clear();
        fields.block(item, &corner, fields.points(), &mut values)?;
        if !values.iter().any(|v| v.is_nan()) {
            complete.push(item);
        }
    }
    side.items = complete;
    let (left, dropped) = (side.items.len(), before - side.items.len());
    if left == 0 {
        return Err(fail(
            config,
            format!(
                "each of its {before} {name} fields has missing values, so data.missing = \"drop\" leaves none; \"mask\" keeps them"
            ),
        ));
    }
    Ok((dropped > 0).then(|| {
        format!("{dropped} of {before} {name} fields have missing values and are left out")
    }))
}

/// Cuts a patch with few enough missing values. If incomplete fields are dropped, the patch has
/// none; otherwise every channel has some value. Each index tries its own sequence of places.
pub(crate) fn patch(
    config: &DataConfig,
    patches: &PatchSource<'_>,
    index: u64,
) -> Result<Vec<f32>, TrainError> {
    for attempt in 0..PLACES_AT_MOST {
        let at = index + (attempt << 24);
        let cut = patches.cut(at..at + 1)?;
        let points: usize = cut.points.iter().product();
        let gone = |v: &f32| v.is_nan();
        let will_do = match config.missing {
            Some(MissingValues::Drop) => !cut.values.iter().any(gone),
            _ => cut.values.chunks_exact(points).all(|channel| !channel.iter().all(gone)),
        };
        if will_do {
            return Ok(cut.values);
        }
    }
    Err(fail(
        config,
        format!(
            "missing values leave no patch: {PLACES_AT_MOST} places were tried for one; cut smaller patches"
        ),
    ))
}

/// The error of a field without any value in a channel.
pub(crate) fn empty(config: &DataConfig, item: usize, channel: usize) -> TrainError {
    fail(
        config,
        format!(
            "field {item} has no value at all in channel {channel}; data.missing = \"drop\" leaves such fields out"
        ),
    )
}

fn fail(config: &DataConfig, message: String) -> TrainError {
    TrainError::Data { source_name: config.source.to_string(), message }
}
