//! What operators need to know of a grid: shapes, transforms and tables, computed once and used in every step.
//!
//! A plan serves the CPU and cards alike.

pub(crate) mod convolution;
pub(crate) mod oversampling;
pub(crate) mod spectral;
pub(crate) mod stencil;
