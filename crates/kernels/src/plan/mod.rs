//! Plans: the shapes, transforms and tables that an operator needs of a grid. They are computed
//! once and used in every step.
//!
//! A plan serves both the CPU and GPUs.

pub(crate) mod convolution;
pub(crate) mod oversampling;
pub(crate) mod spectral;
pub(crate) mod stencil;
