//! Attributes and given fields of a request, normalised for a model.

use karhunen_field::{Ensemble, FieldError, Grid};
use karhunen_formats::ReadOptions;
use karhunen_train::TrainedModel;
use karhunen_train::asked::GivenFields;

use super::{SampleError, SampleOptions};
use crate::Error;

/// The requested attributes, normalised; empty if none is named.
pub(super) fn attributes(
    options: &SampleOptions,
    model: &TrainedModel,
) -> Result<Vec<f32>, SampleError> {
    let known = &model.statistics.attributes;
    if options.attributes.is_empty() || options.surrogate {
        return Ok(Vec::new());
    }
    if known.is_empty() {
        let model = model.path.display().to_string();
        return Err(SampleError::NoAttributes { model });
    }
    for (i, (name, value)) in options.attributes.iter().enumerate() {
        if options.attributes[..i].iter().any(|(other, _)| other == name) {
            return Err(SampleError::AttributeTwice(name.clone()));
        }
        let Some(attribute) = known.iter().find(|a| a.name == *name) else {
            let all: Vec<&str> = known.iter().map(|a| a.name.as_str()).collect();
            let (name, known) = (name.clone(), all.join(", "));
            return Err(SampleError::UnknownAttribute { name, known });
        };
        let [least, most] = attribute.range;
        if !(least..=most).contains(value) {
            let (name, value) = (name.clone(), *value);
            return Err(SampleError::AttributeRange { name, value, least, most });
        }
    }
    model.attributes(&options.attributes).map_err(|e| SampleError::Attribute(e.to_string()))
}

/// The given fields, normalised; none if no file is named.
pub(super) fn given(
    options: &SampleOptions,
    model: &TrainedModel,
    grid: &Grid,
) -> Result<Option<GivenFields>, Error> {
    let Some(path) = options.condition.as_ref().filter(|_| !options.surrogate) else {
        return Ok(None);
    };
    let known = model.statistics.condition.as_ref().map(|n| n.scale.len());
    let Some(channels) = known else {
        let model = model.path.display().to_string();
        return Err(SampleError::NoCondition { model }.into());
    };
    let read = ReadOptions {
        dim: Some(grid.dim()),
        channels: Some(channels).filter(|c| *c > 1),
        ..Default::default()
    };
    let raw = karhunen_formats::read(path, &read)?;
    let name = path.display().to_string();
    if raw.channels != channels {
        let found = raw.channels;
        return Err(SampleError::ConditionChannels { name, found, channels }.into());
    }
    let own = model.grid(&raw.points)?;
    if own.axes().iter().zip(grid.axes()).any(|(own, asked)| own.points < asked.points)
        && own.axes().iter().zip(model.statistics.grid.axes()).any(|(o, t)| o.points < t.points)
    {
        let (found, needed) = (own.to_string(), model.statistics.grid.to_string());
        return Err(SampleError::ConditionGrid { name, found, needed }.into());
    }
    let values = raw.values.iter().map(|v| raw.offset + f64::from(*v)).collect();
    let fields: Ensemble = Ensemble::new(own, channels, values)?;
    model.given(&fields).map(Some).map_err(|e: FieldError| e.into())
}
