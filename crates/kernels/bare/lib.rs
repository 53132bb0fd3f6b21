//! The kernels on slices and their tests, without the tensor library: compiled in a fifth of a minute under whatever looks for
//! wrong memory and for races (`.ci/sanitizer`). Nothing here is new; modules are those of `../src`, and two crates beside
//! this file have the few names of the tensor library that buffers mention.

#![allow(dead_code, unused_imports)]

#[path = "../src/activation.rs"]
mod activation;
#[path = "../src/adamw.rs"]
mod adamw;
#[path = "../src/axes.rs"]
mod axes;
#[path = "../src/axis_maps.rs"]
mod axis_maps;
#[path = "../src/block.rs"]
mod block;
#[path = "../src/block_modes.rs"]
mod block_modes;
#[path = "../src/buffer.rs"]
mod buffer;
#[path = "../src/conv_plan.rs"]
mod conv_plan;
#[path = "../src/conv_weights.rs"]
mod conv_weights;
#[path = "../src/convolution.rs"]
mod convolution;
#[path = "../src/depthwise.rs"]
mod depthwise;
#[path = "../src/error.rs"]
mod error;
#[path = "../src/folded.rs"]
mod folded;
#[path = "../src/join.rs"]
mod join;
#[path = "../src/linear.rs"]
mod linear;
#[path = "../src/mixing.rs"]
mod mixing;
#[path = "../src/mlp.rs"]
mod mlp;
#[path = "../src/norm.rs"]
mod norm;
#[path = "../src/norm_rows.rs"]
mod norm_rows;
#[path = "../src/oversampled.rs"]
mod oversampled;
#[path = "../src/oversampling.rs"]
mod oversampling;
#[path = "../src/plan.rs"]
mod plan;
#[path = "../src/product.rs"]
mod product;
#[path = "../src/residual.rs"]
mod residual;
#[path = "../src/rms_rows.rs"]
mod rms_rows;
#[path = "../src/rows.rs"]
mod rows;
#[path = "../src/segments.rs"]
mod segments;
#[path = "../src/share.rs"]
mod share;
#[path = "../src/simd/mod.rs"]
mod simd;
#[path = "../src/stencil.rs"]
mod stencil;
#[cfg(test)]
#[path = "../src/tests/mod.rs"]
mod tests;
#[path = "../src/tiles.rs"]
mod tiles;
#[path = "../src/transform.rs"]
mod transform;

pub use adamw::{AdamW, sum_of_squares};
pub use axis_maps::AxisMaps;
pub use block::Activation;
pub use buffer::tensor_data;
pub use conv_plan::{ConvPlan, ConvShape};
pub use error::KernelError;
pub use oversampling::OversamplingPlan;
pub use plan::SpectralPlan;
pub use simd::Level;
pub use stencil::{StencilAxis, StencilPlan};
