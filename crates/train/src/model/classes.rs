//! The class of each sampled field, and the check that a model can be asked for it.
//!
//! Module `labels` reads the labels of data. Crate `karhunen_net` feeds classes to a network.

use std::ops::Range;

use karhunen_field::FieldError;

use crate::data::labels;
use crate::model::request::Request;
use crate::model::trained::TrainedModel;

pub use crate::model::request::Classes;

impl TrainedModel {
    /// The class of every field of a request; an empty list from an unlabelled model.
    pub fn classes(&self, request: &Request, indices: Range<u64>) -> Vec<Option<u32>> {
        let seen = &self.statistics.classes;
        if seen.is_empty() {
            return Vec::new();
        }
        let class = |index: u64| match &request.classes {
            Classes::Drawn => labels::drawn(seen, request.seed, index),
            Classes::Turns(turns) => Some(turns[(index % turns.len() as u64) as usize]),
        };
        indices.map(class).collect()
    }

    /// Checks the conditions of a request. Refuses a class that no training field has, and any
    /// class for an unlabelled model.
    pub(crate) fn check_classes(&self, request: &Request) -> Result<(), FieldError> {
        let refuse = |parameter, value: f64, requirement| {
            Err(FieldError::Parameter { parameter, value, requirement })
        };
        let (seen, guidance) = (&self.statistics.classes, request.guidance);
        if !(guidance.is_finite() && guidance >= 0.0) {
            return refuse("guidance", guidance, "must be finite and not negative");
        }
        if !self.statistics.is_conditional() && guidance != 1.0 {
            return refuse("guidance", guidance, "needs a model that can be asked for something");
        }
        let attributes = request.attributes.len();
        if attributes != 0 && attributes != self.statistics.attributes.len() {
            let count = attributes as f64;
            return refuse("attributes", count, "must be as many as the model was trained with");
        }
        let given = request.given.as_ref().map(|given| given.0.channels);
        let known = self.statistics.condition.as_ref().map(|n| n.scale.len());
        if given.is_some() && given != known {
            let channels = given.unwrap_or_default() as f64;
            let requirement = "must be as many as the model was trained beside";
            return refuse("channels of the given fields", channels, requirement);
        }
        if guidance != 1.0 && self.config.training.label_dropout == 0.0 {
            return refuse(
                "guidance",
                guidance,
                "needs a model trained with label_dropout above 0",
            );
        }
        if request.larger.is_some() && given.is_some() {
            let requirement = "are of the trained box, and do not go with a larger one";
            return refuse("the given fields", 1.0, requirement);
        }
        let Classes::Turns(turns) = &request.classes else { return Ok(()) };
        let known = |class: &u32| seen.get(*class as usize).is_some_and(|count| *count > 0);
        match turns.iter().find(|class| !known(class)) {
            Some(class) => {
                refuse("class", f64::from(*class), "must be one that the model was trained on")
            }
            None if turns.is_empty() => refuse("class", f64::NAN, "there must be at least one"),
            None => Ok(()),
        }
    }
}
