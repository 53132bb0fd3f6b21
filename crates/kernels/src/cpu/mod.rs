//! The operators on slices of `f32`, on the CPU.
//!
//! Each operator has a forward and a backward pass on plain slices. Work is shared among threads
//! such that results do not depend on their number. Only `buffer` depends on a tensor library: its
//! memory becomes that of a tensor without a copy.

pub(crate) mod activation;
pub(crate) mod adamw;
pub(crate) mod axes;
pub(crate) mod axis_maps;
pub(crate) mod block;
mod block_backward;
pub(crate) mod block_modes;
pub(crate) mod buffer;
pub(crate) mod conv_weights;
pub(crate) mod convolution;
pub(crate) mod depthwise;
pub(crate) mod folded;
pub(crate) mod join;
pub(crate) mod linear;
pub(crate) mod mapped;
pub(crate) mod mixing;
pub(crate) mod mlp;
pub(crate) mod muon;
pub(crate) mod norm;
pub(crate) mod norm_rows;
pub(crate) mod oversampled;
pub(crate) mod product;
pub(crate) mod residual;
pub(crate) mod rms_rows;
pub(crate) mod rows;
pub(crate) mod segments;
pub(crate) mod share;
pub(crate) mod tiles;
pub(crate) mod transform;
