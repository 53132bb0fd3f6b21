//! Boxes larger than the trained one, of Gaussian data, where everything is known.

mod data;
mod denoising;
mod laws;
mod sampling;
