//! How a command ends when it cannot do what was asked.

use std::error::Error;

use karhunen_evaluate::EvaluateError;
use karhunen_evaluate::error::chain;
use karhunen_field::FieldError;
use karhunen_formats::FormatError;
use karhunen_train::TrainError;

use crate::{help, log};

/// One chain of causes, the knob to turn, and the exit code.
#[derive(Debug)]
pub struct Failure {
    /// 1 the run failed, 2 usage or input, 130 interrupted.
    pub code: u8,
    message: String,
    help: Option<String>,
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

    /// Adds the knob to turn.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Writes the failure to standard error.
    pub fn print(&self) {
        log::failure(&self.message, self.help.as_deref(), self.code);
    }

    fn chain(code: u8, error: &dyn Error, help: Option<String>) -> Self {
        Self { code, message: chain(error), help }
    }
}

impl From<TrainError> for Failure {
    fn from(error: TrainError) -> Self {
        let code = match &error {
            TrainError::Diverged { .. } | TrainError::Write { .. } => 1,
            TrainError::Field(e) => field_code(e),
            TrainError::Format(e) => format_code(e),
            _ => 2,
        };
        Self::chain(code, &error, help::train(&error))
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
                if missing { failure.help(help::MISSING_IN_SAMPLES) } else { failure }
            }
            EvaluateError::TrainingData(e) => Self::from(e).help(help::TRAINING_DATA),
            error => {
                let message = help::in_options(&error).unwrap_or_else(|| chain(&error));
                Self { code: 2, message, help: help::evaluate(&error) }
            }
        }
    }
}

impl From<FormatError> for Failure {
    fn from(error: FormatError) -> Self {
        Self::chain(format_code(&error), &error, help::format(&error))
    }
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
