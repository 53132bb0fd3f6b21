//! The class of each sampled field, and the check that a model can be asked for it.
//!
//! Module `labels` reads the labels of data. Crate `karhunen_net` feeds classes to a network.

use std::ops::Range;

use karhunen_field::FieldError;

use crate::data::labels;
use crate::model::request::Request;
use crate::model::trained::TrainedModel;

pub use crate::model::request::Classes;

/// Why a model cannot be asked for fields of some classes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ClassFault {
    /// A weight of guidance that is negative or not finite.
    Guidance(f64),
    /// A class of a model of unlabelled data.
    NoClasses(u32),
    /// A weight of guidance for a model that can be asked for nothing.
    Unconditional(f64),
    /// A weight of guidance for a model that was always told its labels.
    NoLabelDropout(f64),
    /// No class, for a model that was always told its labels.
    AlwaysTold,
    /// A class that no training field has.
    Unseen(u32),
}

impl From<ClassFault> for FieldError {
    fn from(fault: ClassFault) -> Self {
        let (parameter, value, requirement) = match fault {
            ClassFault::Guidance(weight) => ("guidance", weight, "must be finite and not negative"),
            ClassFault::Unconditional(weight) => {
                ("guidance", weight, "needs a model that can be asked for something")
            }
            ClassFault::NoLabelDropout(weight) => {
                ("guidance", weight, "needs a model trained with label_dropout above 0")
            }
            ClassFault::AlwaysTold => {
                ("class", f64::NAN, "must be chosen for a model trained with label_dropout = 0")
            }
            ClassFault::NoClasses(class) | ClassFault::Unseen(class) => {
                ("class", f64::from(class), "must be one that the model was trained on")
            }
        };
        FieldError::Parameter { parameter, value, requirement }
    }
}

/// What fields are bound to beyond the law of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// Measurements, which say more about some classes than about others.
    Measurements,
    /// A box larger than the trained one, which has room for several clusters.
    LargerBox,
}

impl TrainedModel {
    /// The classes of fields for which none was chosen. They are drawn as often as training fields have them, which is right for
    /// fields of the data's own law. Fields that agree with measurements have other frequencies, p(c | y) ∝ p(c) p(y | c), and
    /// larger boxes have no single cluster: the network is told no class of such fields.
    ///
    /// # Errors
    /// [`ClassFault::AlwaysTold`] if the network has to be told no class and never learned to answer so.
    pub fn unchosen_classes(&self, bound: Option<Bound>) -> Result<Classes, ClassFault> {
        let labelled = !self.statistics.classes.is_empty();
        let open = match bound {
            Some(Bound::Measurements) => labelled,
            Some(Bound::LargerBox) => self.config.data.clusters.is_some(),
            None => false,
        };
        match open {
            true if self.config.training.label_dropout == 0.0 => Err(ClassFault::AlwaysTold),
            true => Ok(Classes::Open),
            false => Ok(Classes::Drawn),
        }
    }

    /// The class of every field of a request; an empty list from an unlabelled model.
    pub fn classes(&self, request: &Request, indices: Range<u64>) -> Vec<Option<u32>> {
        let seen = &self.statistics.classes;
        if seen.is_empty() {
            return Vec::new();
        }
        let class = |index: u64| match &request.classes {
            Classes::Drawn => labels::drawn(seen, request.seed, index),
            Classes::Open => None,
            Classes::Turns(turns) => Some(turns[(index % turns.len() as u64) as usize]),
        };
        indices.map(class).collect()
    }

    /// Why fields of these classes cannot be asked for with this weight of guidance; none if they can. The one
    /// place that knows the rules of classes.
    pub fn class_fault(&self, classes: &[u32], guidance: f64) -> Option<ClassFault> {
        let seen = &self.statistics.classes;
        let unseen = |class: &&u32| seen.get(**class as usize).is_none_or(|count| *count == 0);
        if !(guidance.is_finite() && guidance >= 0.0) {
            return Some(ClassFault::Guidance(guidance));
        }
        match classes {
            [first, ..] if seen.is_empty() => return Some(ClassFault::NoClasses(*first)),
            _ if guidance == 1.0 => (),
            _ if !self.statistics.is_conditional() => {
                return Some(ClassFault::Unconditional(guidance));
            }
            _ if self.config.training.label_dropout == 0.0 => {
                return Some(ClassFault::NoLabelDropout(guidance));
            }
            _ => (),
        }
        classes.iter().find(unseen).map(|class| ClassFault::Unseen(*class))
    }

    /// Checks the conditions of a request. Refuses a class that no training field has, and any
    /// class for an unlabelled model.
    pub(crate) fn check_classes(&self, request: &Request) -> Result<(), FieldError> {
        let refuse = |parameter, value: f64, requirement| {
            Err(FieldError::Parameter { parameter, value, requirement })
        };
        let turns = match &request.classes {
            Classes::Drawn | Classes::Open => &[][..],
            Classes::Turns(turns) if turns.is_empty() => {
                return refuse("class", f64::NAN, "there must be at least one");
            }
            Classes::Turns(turns) => turns,
        };
        if let Some(fault) = self.class_fault(turns, request.guidance) {
            return Err(fault.into());
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
        if request.larger.is_some() && given.is_some() {
            let requirement = "are of the trained box, and do not go with a larger one";
            return refuse("the given fields", 1.0, requirement);
        }
        Ok(())
    }
}
