//! A common interface to all networks, and the `[network]` table of a configuration.

use burn::tensor::{Device, Gradients, Tensor};
use karhunen_field::Grid;
use serde::{Deserialize, Serialize};

use crate::model::Inputs;
use crate::unet::UNet;
use crate::unet_config::UNetConfig;
use crate::{Fno, FnoConfig, Given, Nested, NestedConfig, NetError, Operators, Parameters};

/// A network as given in a configuration. `kind` selects it; the other keys belong to the kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum NetworkConfig {
    /// Fourier neural operator, which works at any resolution.
    Fno(FnoConfig),
    /// U-Net in dimension 2, the finite-dimensional baseline.
    Unet(UNetConfig),
    /// Nested network: one stage of local blocks for each level, each on its own grid.
    Nested(NestedConfig),
}

impl Default for NetworkConfig {
    fn default() -> Self {
        Self::Nested(NestedConfig::default())
    }
}

impl NetworkConfig {
    /// A network for `channels`-channel functions on the grids of the `levels`, coarse first, with
    /// seeded weights and a zero output layer.
    ///
    /// # Errors
    /// [`NetError::Config`] for values out of range; [`NetError::Levels`] for levels that a nested
    /// network does not support.
    ///
    /// # Panics
    /// If there is no level.
    pub fn build(
        &self,
        levels: &[Grid],
        channels: usize,
        seed: u64,
        device: &Device,
    ) -> Result<Network, NetError> {
        let finest = levels.last().expect("at least one level");
        Ok(match self {
            Self::Fno(config) => {
                Network::Fno(Box::new(Fno::new(config, finest, channels, seed, device)?))
            }
            Self::Unet(config) => {
                Network::UNet(Box::new(UNet::new(config, finest, channels, seed, device)?))
            }
            Self::Nested(config) => {
                Network::Nested(Box::new(Nested::new(config, levels, channels, seed, device)?))
            }
        })
    }

    /// Number of trainable values for functions of `channels` channels in dimension `dim` and this
    /// number of levels, computed without building the network.
    ///
    /// # Errors
    /// [`NetError::Config`] where a value is out of range.
    pub fn parameter_count(
        &self,
        levels: usize,
        dim: usize,
        channels: usize,
    ) -> Result<f64, NetError> {
        match self {
            Self::Fno(config) => config.parameter_count(dim, channels),
            Self::Unet(config) => config.check().map(|()| config.parameter_count(channels)),
            Self::Nested(config) => {
                config.check().map(|()| config.parameter_count(levels, dim, channels))
            }
        }
    }

    /// The keys that a user should lower if a network does not fit in memory.
    pub fn size_keys(&self) -> &'static str {
        match self {
            Self::Fno(_) => "network.width or network.modes",
            Self::Unet(_) => "network.channels or network.multipliers",
            Self::Nested(_) => "network.width or network.blocks",
        }
    }
}

/// A network.
#[derive(Debug, Clone)]
pub enum Network {
    /// A Fourier neural operator.
    Fno(Box<Fno>),
    /// A U-Net.
    UNet(Box<UNet>),
    /// A nested network.
    Nested(Box<Nested>),
}

/// Calls the same method on any kind of network.
macro_rules! of {
    ($network:expr, $n:ident => $call:expr) => {
        match $network {
            Network::Fno($n) => $call,
            Network::UNet($n) => $call,
            Network::Nested($n) => $call,
        }
    };
}

impl Network {
    /// Channels of the functions.
    pub fn channels(&self) -> usize {
        of!(self, n => n.channels())
    }

    /// The device the weights live on.
    pub fn device(&self) -> &Device {
        of!(self, n => n.device())
    }

    /// The operators used: fused where the device allows it.
    pub fn operators(&self) -> Operators {
        of!(self, n => n.operators())
    }

    /// Selects other operators.
    ///
    /// # Errors
    /// [`NetError::Config`] for fused operators on a device that they do not run on.
    pub fn set_operators(&mut self, operators: Operators) -> Result<(), NetError> {
        of!(self, n => n.set_operators(operators))
    }

    /// A copy of all parameters on the host, by name.
    ///
    /// # Errors
    /// [`NetError::Compute`] if the device does not return them.
    pub fn parameters(&self) -> Result<Parameters, NetError> {
        of!(self, n => n.parameters())
    }

    /// Replaces all parameters. On the CPU the network then shares these arrays instead of copying
    /// them.
    ///
    /// # Errors
    /// [`NetError::Parameter`] where a name is missing or a shape differs.
    pub fn set_parameters(&mut self, parameters: &Parameters) -> Result<(), NetError> {
        of!(self, n => n.set_parameters(parameters))
    }

    /// Releases the weights. On the CPU they are shared with the arrays that they were set from. To
    /// change those arrays in place, call this before and [`Network::set_parameters`] after. In
    /// between all weights are zero.
    pub fn release_parameters(&mut self) {
        of!(self, n => n.release_parameters());
    }

