//! By which operators a network computes.
//!
//! Not here: the operators themselves (crate `kernels`), and which of them a network is made of.

use burn::tensor::Device;

use crate::NetError;

/// How the network computes; both mean the same to rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operators {
    /// The operators of `karhunen-kernels`, on the CPU several times faster, and on cards.
    Fused,
    /// Compositions of tensor operations, on any device; what the fused ones are tested against.
    Composed,
}

impl Operators {
    /// The faster ones of a neural operator that run on a device.
    pub fn for_device(device: &Device) -> Self {
        if karhunen_kernels::supports(device) { Self::Fused } else { Self::Composed }
    }

    /// Refuses fused operators where `supported`, whether they run on the network's device, is false.
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
