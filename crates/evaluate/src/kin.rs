//! Tells whether a reference is the data that a model was trained on, wherever it lies and whatever
//! its name.

use karhunen_formats::{Address, StackedFields};
use karhunen_train::known::Known;
use karhunen_train::{Sources, TrainedModel};

use crate::EvaluateError;
use crate::options::Part;

/// The relation of a reference to a model.
#[derive(Debug)]
pub enum Kinship {
    /// No relation: there is no model, or exactly one of the two is built-in data, or they are
    /// different ones.
    None,
    /// The reference is the model's built-in data.
    Builtin,
    /// The relation is known from the values of the data.
    Values(Known),
    /// A model of an earlier version stores only the path of its data: whether the path is the
    /// same.
    Path(bool),
}

/// Compares a reference with the data that a model stores about its training.
///
/// # Errors
/// Errors while reading.
pub fn of(
    model: Option<&TrainedModel>,
    source: &Sources,
    fields: Option<&StackedFields>,
) -> Result<Kinship, EvaluateError> {
    let Some(model) = model else { return Ok(Kinship::None) };
    let own = &model.config.data;
    if own.source.builtin().is_some() || source.builtin().is_some() {
        let same = own.source == *source;
        return Ok(if same { Kinship::Builtin } else { Kinship::None });
    }
    let origin = model.statistics.origin.as_ref().filter(|origin| !origin.sources.is_empty());
    let known = match (origin, fields) {
        (Some(_), Some(fields)) => Known::of(origin, fields)?,
        _ => None,
    };
    Ok(known.map_or_else(|| Kinship::Path(same_place(&own.source, source)), Kinship::Values))
}

impl Kinship {
    /// Whether the reference is the model's own source.
    pub fn is_own(&self) -> bool {
        match self {
            Kinship::None => false,
            Kinship::Builtin => true,
            Kinship::Values(known) => known.is_own(),
            Kinship::Path(same) => *same,
        }
    }

    /// Whether the model was trained with some part of the reference.
    pub fn is_met(&self) -> bool {
        self.is_own() || self.known().is_some_and(Known::is_met)
    }

    /// What the model knows about the reference by its values.
    pub fn known(&self) -> Option<&Known> {
        match self {
            Kinship::Values(known) => Some(known),
            _ => None,
        }
    }

    /// A note if the relation of another model to the reference is different.
    pub fn apart(&self, other: &Self) -> Option<String> {
        let text = match (self.is_met(), other.is_met()) {
            (false, false) => return None,
            (true, true) if self.known() == other.known() => return None,
            (true, true) => {
                "the models were not trained on the same part of the reference: what is used is fair to the first"
            }
            _ => "only some of the models were trained on the reference",
        };
        Some(text.into())
    }

    /// Which part of the reference is used and why, in one line.
    pub fn note(&self, part: Part) -> Option<String> {
        let by_path = "by its path: this model does not remember its data's values";
        let text = match (self, part) {
            (Kinship::None, _) => return None,
            (_, Part::Training) if self.is_met() => {
                "the reference is what the model was trained on".into()
            }
            (Kinship::Builtin, _) => {
                "the reference is the model's own source: only its held-out part is used".into()
            }
            (Kinship::Values(known), _) if known.is_all_trained() => {
                "the reference is what the model was trained on, known by its values: the files held out beside it are used".into()
            }
            (Kinship::Values(known), _) => known.described(),
            (Kinship::Path(true), _) => format!(
                "the reference is the model's own source, {by_path}; only its held-out part is used"
            ),
            (Kinship::Path(false), _) => {
                "whether the model was trained on parts of the reference cannot be told: it is of a version that did not remember its data's values; all are used".into()
            }
        };
        Some(text)
    }
}

/// Whether two sources are the same files.
fn same_place(a: &Sources, b: &Sources) -> bool {
    let full = |name: &String| {
        let Address { path, part } = Address::of(name);
        (path.canonicalize().unwrap_or(path), part)
    };
    a == b || a.names().iter().map(full).eq(b.names().iter().map(full))
}
