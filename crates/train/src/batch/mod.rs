//! What a step sees: its fields, times and noise, the loss of the network's answer, its pieces for the
//! ranks of a job.

pub(crate) mod batches;
pub(crate) mod inputs;
pub(crate) mod loss;
pub mod pieces;
pub mod times;

pub use crate::data::level::LevelData;
pub use batches::Batches;
pub use inputs::Batch;
