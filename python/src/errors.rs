//! Errors of the library as exceptions: the line and the help that the program prints.

use std::any::Any;

use karhunen::{Error, EvaluateError, FieldError, FormatError, SampleError, TrainError};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::failure::Failure;

/// A failure and the name of its exception in `karhunen._errors`.
pub struct Problem {
    kind: &'static str,
    failure: Failure,
}

impl Problem {
    /// An argument that is wrong.
    pub fn usage(message: impl Into<String>, help: &str) -> Self {
        Self { kind: "UsageError", failure: Failure::usage(message).help(help) }
    }

    /// The work itself.
    pub fn run(message: impl Into<String>) -> Self {
        Self { kind: "Error", failure: Failure::run(message) }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let (stopped, of_data) = (error.is_stop(), is_of_data(&error));
        let failure = Failure::from(error);
        let kind = match failure.code {
            _ if stopped => "StoppedError",
            _ if of_data => "DataError",
            2 => "UsageError",
            _ => "Error",
        };
        Self { kind, failure }
    }
}

macro_rules! through_error {
    ($($of:ty),*) => {
        $(impl From<$of> for Problem {
            fn from(error: $of) -> Self {
                Error::from(error).into()
            }
        })*
    };
}

through_error!(TrainError, FieldError, FormatError, EvaluateError, SampleError);

/// Whether what is wrong lies in data, not in what was asked for.
fn is_of_data(error: &Error) -> bool {
    let train = |e: &TrainError| matches!(e, TrainError::Data { .. } | TrainError::Format(_));
    match error {
        Error::Format(_) => true,
        Error::Train(e) | Error::Refused(e) => train(e),
        Error::Evaluate(e) => match e {
            EvaluateError::Format(_)
            | EvaluateError::Samples(_)
            | EvaluateError::TrainingData(_)
            | EvaluateError::Constant { .. }
            | EvaluateError::Kind { .. } => true,
            EvaluateError::Train(e) => train(e),
            _ => false,
        },
        _ => false,
    }
}

/// The exception.
pub fn raised(py: Python<'_>, problem: Problem) -> PyErr {
    let Problem { kind, failure } = problem;
    let made = py
        .import("karhunen._errors")
        .and_then(|module| module.getattr(kind))
        .and_then(|class| class.call1((failure.message, failure.help)));
    match made {
        Ok(exception) => PyErr::from_value(exception),
        Err(e) => e,
    }
}

/// A panic as an exception: a mistake of this library, and no reason to end the interpreter.
pub fn panicked(py: Python<'_>, panic: &(dyn Any + Send)) -> PyErr {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_string())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".into());
    let failure = Failure::run(format!("internal error: {text}"))
        .help("this is a mistake of karhunen, not yours: please report it with what you called");
    match py.import("karhunen._errors") {
        Ok(_) => raised(py, Problem { kind: "Error", failure }),
        Err(_) => PyRuntimeError::new_err(failure.message),
    }
}
