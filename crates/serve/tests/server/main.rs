//! Tests of a server over a real connection.

mod client;
mod ends;
mod fields;
mod guarding;
mod limits;
