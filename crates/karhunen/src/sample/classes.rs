//! The classes of a request.

use karhunen_train::labels::described;
use karhunen_train::{Classes, TrainedModel};

use super::{SampleError, SampleOptions};

/// The requested classes. The model must have been trained on each.
pub(super) fn chosen(
    options: &SampleOptions,
    model: &TrainedModel,
) -> Result<Classes, SampleError> {
    let (seen, guidance) = (&model.statistics.classes, options.guidance);
    if !(guidance.is_finite() && guidance >= 0.0) {
        return Err(SampleError::Guidance(guidance));
    }
    if options.surrogate {
        // Gaussian fields have no classes
        return Ok(Classes::Drawn);
    }
    let conditional = model.statistics.is_conditional();
    if seen.is_empty() && !(conditional && options.classes.is_empty()) {
        let asked = [
            (!options.classes.is_empty()).then_some("class"),
            (guidance != 1.0 && !conditional).then_some("guidance"),
        ];
        return match asked.into_iter().flatten().next() {
            Some(option) => {
                let model = model.path.display().to_string();
                Err(SampleError::NoClasses { option, model })
            }
            None => Ok(Classes::Drawn),
        };
    }
    if guidance != 1.0 && model.config.training.label_dropout == 0.0 {
        return Err(SampleError::NoLabelDropout(guidance));
    }
    let unseen = |class: &&u32| seen.get(**class as usize).is_none_or(|count| *count == 0);
    if let Some(class) = options.classes.iter().find(unseen) {
        return Err(SampleError::UnseenClass { class: *class, known: described(seen) });
    }
    Ok(match options.classes.is_empty() {
        true => Classes::Drawn,
        false => Classes::Turns(options.classes.clone()),
    })
}
