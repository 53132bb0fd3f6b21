//! Devices: the CPU, or a GPU that both the build and the machine have.
//!
//! A device is chosen when a program starts and is not part of any configuration. Weights are
//! stored on the host by name, so a model trained on one device can be trained further or sampled
//! on another. A request for a GPU gets that GPU or an error, never the CPU instead. Both kinds of
//! device use fused operators ([`crate::Operators::Fused`]) of their own.

use std::fmt;
use std::str::FromStr;

use burn::tensor::Device;

use crate::NetError;

/// A device as a user names it: `cpu`, `gpu` or `gpu:1`.
///
/// # Example
/// ```
/// use karhunen_net::DeviceChoice;
/// assert_eq!("gpu".parse(), Ok(DeviceChoice::Gpu(0)));
/// assert_eq!(DeviceChoice::Gpu(1).to_string(), "gpu:1");
/// assert!("gpu:one".parse::<DeviceChoice>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// The CPU.
    #[default]
    Cpu,
    /// A GPU by its number. Discrete cards come first, then integrated and virtual ones, then
    /// software drivers. In a build with CUDA, the number is that of CUDA.
    Gpu(usize),
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Gpu(number) => write!(f, "gpu:{number}"),
        }
    }
}

impl FromStr for DeviceChoice {
    type Err = NetError;

    fn from_str(text: &str) -> Result<Self, NetError> {
        let number = match text {
            "cpu" => return Ok(Self::Cpu),
            "gpu" => Some(0),
            _ => text.strip_prefix("gpu:").and_then(|n| n.parse().ok()),
        };
        number.map(Self::Gpu).ok_or_else(|| NetError::UnknownDevice { text: text.into() })
    }
}

impl DeviceChoice {
    /// Opens the device and returns it with the name of the card, if it is one.
    ///
    /// # Errors
    /// [`NetError::CpuBuild`] for a GPU in a build without one of the features `wgpu`, `vulkan`,
    /// `cuda`; [`NetError::Gpu`] where the machine has no such card or it cannot be opened.
    pub fn open(self) -> Result<(Device, Option<String>), NetError> {
        match self {
            Self::Cpu => Ok((Device::flex(), None)),
            #[cfg(any(feature = "wgpu", feature = "cuda"))]
            Self::Gpu(number) => gpu(number)
                .map(|(device, name)| (device, Some(name)))
                .map_err(|message| NetError::Gpu { asked: self, message }),
            #[cfg(not(any(feature = "wgpu", feature = "cuda")))]
            Self::Gpu(_) => Err(NetError::CpuBuild { asked: self }),
        }
    }
}

/// Whether a device is the CPU. There, many small computations are as fast as one large one.
pub fn is_cpu(device: &Device) -> bool {
    device.clone().without_autodiff() == Device::flex()
}

#[cfg(feature = "cuda")]
fn gpu(number: usize) -> Result<(Device, String), String> {
    use burn::tensor::DeviceType;
    let found = Device::enumerate(DeviceType::Cuda).into_vec();
    let device = found.get(number).ok_or_else(|| missing("CUDA device", found.len()))?;
    let name = device.identity().map_or_else(|| format!("{device:?}"), |i| i.name);
    Ok((device.clone(), format!("{name} (CUDA)")))
}

#[cfg(all(feature = "wgpu", not(feature = "cuda")))]
use adapters::gpu;

/// GPUs through wgpu, with any graphics interface that the system offers.
#[cfg(all(feature = "wgpu", not(feature = "cuda")))]
mod adapters {
    use std::sync::Mutex;

    use burn::backend::wgpu::{
        RuntimeOptions, WgpuDevice, graphics::AutoGraphicsApi, try_init_setup, wgpu::DeviceType,
    };
    use burn::backend::{CubeDevice, DispatchDevice, WgpuDeviceKind};
    use burn::tensor::Device;

    /// Adapters opened so far. Each is opened once in a process and then shared.
    static OPENED: Mutex<Vec<(WgpuDevice, String)>> = Mutex::new(Vec::new());

    pub fn gpu(number: usize) -> Result<(Device, String), String> {
        let mut opened = OPENED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let found = ranked();
        let device = found.get(number).ok_or_else(|| super::missing("adapter", found.len()))?;
        let known = opened.iter().find(|(d, _)| d == device).map(|(_, name)| name.clone());
        let name = match known {
            Some(name) => name,
            None => {
                let name = open(device)?;
                opened.push((device.clone(), name.clone()));
                name
            }
        };
        Ok((Device::new(device.clone()), name))
    }

    /// All adapters, in the order of their numbers.
    fn ranked() -> Vec<WgpuDevice> {
        let devices = Device::enumerate(burn::tensor::DeviceType::Wgpu).into_vec();
        let mut found: Vec<WgpuDevice> = Vec::new();
        for device in &devices {
            if let DispatchDevice::Cube(CubeDevice::Wgpu(device)) = device.as_dispatch()
                && !found.contains(device)
            {
                found.push(device.clone());
            }
        }
        found.sort_by_key(|device| match device.kind {
            WgpuDeviceKind::DiscreteGpu(_) => 0,
            WgpuDeviceKind::IntegratedGpu(_) => 1,
            WgpuDeviceKind::VirtualGpu(_) => 2,
            WgpuDeviceKind::Cpu => 4,
            _ => 3,
        });
        found
    }

    fn open(device: &WgpuDevice) -> Result<String, String> {
        let options = RuntimeOptions::try_default().map_err(|e| e.to_string())?;
        let setup =
            try_init_setup::<AutoGraphicsApi>(device, options).map_err(|e| e.to_string())?;
        let info = setup.adapter.get_info();
        let software = match info.device_type {
            DeviceType::Cpu => ", a software driver: slower than the CPU itself",
            _ => "",
        };
        Ok(format!("{} ({:?}{software})", info.name, info.backend))
    }
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
fn missing(what: &str, found: usize) -> String {
    match found {
        0 => format!("no {what} is found"),
        1 => format!("one {what} is found, gpu:0"),
        _ => format!("{found} {what}s are found, gpu:0 to gpu:{}", found - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_others_refused() {
        for choice in [DeviceChoice::Cpu, DeviceChoice::Gpu(0), DeviceChoice::Gpu(12)] {
            assert_eq!(choice.to_string().parse(), Ok(choice));
        }
        for text in ["", "GPU", "gpu:", "gpu:-1", "gpu:1.5", "cuda", "cpu:0"] {
            let refused = NetError::UnknownDevice { text: text.into() };
            assert_eq!(text.parse::<DeviceChoice>(), Err(refused));
        }
    }

    #[test]
    fn the_cpu_is_always_there() {
        let (device, name) = DeviceChoice::Cpu.open().unwrap();
        assert!(is_cpu(&device) && is_cpu(&device.autodiff()) && name.is_none());
    }

    #[cfg(not(any(feature = "wgpu", feature = "cuda")))]
    #[test]
    fn a_build_without_gpus_says_so() {
        let refused = DeviceChoice::Gpu(1).open().map(|_| ());
        assert_eq!(refused, Err(NetError::CpuBuild { asked: DeviceChoice::Gpu(1) }));
    }
}
