//! What `[data]` of a run's configuration may say: rules that take more than one key.

use karhunen_field::level_set::MOST_PHASES;

use crate::TrainError;
use crate::config::condition::{ConditionConfig, VOLUME_FRACTION};
use crate::config::data::DataConfig;
use crate::config::hold_out::HoldOut;

/// Most clusters of `data.clusters`.
const MOST_CLUSTERS: usize = 1024;

/// Checks the keys of `[data]` that must go together: labels, attributes and given fields, phases.
///
/// # Errors
/// [`TrainError::Config`] naming the key, its value and what it needs.
pub(super) fn check(data: &DataConfig, place: &str) -> Result<(), TrainError> {
    check_labels(data, place)?;
    clusters(data, place)?;
    conditions(data, place)?;
    phases(data, place)
}

/// Checks the labels of a configuration.
///
/// # Errors
/// [`TrainError::Config`] for labels of built-in data or of patches, and if only one of the
/// training and the validation source has labels.
pub fn check_labels(data: &DataConfig, place: &str) -> Result<(), TrainError> {
    let fail = |message: String| Err(TrainError::Config { place: place.to_string(), message });
    let DataConfig { labels, validation_labels, validation_source, .. } = data;
    if let Some(labels) = labels {
        if data.source.builtin().is_some() {
            return fail(format!(
                "data.labels = {labels}: {} is made on the spot; leave the labels out",
                data.source
            ));
        }
        if let Some(patch) = &data.patch {
            return fail(format!(
                "data.labels = {labels}: a label is one of a whole field, not of patches of {patch}; leave data.patch or the labels out"
            ));
        }
    }
    match (labels, validation_source, validation_labels) {
        (Some(_), Some(other), None) => fail(format!(
            "data.labels without data.validation_labels: the fields of {other} need labels too"
        )),
        (None, _, Some(other)) | (_, None, Some(other)) => fail(format!(
            "data.validation_labels = {other}: they go with data.labels and data.validation_source"
        )),
        _ => Ok(()),
    }
}

/// Checks `data.clusters` of a configuration.
///
/// # Errors
/// [`TrainError::Config`] for fewer than two or more than [`MOST_CLUSTERS`], and beside anything else that fields may be asked for.
fn clusters(data: &DataConfig, place: &str) -> Result<(), TrainError> {
    let Some(count) = data.clusters else { return Ok(()) };
    let fail = |message: String| Err(TrainError::Config { place: place.to_string(), message });
    if !(2..=MOST_CLUSTERS).contains(&count) {
        return fail(format!("data.clusters = {count}: it must be between 2 and {MOST_CLUSTERS}"));
    }
    let own = data.source.builtin().is_some_and(|name| name == "shapes");
    let moved = data.augment.as_ref().is_some_and(|motions| !motions.is_empty());
    let beside = [
        ("data.labels", data.labels.is_some()),
        ("data.attributes", data.attributes.is_some()),
        ("data.condition", data.condition.is_some()),
        ("data.augment, which moves a field out of its cluster", moved),
        ("the labels of builtin:shapes", own),
    ];
    match beside.into_iter().find(|(_, there)| *there) {
        Some((what, _)) => fail(format!(
            "data.clusters = {count}: clusters stand in for labels and do not go with {what}; leave one of them out"
        )),
        None => Ok(()),
    }
}

/// Checks `data.attributes` and `data.condition` of a configuration.
///
/// # Errors
/// [`TrainError::Config`] for attributes of patches or of built-in data that are not measured, volume fractions
/// without phases, and other fields beside phases, missing values or files held out.
fn conditions(data: &DataConfig, place: &str) -> Result<(), TrainError> {
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

/// Allowed values of `data.interface_width`, in cells of the finest level.
const WIDTHS: std::ops::RangeInclusive<f64> = 0.25..=64.0;

/// Checks `data.phases` of a configuration.
///
/// # Errors
/// [`TrainError::Config`] for fewer than 2 or more than 32 phases, a label given twice, Dirichlet
/// walls, a width out of range, or a width without phases.
fn phases(data: &DataConfig, place: &str) -> Result<(), TrainError> {
    let fail = |message: String| Err(TrainError::Config { place: place.to_string(), message });
    let Some(phases) = &data.phases else {
        return match data.interface_width {
            Some(width) => fail(format!(
                "data.interface_width = {width}: it goes with data.phases; leave it out"
            )),
            None => Ok(()),
        };
    };
    let count = phases.count();
    if !(2..=MOST_PHASES).contains(&count) {
        return fail(format!("data.phases: {count} phase(s); between 2 and {MOST_PHASES}"));
    }
    let labels = phases.labels().unwrap_or_default();
    if let Some(pair) = labels.windows(2).find(|pair| pair[0] == pair[1]) {
        return fail(format!("data.phases: label {} is given twice", pair[0]));
    }
    if let Some(width) = data.interface_width.filter(|w| !WIDTHS.contains(w)) {
        return fail(format!(
            "data.interface_width = {width}: between {} and {} cells of the finest level",
            WIDTHS.start(),
            WIDTHS.end()
        ));
    }
    if data.boundary.to_string().contains("dirichlet") {
        return fail(format!(
            "data.boundary = \"{}\" beside data.phases: phases do not vanish at walls; take neumann or periodic",
            data.boundary
        ));
    }
    Ok(())
}

/// The first invalid key about the box or the held-out part: the key, its value, and what it needs.
/// None if all are valid.
pub(super) fn complaint(data: &DataConfig) -> Option<(&'static str, String, &'static str)> {
    let positive = |v: &f64| v.is_finite() && *v > 0.0;
    let bad = |values: &&Vec<f64>| values.is_empty() || !values.iter().all(positive);
    let lengths = [("data.spacing", &data.spacing), ("data.lengths", &data.lengths)];
    let wrong = lengths.iter().find_map(|(key, values)| {
        let values = values.as_ref().filter(bad)?;
        Some((*key, format!("{values:?}"), "one positive number an axis"))
    });
    wrong.or_else(|| data.hold_out.as_ref().and_then(HoldOut::complaint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_cannot_belong_to_fields_are_refused() {
        let with = |change: &dyn Fn(&mut DataConfig)| {
            let mut data = DataConfig { source: "a.npy".into(), ..DataConfig::default() };
            data.labels = Some("l.npy".into());
            change(&mut data);
            check_labels(&data, "run.toml").map_err(|e| e.to_string())
        };
        assert_eq!(with(&|_| ()), Ok(()));
        let said = |change: &dyn Fn(&mut DataConfig)| with(change).unwrap_err();
        assert!(said(&|d| d.source = "builtin:grains".into()).contains("made on the spot"));
        assert!(said(&|d| d.patch = Some("8x8".into())).contains("patches of 8x8"));
        assert!(said(&|d| d.validation_source = Some("b.npy".into())).contains("b.npy"));
        assert!(said(&|d| d.validation_labels = Some("v.npy".into())).contains("v.npy"));
    }
}
