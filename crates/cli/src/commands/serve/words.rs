//! Why a server cannot begin, in the words of its options, and the knob to turn.

use std::io::ErrorKind;

use karhunen_serve::ServeError;

/// What is wrong, by the names of the options that were typed.
pub fn in_options(error: &ServeError) -> String {
    match error {
        ServeError::NoToken(_) | ServeError::Limit { .. } => format!("--{error}"),
        ServeError::Twice(_) => format!("--model {error}"),
        ServeError::ShortToken { .. } => format!("--token: {error}"),
        error => error.to_string(),
    }
}

/// What to do about it.
pub fn help(error: &ServeError) -> Option<String> {
    let text = match error {
        ServeError::NoToken(_) => {
            "put a secret of 16 characters or more into the variable KARHUNEN_TOKEN, or leave --address out"
        }
        ServeError::ShortToken { .. } => "make a longer one, say by `openssl rand -hex 16`",
        ServeError::NoModels => "name one with --model, or leave --only out",
        ServeError::Twice(_) => "name it once",
        ServeError::Limit { .. } => "leave it out, or give a larger number",
        ServeError::Listen { source, .. } => match source.kind() {
            ErrorKind::AddrInUse => "choose another --port, or --port 0 for any that is free",
            ErrorKind::PermissionDenied => "choose a --port from 1024, or --port 0",
            _ => "leave --address out, or give one that this machine has",
        },
        ServeError::System(_) | ServeError::Random(_) => "end other programs, or start it again",
        _ => return None,
    };
    Some(text.into())
}
