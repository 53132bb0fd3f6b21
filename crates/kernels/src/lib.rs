//! Fused operators for neural operators, with hand-written gradients.
//!
//! - A Fourier neural operator uses [`spectral_block`] (one whole layer),
//!   [`spectral_block_oversampled`] (a layer that does not alias), [`depthwise_stencil`] (a local
//!   kernel before a layer), [`pointwise_linear`] (the lifting) and [`pointwise_mlp`] (the
//!   projection).
//! - A nested network (one stage a training grid) uses [`depthwise_stencil`], [`residual_mlp`] (the
//!   point-wise half of a residual block) and [`map_axes`] (the transfer from one grid to another).
//! - A U-Net uses [`convolution`], [`group_norm_silu`] and [`join_channels`].
//!
//! Channels are last, and points are one flattened axis. Results are bit-identical for any number
//! of threads, and the result for a field does not depend on the other fields of its batch. This
//! holds on one [`Level`] of instructions; another level changes the last bits. Gradients are of
//! first order only.
//!
//! | module | contents |
//! |---|---|
//! | `plan` | the tables that an operator needs of a grid |
//! | `cpu` | the operators on slices, forward and backward |
//! | `simd` | lanes of `f32`, compiled for AVX-512, AVX2 + FMA, NEON and the target's own instructions |
//! | `gpu` | the operators of the neural operator and of the nested network on GPUs (features `wgpu`, `vulkan`, `cuda`) |
//! | `burn` | the operators on tensors, with their nodes for automatic differentiation |
//!
//! Only `burn`, `gpu` and `cpu::buffer` (memory that becomes a tensor's) depend on the tensor
//! library. This is the only crate with `unsafe` code. Crate `karhunen-net` holds slower
//! compositions of tensor operations with the same results. They serve other devices and are the
//! reference in tests.

mod burn;
mod cpu;
mod error;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod gpu;
mod plan;
mod simd;
#[cfg(test)]
mod tests;

pub use crate::burn::images::{
    NormParameters, convolution, group_norm_silu, join_channels, supports_images,
};
pub use crate::burn::operators::{
    LayerParameters, MlpParameters, depthwise_stencil, pointwise_linear, pointwise_mlp,
    spectral_block, supports,
};
pub use crate::burn::oversampled::{
    oversampled_gelu, spectral_block_oversampled, supports_oversampling,
};
pub use crate::burn::residual::{ResidualParameters, map_axes, residual_mlp};
pub use crate::burn::values::Values;
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
