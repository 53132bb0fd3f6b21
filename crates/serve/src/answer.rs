//! JSON answers. A refused request gets one line that says what is wrong and one that says what to
//! do.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use karhunen::Error;
use karhunen::TrainError;
use serde::Serialize;

/// A refused request, with the reason.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Refusal {
    #[serde(skip)]
    pub status: StatusCode,
    /// What is wrong.
    pub error: String,
    /// What to do about it.
    pub help: String,
}

impl Refusal {
    pub fn new(status: StatusCode, error: impl Into<String>, help: impl Into<String>) -> Self {
        Self { status, error: error.into(), help: help.into() }
    }

    /// A refusal because of an invalid request.
    pub fn asked(error: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error, help)
    }

    /// A refusal of a request above a limit.
    pub fn limit(what: &str, asked: impl std::fmt::Display, limit: impl std::fmt::Display) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("{what} {asked}: the limit of this server is {limit}"),
            "ask for less, or start the server with a higher limit",
        )
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let text = karhunen::evaluation::error::chain(&error);
        if error.is_stop() {
            return Self::new(StatusCode::SERVICE_UNAVAILABLE, "stopped", "ask again");
        }
        let memory = matches!(error, Error::Train(TrainError::Memory { .. }));
        match memory {
            true => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                text,
                "ask for fewer fields or a coarser grid",
            ),
            false => Self::asked(text, "change what is asked for"),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, json(&self)).into_response();
        if matches!(self.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
        }
        response
    }
}

/// A value as JSON.
pub fn json(value: &impl Serialize) -> Response {
    match serde_json::to_string(value) {
        Ok(text) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
        // serde_json writes numbers that are not finite as null, so values of this crate do not
        // fail here
        Err(e) => (StatusCode::INTERNAL_SERVER_ERROR, e.to_string()).into_response(),
    }
}
