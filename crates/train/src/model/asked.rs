//! Conditions of a request besides classes: attributes of the fields, and other fields that are
//! given.
//!
//! Module `conditions` reads such conditions from data. Crate `karhunen_net` feeds them to a
//! network.

use std::ops::Range;
use std::sync::Arc;

use karhunen_field::{Ensemble, FieldError};
use karhunen_net::{Asked, OtherFields};

use crate::model::request::Request;
use crate::model::trained::TrainedModel;

pub use crate::model::request::GivenFields;

impl TrainedModel {
    /// Normalises given fields. The argument has the data's own values, as a request takes them.
    ///
    /// # Errors
    /// [`FieldError::Parameter`] for a model that was not trained with given fields, or for another
    /// number of channels.
    pub fn given(&self, fields: &Ensemble) -> Result<GivenFields, FieldError> {
        let known = self.statistics.condition.as_ref();
        let channels = known.map_or(0, |n| n.scale.len());
        let Some(normalisation) = known.filter(|_| fields.channels == channels) else {
            return Err(FieldError::Parameter {
                parameter: "channels of the given fields",
                value: fields.channels as f64,
                requirement: "must be as many as the model was trained beside",
            });
        };
        let mut fields = fields.clone();
        normalisation.normalise(&mut fields);
        Ok(GivenFields(Arc::new(fields)))
    }

    /// The normalised attributes of a request. Attributes that are not named are NaN.
    ///
    /// # Errors
    /// [`FieldError::UnknownName`] for an attribute that the model does not have;
    /// [`FieldError::Parameter`] for a value that no training field has.
    pub fn attributes(&self, asked: &[(String, f64)]) -> Result<Vec<f32>, FieldError> {
        let known = &self.statistics.attributes;
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let mut values = vec![f32::NAN; known.len()];
        for (name, value) in asked {
            let Some(place) = known.iter().position(|a| a.name == *name) else {
                return Err(FieldError::UnknownName {
                    what: "attribute",
                    name: name.clone(),
                    known: known.iter().map(|a| a.name.as_str()).collect::<Vec<_>>().join(", "),
                });
            };
            let attribute = &known[place];
            let [least, most] = attribute.range;
            if !(least..=most).contains(value) {
                return Err(FieldError::Parameter {
                    parameter: "attribute",
                    value: *value,
                    requirement: "must be within what the training fields have",
                });
            }
            values[place] = ((value - attribute.mean) / attribute.deviation) as f32;
        }
        Ok(values)
    }

    /// The conditions of every field of a request, each repeated `times` times.
    pub(crate) fn asked(&self, request: &Request, indices: Range<u64>, times: usize) -> Asked {
        let repeated = |i: usize| std::iter::repeat_n(i, times);
        let count = (indices.end - indices.start) as usize;
        let classes = self.classes(request, indices.clone());
        let attributes = match request.attributes.is_empty() {
            true => Vec::new(),
            false => vec![request.attributes.clone(); count * times],
        };
        let fields = request.given.as_ref().map(|GivenFields(given)| {
            let place = |i: u64| (i % given.count() as u64) as usize;
            let places: Vec<usize> = indices.flat_map(|i| repeated(place(i))).collect();
            OtherFields::new(given.select(&places))
        });
        let classes = classes.iter().flat_map(|class| std::iter::repeat_n(*class, times)).collect();
        Asked { classes, attributes, fields }
    }
}
