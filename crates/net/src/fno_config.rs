//! Shape and options of a Fourier neural operator, as given in a configuration file.

use karhunen_field::{Axis, Grid};
use serde::{Deserialize, Serialize};

use crate::NetError;

/// Largest number of modes along an axis.
const MOST_MODES: usize = 4096;

/// How time enters the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conditioning {
    /// Scale and shift of every layer from an embedding of the log-SNR.
    Film,
    /// One more input channel that holds t, as published.
    InputChannel,
}

/// The coordinates that the network sees besides the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Coordinates {
    /// None: the operator commutes with shifts (of periodic data).
    None,
    /// Cell centres of the box scaled to [−1, 1]: the same function on every grid.
    Centres,
    /// `linspace(0, 1, N)` including the end point, as published; it differs between grids.
    Endpoints,
}

/// The kernels before each spectral layer, for structures smaller than its modes resolve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LocalKernels {
    /// No kernels, as published.
    None,
    /// One small kernel a channel, of fixed physical reach: see [`crate::local`].
    Depthwise,
}

/// Shape and options of an [`crate::Fno`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FnoConfig {
    /// Number of hidden channels.
    pub width: usize,
    /// Modes kept along each axis. A single number applies to all axes.
    pub modes: Vec<usize>,
    /// Number of spectral layers.
    pub layers: usize,
    /// Points an axis for the nonlinearities between the layers, relative to the grid: 1 or 2. With
    /// 2, frequencies beyond the grid's are removed and do not alias to lower ones.
    pub oversampling: usize,
    /// Hidden width of the projection.
    pub projection: usize,
    /// Extension of the period beyond the ends of non-periodic axes, as a fraction of the domain.
    pub padding: f64,
    /// Small kernels before each spectral layer.
    pub local: LocalKernels,
    /// Reach of the local kernels, in units of the first axis. By default one cell of the finest
    /// level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reach: Option<f64>,
    /// How time enters.
    pub conditioning: Conditioning,
    /// The coordinates that enter. By default cell centres if some axis is not periodic, else none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coordinates: Option<Coordinates>,
}

impl Default for FnoConfig {
    fn default() -> Self {
        Self {
            width: 32,
            modes: vec![12],
            layers: 4,
            oversampling: 1,
            projection: 64,
            padding: 0.25,
            local: LocalKernels::None,
            reach: None,
            conditioning: Conditioning::Film,
            coordinates: None,
        }
    }
}

impl FnoConfig {
    /// Modes along each axis of a box of dimension `dim`.
    ///
    /// # Errors
    /// [`NetError::Config`] unless there is one entry, or one for each axis, each at least 1.
    pub fn modes_for(&self, dim: usize) -> Result<Vec<usize>, NetError> {
        let modes = match self.modes.len() {
            1 => vec![self.modes[0]; dim],
            n if n == dim => self.modes.clone(),
            _ => vec![],
        };
        if modes.is_empty() || modes.iter().any(|m| !(1..=MOST_MODES).contains(m)) {
            return Err(NetError::Config {
                key: "modes",
                value: format!("{:?}", self.modes),
                requirement: "one number for all axes, or one an axis, each between 1 and 4096",
            });
        }
        Ok(modes)
    }

    /// Number of trainable values for functions of `channels` channels in dimension `dim`, computed
    /// without building the network.
    ///
    /// # Errors
    /// As [`FnoConfig::modes_for`].
    pub fn parameter_count(&self, dim: usize, channels: usize) -> Result<f64, NetError> {
        let [width, layers, projection] =
            [self.width, self.layers, self.projection].map(|n| n as f64);
        let modes = self.modes_for(dim)?;
        let window = modes.iter().map(|&m| 2.0 * m as f64).product::<f64>() / 2.0;
        let inputs = (channels + dim + 1) as f64;
        let local = match self.local {
            LocalKernels::None => 0.0,
            LocalKernels::Depthwise => crate::local::taps(dim) as f64 * width,
        };
        let layer = width * width * (2.0 * window + 1.0) + width + 128.0 * width + local;
        Ok(inputs * width + layers * layer + projection * (width + 2.0 + channels as f64))
    }

    /// Reach of the local kernels along each axis of the finest level's grid, in its units.
    pub(crate) fn reaches(&self, finest: &Grid) -> Vec<f64> {
        let first = finest.axes()[0].length;
        let of = |axis: &Axis| match self.reach {
            Some(reach) => reach * first,
            None => axis.length / axis.points as f64,
        };
        finest.axes().iter().map(of).collect()
    }

    pub(crate) fn check(&self) -> Result<(), NetError> {
        for (key, value) in
            [("width", self.width), ("layers", self.layers), ("projection", self.projection)]
        {
            if !(1..=4096).contains(&value) {
                let requirement = "it must lie between 1 and 4096";
                return Err(NetError::Config { key, value: value.to_string(), requirement });
            }
        }
        if !(1..=2).contains(&self.oversampling) {
            return Err(NetError::Config {
                key: "oversampling",
                value: self.oversampling.to_string(),
                requirement: "1, or 2 for nonlinearities that do not alias",
            });
        }
        if let Some(reach) = self.reach
            && !(reach > 0.0 && reach <= 1.0)
        {
            return Err(NetError::Config {
                key: "reach",
                value: reach.to_string(),
                requirement: "a length above 0 and at most 1, in units of the first axis",
            });
        }
        if !(0.0..=4.0).contains(&self.padding) {
            return Err(NetError::Config {
                key: "padding",
                value: self.padding.to_string(),
                requirement: "a fraction of the domain between 0 and 4",
            });
        }
        Ok(())
    }
}
