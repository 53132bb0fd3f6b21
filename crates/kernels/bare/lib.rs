//! The kernels on slices and their tests without the tensor library, so that sanitizers compile them quickly
//! (`.ci/sanitizer`). There is no code of its own: the modules are those of `../src`. Two crates beside this file declare
//! the few names of the tensor library that buffers use.

#![allow(dead_code, unused_imports)]

#[path = "../src/cpu/mod.rs"]
mod cpu;
#[path = "../src/error.rs"]
mod error;
#[path = "../src/plan/mod.rs"]
mod plan;
#[path = "../src/simd/mod.rs"]
mod simd;
#[cfg(test)]
#[path = "../src/tests/mod.rs"]
mod tests;

pub use cpu::adamw::{AdamW, sum_of_squares};
pub use cpu::axis_maps::AxisMaps;
pub use cpu::block::Activation;
pub use cpu::buffer::tensor_data;
pub use cpu::mapped::Mapped;
pub use cpu::muon::Muon;
pub use error::KernelError;
pub use plan::convolution::{ConvPlan, ConvShape};
pub use plan::oversampling::OversamplingPlan;
pub use plan::spectral::SpectralPlan;
pub use plan::stencil::{StencilAxis, StencilPlan};
pub use simd::Level;
