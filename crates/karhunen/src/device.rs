//! Opens the device that was asked for, and says which card it is.

use karhunen_net::{Device, DeviceChoice};

use crate::Error;

/// Opens a device; the name of a card is told.
///
/// # Errors
/// [`Error::Device`] for one that the build or the machine does not have.
pub fn open(choice: DeviceChoice, tell: &mut dyn FnMut(&str)) -> Result<Device, Error> {
    let (device, card) = choice.open().map_err(Error::Device)?;
    if let Some(name) = card {
        tell(&format!("device {choice}: {name}"));
    }
    Ok(device)
}
