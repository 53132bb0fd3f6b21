//! A page in the browser that samples models: `karhunen serve`.
//!
//! The server answers on one address. It shows the models that it was given and those that come with the
//! program, and nothing else of the disk: a request names a model by its number in that list. One worker samples one
//! request after another with all cores; the others wait in a queue that is bounded. A request whose reader has gone is
//! ended before its next evaluation of the network.
//!
//! | file | what |
//! |---|---|
//! | `options` | where to listen, what to show, how much may be asked for |
//! | `shelf` | the models, opened when they are first asked for |
//! | `ask` | what a page asks for, as options of the library and as a command line |
//! | `observed` | places with values, as an observation and as a file |
//! | `queue` | one worker, a bounded number of jobs |
//! | `work` | a job: fields as they form, the fields, files |
//! | `frame` | fields as small grey numbers for the page |
//! | `guard` | who may ask: Host, Origin, token |
//! | `routes` | what is answered where |
//! | `server` | connections, and their end |
//! | `page/` | the page itself |
//!
//! Not here: how fields are made (`karhunen`), and words for a terminal (`karhunen-cli`).
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
