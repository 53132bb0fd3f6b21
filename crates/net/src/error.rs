//! The errors of this crate.

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
        /// The requirement that it fails.
        requirement: &'static str,
    },
    /// A list of levels that a nested network does not support.
    #[error("levels: {grid}: {requirement}")]
    Levels {
        /// The level at fault.
        grid: String,
        /// The requirement that it fails.
        requirement: &'static str,
    },
    /// Stored parameters that do not belong to this architecture.
    #[error("parameter {name}: this network wants shape {expected:?}, the file has {found:?}")]
    Parameter {
        /// Name of the parameter.
        name: String,
        /// Shape in this architecture.
        expected: Vec<usize>,
        /// Shape found; empty if the parameter is missing.
        found: Vec<usize>,
    },
    /// A field of a kind for which the network was not built.
    #[error("the network was built for {expected}, this field has {found}")]
    Input {
        /// What the network was built for.
        expected: String,
        /// What it was given.
        found: String,
    },
    /// The tensor library failed to compute or to return a result.
    #[error("computation failed: {0}")]
    Compute(String),
    /// A name that is not a device.
    #[error("`{text}` is no device; write cpu, gpu, or gpu:1 for the second one")]
    UnknownDevice {
        /// The text given.
        text: String,
    },
    /// A GPU requested in a build without GPU support.
    #[error("device {asked}: this program was built for the CPU alone")]
    CpuBuild {
        /// The device requested.
        asked: DeviceChoice,
    },
    /// A GPU that does not exist or that its driver does not open.
    #[error("device {asked}: {message}")]
    Gpu {
        /// The device requested.
        asked: DeviceChoice,
        /// The available devices, or the driver's message.
        message: String,
    },
    /// An error of a fused operator about its operands.
    #[error(transparent)]
    Kernel(#[from] karhunen_kernels::KernelError),
    /// An error of the mathematics in crate `field`.
    #[error(transparent)]
    Field(#[from] karhunen_field::FieldError),
}
