//! Networks that were trained elsewhere.

pub mod published;
