//! The errors of a server.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// Errors of the server as a whole. An error of one request is reported to its sender.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Other machines can reach the address, but no token is set.
    #[error("address {0}: other machines can reach it, and there is no token")]
    NoToken(IpAddr),
    /// The token is short enough to be guessed.
    #[error("a token of {length} characters; it must have at least {least}")]
    ShortToken {
        /// Its number of characters.
        length: usize,
        /// The smallest allowed number of characters.
        least: usize,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(String),
    /// No model is given.
    #[error("no model to show")]
    NoModels,
    /// A model is named twice.
    #[error("{path}: named twice", path = .0.display())]
    Twice(PathBuf),
    /// The limit would refuse every request.
    #[error("{name} {value}: it must be at least {least}")]
    Limit {
        /// Name of the limit.
        name: &'static str,
        /// The given value.
        value: u64,
        /// The smallest sensible value.
        least: u64,
    },
    /// The server cannot listen on the address and port.
    #[error("{address}: cannot be listened on: {source}")]
    Listen {
        /// The address and port.
        address: SocketAddr,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The system provides no threads or sockets.
    #[error("the system gives no threads or sockets: {0}")]
    System(std::io::Error),
    /// An error of a model or a device.
    #[error(transparent)]
    Library(#[from] karhunen::Error),
}
