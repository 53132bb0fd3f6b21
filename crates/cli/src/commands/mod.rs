//! One command a file: a plan made of the arguments, then the work.

pub mod bench;
pub mod calibrate;
pub mod classifier;
pub mod compare;
pub mod distil;
pub mod evaluate;
pub mod export;
pub mod generate;
pub mod import;
pub mod inspect;
pub mod likelihood;
pub mod merge;
pub mod models;
pub mod prior;
pub mod quickstart;
pub mod report;
pub mod sample;
#[cfg(feature = "serve")]
pub mod serve;
pub mod status;
pub mod train;
