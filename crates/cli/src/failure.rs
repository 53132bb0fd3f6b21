//! How a command ends when it cannot do what was asked.

use std::error::Error;

use karhunen_field::FieldError;
use karhunen_formats::FormatError;
use karhunen_train::TrainError;

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

    /// Before any work was done: whatever is wrong is in what was asked for.
    pub fn refused(error: TrainError) -> Self {
        Self { code: 2, ..Self::from(error) }
    }

    /// Adds the knob to turn.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Writes the failure to standard error.
    pub fn print(&self) {
        eprintln!("error: {}", self.message);
        if let Some(help) = &self.help {
            eprintln!("help: {help}");
        }
    }

    fn chain(code: u8, error: &dyn Error) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(e) = cause {
            let text = e.to_string();
            if !message.contains(&text) {
                message = format!("{message}: {text}");
            }
            cause = e.source();
        }
        Self { code, message, help: None }
    }
}

impl From<TrainError> for Failure {
    fn from(error: TrainError) -> Self {
        let code = match &error {
            TrainError::Diverged { .. } | TrainError::Write { .. } => 1,
            TrainError::Field(e) => field_code(e),
            _ => 2,
        };
        Self::chain(code, &error)
    }
}

impl From<FieldError> for Failure {
    fn from(error: FieldError) -> Self {
        Self::chain(field_code(&error), &error)
    }
}

impl From<FormatError> for Failure {
    fn from(error: FormatError) -> Self {
        Self::chain(2, &error)
    }
}

fn field_code(error: &FieldError) -> u8 {
    match error {
        FieldError::NonFinite { .. } | FieldError::Denoiser(_) => 1,
        _ => 2,
    }
}
