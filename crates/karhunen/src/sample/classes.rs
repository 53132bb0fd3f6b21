//! The classes of a request.

use karhunen_evaluate::Progress;
use karhunen_train::classes::{Bound, ClassFault};
use karhunen_train::labels::described;
use karhunen_train::{Classes, TrainedModel};

use super::{SampleError, SampleOptions};

/// What a user should know of a model of classes where it is told none.
fn told_no_class(model: &TrainedModel, what: &str) -> String {
    let (kind, advice) = match model.config.data.clusters {
        Some(_) => ("cluster", "a model trained without data.clusters does this better"),
        None => ("class", "choose the class if you know it"),
    };
    format!("{what}: the network is told no {kind}, which it has learned least; {advice}")
}

/// The requested classes. The model must have been trained on each.
///
/// `bound` is what the fields are bound to: see [`TrainedModel::unchosen_classes`].
pub(super) fn chosen(
    options: &SampleOptions,
    model: &TrainedModel,
    bound: Option<Bound>,
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
        Some(ClassFault::AlwaysTold) => return Err(SampleError::AlwaysTold),
        Some(ClassFault::Unseen(class)) => {
            let known = described(&model.statistics.classes);
            return Err(SampleError::UnseenClass { class, known });
        }
        None => (),
    }
    if !classes.is_empty() {
        return Ok(Classes::Turns(classes.clone()));
    }
    let Some(bound) = bound else { return Ok(Classes::Drawn) };
    let open = model.unchosen_classes(Some(bound)) == Ok(Classes::Open);
    if open && guidance != 1.0 && guidance != 0.0 {
        return Err(SampleError::GuidanceWithoutClass(guidance));
    }
    let what = match bound {
        Bound::Measurements => "measurements",
        Bound::LargerBox => "a larger box",
    };
    unchosen(model, bound, what, progress)
}

/// The classes of fields that are bound to something, where none was chosen. If the network is told none, a note says so. The
/// note begins with `what`, which names the reason or the task.
pub(crate) fn unchosen(
    model: &TrainedModel,
    bound: Bound,
    what: &str,
    progress: &dyn Progress,
) -> Result<Classes, SampleError> {
    let unchosen = model.unchosen_classes(Some(bound)).map_err(|_| SampleError::AlwaysTold)?;
    if unchosen == Classes::Open {
        progress.note(&told_no_class(model, what));
    }
    Ok(unchosen)
}
