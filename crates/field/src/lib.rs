//! The mathematics of generative models of *functions*.
//!
//! A sample is a function f: Ω → R^C on a box Ω = ∏ⱼ [0, Lⱼ]. A [`Grid`] is one discretisation of
//! the box. All definitions depend on the grid as little as possible: inner products are means over
//! points, noise is a Gaussian field with a trace-class covariance, and one `(seed, index)` names
//! the same function on every grid.
//!
//! The project's own terms (band, floor, nested noise, …) are explained in `docs/glossary.md`.
//!
//! This crate holds no networks, files, threads or progress bars. All arithmetic is in `f64`;
//! networks convert their inputs and outputs themselves, and samplers may keep large fields in `f32`.

mod boundaries;
pub mod calibration;
pub mod denoiser;
pub mod ensemble;
mod error;
pub mod grid;
pub mod guidance;
pub mod invariance;
pub mod large_box;
pub mod law;
pub mod level_set;
pub mod likelihood;
mod lines;
pub mod metrics;
pub mod modes;
pub mod moments;
pub mod motion;
pub mod noise;
pub mod observation;
pub mod path;
mod per_grid;
pub mod prior;
pub mod resample;
pub mod sampler;
mod scalar;
pub mod transform;

pub use boundaries::Boundaries;
pub use calibration::Calibration;
pub use denoiser::Denoiser;
pub use ensemble::{Ensemble, Field};
pub use error::FieldError;
pub use grid::{Axis, Boundary, Grid};
pub use guidance::Conditioning;
pub use law::GaussianLaw;
pub use modes::Mode;
pub use moments::Moments;
pub use noise::ModeNoise;
pub use observation::{Observation, Observations};
pub use path::{Path, TimeGrid, VariancePreserving};
pub use per_grid::{PerGrid, Tables};
pub use prior::Prior;
pub use sampler::Sampler;
pub use scalar::Scalar;
pub use transform::Transform;