    /// Removes the gradients of all parameters from `gradients` and returns them.
    ///
    /// # Errors
    /// As [`Parameters::taken_gradients`].
    pub fn taken_gradients(&self, gradients: Gradients) -> Result<Parameters, NetError> {
        of!(self, n => Parameters::taken_gradients(n.weights(), gradients))
    }

    /// Adds a table of `count` classes with seeded rows. The rest of the network stays the same.
    ///
    /// # Errors
    /// [`NetError::Config`] for an FNO that takes time as an input channel.
    pub fn add_classes(&mut self, count: usize, seed: u64) -> Result<(), NetError> {
        of!(self, n => n.add_classes(count, seed))
    }

    /// Adds two seeded rows for each of `count` attributes. The rest of the network stays the same.
    ///
    /// # Errors
    /// [`NetError::Config`] for an FNO that takes time as an input channel.
    pub fn add_attributes(&mut self, count: usize, seed: u64) -> Result<(), NetError> {
        of!(self, n => n.add_attributes(count, seed))
    }

    /// Adds an input of `channels` channels of other fields, with seeded weights. The rest of the
    /// network stays the same.
    ///
    /// # Errors
    /// [`NetError::Config`] for a U-Net.
    pub fn add_condition(&mut self, channels: usize, seed: u64) -> Result<(), NetError> {
        of!(self, n => n.add_condition(channels, seed))
    }

    /// Number of attributes; 0 for most networks.
    pub fn attribute_count(&self) -> usize {
        of!(self, n => n.attribute_count())
    }

    /// Number of channels of other fields that the network takes; 0 for most networks.
    pub fn condition_channels(&self) -> usize {
        of!(self, n => n.condition_channels())
    }

    /// Number of classes; 0 for an unlabelled network.
    pub fn class_count(&self) -> usize {
        of!(self, n => n.class_count())
    }

    /// The grid on which fields of a grid are evaluated. For a nested network it is the grid of a
    /// level; for other networks it is the same grid.
    pub fn grid_for(&self, grid: &Grid) -> Grid {
        match self {
            Self::Nested(nested) => *nested.level_for(grid),
            _ => *grid,
        }
    }

    /// The level from which on a parameter is trained, by its name. `None` for networks whose
    /// parameters all serve every level.
    pub fn level_of(&self, parameter: &str) -> Option<usize> {
        match self {
            Self::Nested(_) => Nested::stage_of(parameter),
            _ => None,
        }
    }

    /// Floating-point operations of the products in one forward pass of one field.
    pub fn flops(&self, grid: &Grid) -> f64 {
        of!(self, n => n.flops(grid))
    }

    /// Host memory in bytes that one field of a batch needs in a training step.
    pub fn training_bytes(&self, grid: &Grid) -> f64 {
        of!(self, n => n.training_bytes(grid))
    }

    /// F(x, t | given) for a batch.
    ///
    /// **Shape** the inputs hold `[batch, point, channel]` values; so does the result, on the device.
    ///
    /// # Errors
    /// [`NetError::Input`] for a box other than that the network was built for, values of the wrong
    /// length, not one log-SNR for each time, a class that the network does not have, or a wrong number of
    /// classes, attributes or values of other fields.
    pub fn forward(&self, inputs: &Inputs) -> Result<Tensor<3>, NetError> {
        let Inputs { grid, values: x, times, half_log_snr, given } = inputs;
        match self {
            Self::Fno(fno) => fno.forward_of(grid, x, times, half_log_snr, given),
            Self::UNet(unet) => {
                let expected = times.len() * grid.len() * unet.channels();
                if grid.dim() != 2 || x.len() != expected || half_log_snr.len() != times.len() {
                    return Err(NetError::Input {
                        expected: format!(
                            "dimension 2, {expected} values, one log-SNR for each of {} fields",
                            times.len()
                        ),
                        found: format!(
                            "dimension {}, {} values, {} log-SNRs",
                            grid.dim(),
                            x.len(),
                            half_log_snr.len()
                        ),
                    });
                }
                unet.forward(grid, x, half_log_snr, given)
            }
            Self::Nested(nested) => nested.forward(grid, x, half_log_snr, given),
        }
    }
}

impl Network {
    /// ∂F(x, t)* w, as [`Fno::pullback`]; `None` for a U-Net.
    ///
    /// # Errors
    /// As [`Fno::pullback`].
    pub fn pullback(
        &self,
        grid: &Grid,
        x: &[f32],
        w: &[f32],
        times: (&[f64], &[f64]),
        given: &Given,
    ) -> Result<Option<Vec<f32>>, NetError> {
        match self {
            Self::Fno(fno) => fno.pullback(grid, x, w, times, given),
            Self::UNet(_) => Ok(None),
            Self::Nested(nested) => nested.pullback(grid, x, w, times.1, given),
        }
    }
}

impl From<Fno> for Network {
    fn from(fno: Fno) -> Self {
        Self::Fno(Box::new(fno))
    }
}
