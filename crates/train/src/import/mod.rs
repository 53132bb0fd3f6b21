//! Networks that were trained elsewhere.

pub mod published;
mod state_dict;
