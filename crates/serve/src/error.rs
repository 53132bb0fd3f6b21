//! Why a server cannot begin, or cannot go on.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// Errors of a server as a whole. What is wrong with one request is told to whoever made it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// An address that others can reach, without a token.
    #[error("address {0}: other machines can reach it, and there is no token")]
    NoToken(IpAddr),
    /// A token that can be guessed.
    #[error("a token of {length} characters; it must have at least {least}")]
    ShortToken {
        /// Characters it has.
        length: usize,
        /// Characters it must have.
        least: usize,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(String),
    /// No model to show.
    #[error("no model to show")]
    NoModels,
    /// Two models that a list cannot tell apart.
    #[error("{path}: named twice", path = .0.display())]
    Twice(PathBuf),
    /// A limit that would refuse everything.
    #[error("{name} {value}: it must be at least {least}")]
    Limit {
        /// Which.
        name: &'static str,
        /// As it was given.
        value: u64,
        /// The least that makes sense.
        least: u64,
    },
    /// An address and port that cannot be listened on.
    #[error("{address}: cannot be listened on: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Threads or sockets that the system does not give.
    #[error("the system gives no threads or sockets: {0}")]
    System(std::io::Error),
    /// A model or a device.
    #[error(transparent)]
    Library(#[from] karhunen::Error),
}
