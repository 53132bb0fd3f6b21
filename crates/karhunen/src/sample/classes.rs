//! The classes of a request.

use karhunen_evaluate::Progress;
use karhunen_train::classes::ClassFault;
use karhunen_train::labels::described;
use karhunen_train::{Classes, TrainedModel};

use super::{SampleError, SampleOptions};

/// What a user should know of a model of clusters where it is told none.
pub(crate) fn told_no_cluster(what: &str) -> String {
    format!(
        "{what}: the network is told no cluster, which it has learned least; a model trained without data.clusters does this better"
    )
}

/// The requested classes. The model must have been trained on each.
///
/// `bound` names what the fields are bound to, measurements or a larger box: see [`TrainedModel::unchosen_classes`].
pub(super) fn chosen(
    options: &SampleOptions,
    model: &TrainedModel,
    bound: Option<&str>,
    progress: &dyn Progress,
) -> Result<Classes, SampleError> {
    let (classes, guidance) = (&options.classes, options.guidance);
    // Gaussian fields have no classes
    let asked = if options.surrogate { &[][..] } else { classes };
    let no_classes = |option| {
        let model = model.path.display().to_string();
        SampleError::NoClasses { option, model }
    };
    match model.class_fault(asked, guidance) {
        Some(ClassFault::Guidance(weight)) => return Err(SampleError::Guidance(weight)),
        _ if options.surrogate => return Ok(Classes::Drawn),
        Some(ClassFault::NoClasses(_)) => return Err(no_classes("class")),
        Some(ClassFault::Unconditional(_)) => return Err(no_classes("guidance")),
        Some(ClassFault::NoLabelDropout(weight)) => {
            return Err(SampleError::NoLabelDropout(weight));
        }
        Some(ClassFault::Unseen(class)) => {
            let known = described(&model.statistics.classes);
            return Err(SampleError::UnseenClass { class, known });
        }
        None => (),
    }
    if !classes.is_empty() {
        return Ok(Classes::Turns(classes.clone()));
    }
    let unchosen = model.unchosen_classes(bound.is_some());
    if let (Classes::Open, Some(what)) = (&unchosen, bound) {
        if guidance != 1.0 {
            return Err(SampleError::GuidanceWithoutClass(guidance));
        }
        progress.note(&told_no_cluster(what));
    }
    Ok(unchosen)
}
