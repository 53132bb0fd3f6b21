//! The operators on tensors of Burn.
//!
//! `operators`, `oversampled`, `residual` and `images` are the functions that networks call. Each
//! has a native implementation for a backend (`flex` for the CPU, `gpu` for GPUs). Each also has a
//! node for automatic differentiation (`gradients`), which calls the hand-written backward pass.

pub(crate) mod flex;
pub(crate) mod gradients;
pub(crate) mod images;
pub(crate) mod images_flex;
pub(crate) mod images_gradients;
pub(crate) mod operators;
pub(crate) mod oversampled;
pub(crate) mod residual;
pub(crate) mod values;
