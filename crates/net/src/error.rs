//! What can be wrong with a network.

use crate::DeviceChoice;

/// Errors of this crate.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// A configuration value outside its range.
    #[error("network.{key} = {value}: {requirement}")]
    Config {
        /// Key in the `[network]` table.
        key: &'static str,
        /// Value given.
        value: String,
        /// What it must satisfy.
        requirement: &'static str,
    },
    /// A ladder that a nested network cannot hold.
    #[error("levels: {grid}: {requirement}")]
    Levels {
        /// The level at fault.
        grid: String,
        /// What it must satisfy.
        requirement: &'static str,
    },
    /// Stored parameters that do not belong to this architecture.
    #[error("parameter {name}: this network wants shape {expected:?}, the file has {found:?}")]
    Parameter {
        /// Name of the parameter.
        name: String,
        /// Shape the architecture has.
        expected: Vec<usize>,
        /// Shape found; empty where it is missing.
        found: Vec<usize>,
    },
    /// A field that the network was not built for.
    #[error("the network was built for {expected}, this field has {found}")]
    Input {
        /// What it was built for.
        expected: String,
        /// What it was given.
        found: String,
    },
    /// The tensor library failed to compute or to hand back a result.
    #[error("computation failed: {0}")]
    Compute(String),
    /// A name that is no device.
    #[error("`{text}` is no device; write cpu, gpu, or gpu:1 for the second one")]
    UnknownDevice {
        /// What was written.
        text: String,
    },
    /// A GPU in a build that knows none.
    #[error("device {asked}: this program was built for the CPU alone")]
    CpuBuild {
        /// What was asked for.
        asked: DeviceChoice,
    },
    /// A GPU that is not there, or that its driver does not open.
    #[error("device {asked}: {message}")]
    Gpu {
        /// What was asked for.
        asked: DeviceChoice,
        /// What is there, or what the driver says.
        message: String,
    },
    /// A fused operator refused its operands.
    #[error(transparent)]
    Kernel(#[from] karhunen_kernels::KernelError),
    /// The mathematics below refused.
    #[error(transparent)]
    Field(#[from] karhunen_field::FieldError),
}
