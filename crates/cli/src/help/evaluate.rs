//! What is wrong with an evaluation in the words of its options, and the knob to turn.

use karhunen::EvaluateError;
use karhunen::classifier::ClassifierError;

/// What to do about samples with missing values.
pub const MISSING_IN_SAMPLES: &str = "give whole samples; only real fields may have missing values";
/// What to do where a model's data cannot be opened.
pub const TRAINING_DATA: &str = "memorisation needs what the model was trained on: name it as --reference, or begin where its path leads to it";

/// What is wrong with an option of an evaluation, by the name that was typed.
pub fn in_options(error: &EvaluateError) -> Option<String> {
    Some(match error {
        EvaluateError::NoReference => "--reference names no data".into(),
        EvaluateError::ReferenceCount(n) => format!("--reference-count {n}: at least 2"),
        EvaluateError::Patch => "--patch changes which fields were held out of training".into(),
        EvaluateError::Part => {
            "--part training: the reference is not the model's own source".into()
        }
        EvaluateError::Count(n) => format!("--count {n}: at least 2"),
        EvaluateError::NoNetworks => "--distinguish-seeds 0: at least 1".into(),
        EvaluateError::Sides { asked, least } => {
            format!("--distinguish={asked}: at least {least} fields a side")
        }
        EvaluateError::TooFew { .. } => format!("--distinguish: {error}"),
        EvaluateError::Phases(n) => format!("--phases {n}: at least 2"),
        EvaluateError::Thresholds(_) => format!("--{error}"),
        _ => return None,
    })
}

/// What to do about an evaluation that cannot be made.
pub fn help(error: &EvaluateError) -> Option<String> {
    let text = match error {
        EvaluateError::Boundary { .. } => {
            "leave --boundary and --periodic out: the model knows its box"
        }
        EvaluateError::SampleChannels { .. } => "give samples of this model",
        EvaluateError::SamplePhases { .. } => {
            "give labels as they are in the reference, or what `sample --raw` writes"
        }
        EvaluateError::ReferenceCount(_) => "comparisons and their floors need many, say 1000",
        EvaluateError::Patch => "leave it out, or name data the model was not trained on",
        EvaluateError::Part => "name the data the model was trained on, and the model with --model",
        EvaluateError::Constant { .. } => "give real fields that vary",
        EvaluateError::Kind { .. } => "compare samples with fields of the same kind",
        EvaluateError::OneField(_) => "sample more, at least 512 for a quick look",
        EvaluateError::OneCell(_) => "sample on a grid of more cells",
        EvaluateError::NotTheSame { .. } => {
            "sample the same --count, --seed and --sampler on another --grid of the box"
        }
        EvaluateError::TwoBoxes { .. } => "compare samples of one box",
        EvaluateError::Twice(_) => "name each once",
        EvaluateError::Count(_) => "comparisons and their floors need many, say 512",
        EvaluateError::LabelCount { .. } => {
            "give the labels that `karhunen sample` wrote beside the samples"
        }
        EvaluateError::UnknownClass { .. } => "train a classifier on the same classes as the model",
        EvaluateError::NoNetworks => "three is usual",
        EvaluateError::Sides { least, .. } | EvaluateError::TooFew { least, .. } => {
            return Some(format!(
                "sample at least {least} fields and give at least {} real ones; 512 and 1024 say more",
                2 * least
            ));
        }
        EvaluateError::Phases(_) => "two is usual",
        EvaluateError::Thresholds(_) => "write them rising, as in 0.2,0.5",
        EvaluateError::OtherData(_) => {
            "name the model's own data as --reference, or leave --memorisation out"
        }
        EvaluateError::Read { .. } => "check the path",
        EvaluateError::NoEvaluation { .. } => "give what `karhunen evaluate --json` printed",
        _ => return None,
    };
    Some(text.into())
}

/// What is wrong with an option of a classifier, by the name that was typed.
pub fn in_classifier(error: &ClassifierError) -> Option<String> {
    matches!(error, ClassifierError::NoSteps).then(|| format!("--{error}"))
}

/// What to do about a classifier that cannot be trained.
pub fn classifier(error: &ClassifierError) -> &'static str {
    match error {
        ClassifierError::NoSteps => "leave it out",
        ClassifierError::NoClasses(_) => "builtin:shapes has three, or give a file and --labels",
        ClassifierError::NoLabels(_) => "give --labels, a file of one label a field",
        // lines and volumes, and whatever is yet to come
        _ => "the classifier reads fields of dimension 2",
    }
}
