//! Neural operators as denoisers of functions.
//!
//! Networks see one flattened point axis, `[batch, points, channel]`, together with the grid.
//! Point-wise layers do not depend on the dimension, and the spectral layer applies one small dense
//! transform per axis. A [`Model`] combines a network with the affine denoiser that mean and
//! spectrum already give ([`preconditioning`]). It implements
//! [`karhunen_field::denoiser::Denoiser`].
//!
//! The project's own terms (band, ladder, nested, …) are explained in `docs/glossary.md`.
//!
//! Data, losses and optimizers are in crate `train`, samplers in crate `field`.

mod asked;
pub mod band;
pub mod classifier;
pub mod device;
pub mod discriminator;
mod error;
pub mod fno;
mod fno_config;
mod fno_costs;
mod fno_forward;
mod given;
mod grid_transfer;
pub mod local;
pub mod model;
pub mod nested;
mod nested_config;
mod nested_forward;
pub mod nested_stage;
pub mod network;
mod operators;
mod oversampling;
pub mod parameters;
mod planes;
pub mod preconditioning;
pub mod spectral;
pub mod time_embedding;
pub mod unet;
mod unet_composed;
mod unet_config;
mod unet_fused;

pub use asked::{Asked, OtherFields};
pub use band::Band;
pub use burn::tensor::Device;
pub use device::DeviceChoice;
pub use discriminator::Discriminator;
pub use error::NetError;
pub use fno::Fno;
pub use fno_config::{Conditioning, Coordinates, FnoConfig, LocalKernels};
pub use given::Given;
pub use karhunen_kernels::Values;
pub use model::{Conditioned, Model};
pub use nested::Nested;
pub use nested_config::NestedConfig;
pub use network::{Network, NetworkConfig};
pub use operators::Operators;
pub use parameters::{Named, Parameters};
pub use preconditioning::{Preconditioner, Preconditioning, Share};
pub use unet::UNet;
pub use unet_config::UNetConfig;
