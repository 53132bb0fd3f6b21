//! A page in the browser that samples models: `karhunen serve`.
//!
//! The server listens on one address. It shows the given models and the built-in ones. A request
//! names a model by its number in that list, so no other file on the disk can be reached. One
//! worker samples one request at a time with all cores. Other requests wait in a bounded queue. If
//! a reader disconnects, its request ends before the next network evaluation.
//!
//! | file | what |
//! |---|---|
//! | `options` | where the server listens, what it shows, and its limits |
//! | `shelf` | the models, opened when they are first used |
//! | `ask` | a request of the page, as options of the library and as a command line |
//! | `observed` | observed values at places, as an observation and as a file |
//! | `queue` | one worker and a bounded number of jobs |
//! | `work` | a job: unfinished fields, finished fields, files |
//! | `frame` | fields as small integers for the page |
//! | `guard` | the requests that are answered: Host, Origin, token |
//! | `routes` | the answer to each address |
//! | `server` | connections and their end |
//! | `page/` | the page itself |
//!
//! Crate `karhunen` makes the fields. Crate `karhunen-cli` writes to the terminal.
//!
//! # Example
//! ```
//! use karhunen_serve::{Log, ServeOptions, Server};
//! use std::sync::{Arc, atomic::AtomicBool};
//!
//! // port 0: any that is free
//! let server = Server::open(&ServeOptions { port: 0, ..ServeOptions::default() })?;
//! assert!(server.address().ip().is_loopback());
//! let log: Log = Arc::new(|line| println!("{line}"));
//! // a flag that is set ends it
//! server.run(&Arc::new(AtomicBool::new(true)), &log)?;
//! # Ok::<(), karhunen_serve::ServeError>(())
//! ```

mod answer;
mod ask;
mod error;
mod frame;
mod guard;
mod observed;
mod options;
mod queue;
mod routes;
mod server;
mod shelf;
mod work;

pub use error::ServeError;
pub use options::{Limits, ServeOptions, Token};
pub use server::{Log, Server};
