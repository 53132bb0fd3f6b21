//! Opens the device a command was asked to compute on, and says which card it is.

use karhunen_net::{Device, NetError};
use karhunen_train::TrainError;
use tracing::info;

use crate::args::DeviceArgs;
use crate::failure::Failure;

/// The device, opened before anything is read: what is not there is refused first.
pub fn open(args: &DeviceArgs) -> Result<Device, Failure> {
    let (device, card) = args.device.open().map_err(refused)?;
    if let Some(name) = card {
        info!("device {}: {name}", args.device);
    }
    Ok(device)
}

fn refused(error: NetError) -> Failure {
    let help = match &error {
        NetError::CpuBuild { .. } => {
            "build it with `cargo build --release --features wgpu`, or leave --device out"
        }
        _ => "install the card's Vulkan, Metal or DirectX driver, or leave --device out",
    };
    Failure::refused(TrainError::from(error)).help(help)
}
