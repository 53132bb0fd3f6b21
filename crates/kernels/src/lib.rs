//! Fused operators of neural operators, with hand-written gradients.
//!
//! Four operators decide how fast a Fourier neural operator trains: [`spectral_block`] (one whole
//! layer), [`depthwise_stencil`] (a local kernel before it), [`pointwise_mlp`] (the projection) and
//! [`pointwise_linear`] (the lifting), and of a layer that does not alias
//! [`spectral_block_oversampled`]; three how fast a U-Net does: [`convolution`],
//! [`group_norm_silu`] and [`join_channels`]. Each is plain Rust on slices, written once over lanes of `f32` and compiled for AVX-512, AVX2 + FMA, NEON and
//! the target's own instructions; [`Level`] says which one runs. Channels are last, points are one
//! flattened axis.
//!
//! Results are the same bits for any number of threads, and a field's do not depend on its batch
//! mates; this holds on one [`Level`], another changes the last bits. Gradients are first order.
//!
//! With the features `wgpu`, `vulkan` or `cuda` the operators of the neural operator run on GPUs as well (`gpu`).
//!
//! `operators` and `images` are where tensors meet slices; nothing else here knows a tensor library. This is the
//! only crate where `unsafe` lives. Not here: compositions of tensor operations that say the same
//! thing slowly; they are the caller's fallback on other devices and the tests' oracle.

mod activation;
mod adamw;
mod axes;
mod axis_maps;
mod block;
mod block_modes;
mod buffer;
mod conv_plan;
mod conv_weights;
mod convolution;
mod depthwise;
mod error;
mod flex;
mod folded;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod gpu;
mod gradients;
mod images;
mod images_flex;
mod images_gradients;
mod join;
mod linear;
mod mapped;
mod mixing;
mod mlp;
mod norm;
mod norm_rows;
mod operators;
mod oversampled;
mod oversampled_ops;
mod oversampling;
mod plan;
mod product;
mod residual;
mod residual_ops;
mod rms_rows;
mod rows;
mod segments;
mod share;
mod simd;
mod stencil;
#[cfg(test)]
mod tests;
mod tiles;
mod transform;
mod values;

pub use adamw::{AdamW, sum_of_squares};
pub use axis_maps::AxisMaps;
pub use block::Activation;
pub use buffer::tensor_data;
pub use conv_plan::{ConvPlan, ConvShape};
pub use error::KernelError;
pub use images::{NormParameters, convolution, group_norm_silu, join_channels, supports_images};
pub use mapped::Mapped;
pub use operators::{
    LayerParameters, MlpParameters, depthwise_stencil, pointwise_linear, pointwise_mlp,
    spectral_block, supports,
};
pub use oversampled_ops::{oversampled_gelu, spectral_block_oversampled, supports_oversampling};
pub use oversampling::OversamplingPlan;
pub use plan::SpectralPlan;
pub use residual_ops::{ResidualParameters, map_axes, residual_mlp, supports_residual};
pub use simd::Level;
pub use stencil::{StencilAxis, StencilPlan};
pub use values::Values;
