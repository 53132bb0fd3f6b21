//! The choice of operators with which a network computes.
//!
//! The operators themselves are in crate `kernels`.

use burn::tensor::Device;

use crate::NetError;

/// The implementation of a network's operators. Both give the same results up to rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operators {
    /// The fused operators of `karhunen-kernels`, for the CPU (several times faster there) and for
    /// GPUs.
    Fused,
    /// Compositions of tensor operations, for any device. The fused operators are tested against
    /// them.
    Composed,
}

impl Operators {
    /// The fastest operators of a neural operator that run on a device.
    pub fn for_device(device: &Device) -> Self {
        if karhunen_kernels::supports(device) { Self::Fused } else { Self::Composed }
    }

    /// Refuses fused operators if `supported` is false, that is, if they do not run on the
    /// network's device.
    pub(crate) fn check(self, supported: bool) -> Result<(), NetError> {
        if self == Self::Composed || supported {
            return Ok(());
        }
        Err(NetError::Config {
            key: "operators",
            value: "fused".into(),
            requirement: "this network's fused operators do not run on this device",
        })
    }
}
