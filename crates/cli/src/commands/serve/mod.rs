//! `karhunen serve`: models on a page in the browser.

mod words;

use std::sync::Arc;

use karhunen_serve::{Log, ServeError, Server};
use tracing::{debug, info};

use crate::args::ServeArgs;
use crate::failure::Failure;
use crate::report::print_line;
use crate::signals;

/// Answers until a signal ends it.
pub fn run(args: &ServeArgs) -> Result<(), Failure> {
    let server = Server::open(&args.options()?)?;
    let stop = signals::listen_to_end();
    print_line(&server.url())?;
    info!("open this address in a browser; Ctrl-C stops the server");
    let log: Log = Arc::new(|line| debug!("{line}"));
    server.run(&stop, &log)?;
    Err(Failure::interrupted("the server has stopped"))
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        let help = words::help(&error);
        let failure = match error {
            ServeError::Library(error) => return error.into(),
            ServeError::System(_) | ServeError::Random(_) => Self::run(error.to_string()),
            error => Self::usage(words::in_options(&error)),
        };
        match help {
            Some(help) => failure.help(help),
            None => failure,
        }
    }
}
