//! A server as others meet it: over a connection.

mod client;
mod ends;
mod fields;
mod guarding;
mod limits;
