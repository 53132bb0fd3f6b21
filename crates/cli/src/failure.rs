//! How a command ends when it cannot do what was asked.

use std::error::Error as StdError;

use karhunen::evaluation::error::chain;
use karhunen::{Error, EvaluateError, FieldError, FormatError, NetError, TrainError};

use crate::help;

/// One chain of causes, the knob to turn, and the exit code.
#[derive(Debug)]
pub struct Failure {
    /// 1 the run failed, 2 usage or input, 130 interrupted.
    pub code: u8,
    /// What is wrong; nothing where another rank of the job tells it.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Failure {
    /// Something the user typed or gave.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { code: 2, message: message.into(), help: None }
    }

    /// The run itself.
    pub fn run(message: impl Into<String>) -> Self {
        Self { code: 1, message: message.into(), help: None }
    }

    /// Stopped by the user, with everything saved.
    pub fn interrupted(message: impl Into<String>) -> Self {
        Self { code: 130, message: message.into(), help: None }
    }

    /// Before any work was done: whatever is wrong is in what was asked for, except that the system
    /// would not write.
    pub fn refused(error: TrainError) -> Self {
        let code = if matches!(error, TrainError::Write { .. }) { 1 } else { 2 };
        Self { code, ..Self::from(error) }
    }

    /// A device that is not there.
    fn device(error: NetError) -> Self {
        let help = help::sample::device(&error);
        Self::refused(TrainError::from(error)).help(help)
    }

    /// Adds the knob to turn.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    fn chain(code: u8, error: &dyn StdError, help: Option<String>) -> Self {
        Self { code, message: chain(error), help }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let anew = "choose another name, or --force to replace it";
        let text = error.to_string();
        match error {
            Error::Train(e) => e.into(),
            Error::Field(e) => e.into(),
            Error::Format(e) => e.into(),
            Error::Evaluate(e) => e.into(),
            Error::Refused(e) => Self::refused(e),
            Error::Device(e) => Self::device(e),
            Error::Sample(e) => {
                let message = help::sample::in_options(&e);
                Self { code: 2, message, help: help::sample::help(&e) }
            }
            Error::Shard(e) => Self::usage(text).help(help::sample::shard(&e)),
            Error::Export(e) => Self::usage(text).help(help::export(&e)),
            Error::Classifier(e) => {
                let message = help::evaluate::in_classifier(&e).unwrap_or(text);
                Self::usage(message).help(help::evaluate::classifier(&e))
            }
            Error::Observe(e) => Self::chain(2, &e, help::sample::observe(&e)),
            Error::Prior { missing, .. } => Self::usage(text).help(match missing {
                Some(key) => format!("add --{key}"),
                None => "`karhunen prior --help` lists the kinds and what each takes".into(),
            }),
            Error::PriorWithoutData(_) => {
                Self::usage(text).help("give --data PATH, or --data builtin:spinodal")
            }
            Error::PriorWithData { .. } => Self::usage(format!("--{text}"))
                .help("leave --data out, or choose fitted, fitted-anisotropic, tempered or flat"),
            Error::TooFew { what, .. } => Self::usage(format!("--{text}")).help(match what {
                "count" => "64 is usual",
                "steps" => "32 is usual; more are more exact",
                "repetitions" => "4 is usual; 2 and more give a standard error",
                "truths" => {
                    "standard errors are taken from truth to truth; 32 or more tell something"
                }
                _ => "ranks fall into ten bins; 99 is usual",
            }),
            Error::LikelihoodGrid { .. } => {
                Self::usage(text).help("choose a trained level with --grid, or give finer fields")
            }
            Error::HeldOut { .. } => Self::usage(format!("--{text}")).help("ask for fewer"),
            Error::NoRun(_) => {
                Self::usage(text).help("name a directory that `karhunen train` wrote")
            }
            Error::Exists(_) => Self::usage(text).help(anew),
            Error::Folder { source, .. } | Error::Write { source, .. } => {
                Self::run(text).help(help::write(&source))
            }
            Error::Read { source, .. } => Self::usage(text).help(help::read(&source)),
            // pictures, and whatever is yet to come
            error => Self::chain(1, &error, system(&error).map(help::write)),
        }
    }
}

impl From<TrainError> for Failure {
    fn from(error: TrainError) -> Self {
        if let TrainError::OtherRank { .. } = error {
            return Self { code: 2, message: String::new(), help: None };
        }
        let code = match &error {
            TrainError::Diverged { .. }
            | TrainError::NotFinite { .. }
            | TrainError::Write { .. } => 1,
            TrainError::Field(e) => field_code(e),
            TrainError::Format(e) => format_code(e),
            _ => 2,
        };
        Self::chain(code, &error, help::train::train(&error))
    }
}

impl From<FieldError> for Failure {
    fn from(error: FieldError) -> Self {
        Self::chain(field_code(&error), &error, help::field(&error))
    }
}

impl From<EvaluateError> for Failure {
    fn from(error: EvaluateError) -> Self {
        match error {
            EvaluateError::Train(e) => e.into(),
            EvaluateError::Field(e) => e.into(),
            EvaluateError::Format(e) => e.into(),
            EvaluateError::Samples(e) => {
                let missing = matches!(e, FormatError::Missing { .. });
                let failure = Self::from(e);
                if missing { failure.help(help::evaluate::MISSING_IN_SAMPLES) } else { failure }
            }
            EvaluateError::TrainingData(e) => Self::from(e).help(help::evaluate::TRAINING_DATA),
            error => {
                let message = help::evaluate::in_options(&error).unwrap_or_else(|| chain(&error));
                Self { code: 2, message, help: help::evaluate::help(&error) }
            }
        }
    }
}

impl From<FormatError> for Failure {
    fn from(error: FormatError) -> Self {
        Self::chain(format_code(&error), &error, help::format(&error))
    }
}

/// What the system said, where that is behind an error.
fn system<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a std::io::Error> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(said) = error.downcast_ref() {
            return Some(said);
        }
        cause = error.source();
    }
    None
}

fn field_code(error: &FieldError) -> u8 {
    match error {
        FieldError::NonFinite { .. } | FieldError::Denoiser(_) => 1,
        _ => 2,
    }
}

fn format_code(error: &FormatError) -> u8 {
    match error {
        FormatError::Write { .. } => 1,
        _ => 2,
    }
}
