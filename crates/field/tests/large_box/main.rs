//! Boxes larger than the trained box, with Gaussian data, for which all answers are known.

mod data;
mod denoising;
mod laws;
mod sampling;
