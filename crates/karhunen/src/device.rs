//! Opens the requested device.

use karhunen_net::{Device, DeviceChoice};

use crate::Error;

/// Opens a device and reports the name of a card through `tell`.
///
/// # Errors
/// [`Error::Device`] for a device that the build or the machine does not have.
pub fn open(choice: DeviceChoice, tell: &mut dyn FnMut(&str)) -> Result<Device, Error> {
    let (device, card) = choice.open().map_err(Error::Device)?;
    if let Some(name) = card {
        tell(&format!("device {choice}: {name}"));
    }
    Ok(device)
}
