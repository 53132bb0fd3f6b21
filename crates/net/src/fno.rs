//! Fourier neural operator on one flattened point axis.
//!
//! The network lifts (field, coordinates, time) to its width, applies L layers, and projects width
//! → hidden → C channels. A layer is [spectral convolution + 1×1 map], optionally preceded by
//! [local kernels](crate::local). GELU stands between layers, optionally on twice the points an
//! axis. Weights do not depend on the grid, so one network evaluates a function at any resolution.
//!
//! **Source** arXiv 2303.04772 §5 and Li et al. 2021. Departures from it: Time enters every layer
//! by FiLM, while its input channel remains as an option. Coordinates are physical cell centres,
//! while the published ones remain as an option. The last layer starts at zero behind a
//! preconditioner.
//!
//! Not here: how it answers (module `fno_forward`), what that costs (module `fno_costs`).

use burn::module::Module;
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use karhunen_field::{Boundary, Grid, PerGrid};
use karhunen_kernels::SpectralPlan;

use crate::NetError;
use crate::fno_config::{Conditioning, Coordinates, FnoConfig, LocalKernels};
use crate::local::{LocalBasis, LocalConv};
use crate::operators::Operators;
use crate::oversampling::OversamplingBasis;
use crate::parameters::{Parameters, released};
use crate::spectral::{SpectralBasis, SpectralConv};
use crate::time_embedding::TimeEmbedding;

/// The trainable part of one layer.
#[derive(Module, Debug)]
pub struct FnoLayer {
    /// Small kernels before the layer, if enabled.
    pub local: Option<LocalConv>,
    /// Global part: a few modes, mixed across channels.
    pub spectral: SpectralConv,
    /// Point-wise part: the same linear map at every point, with the layer's bias.
    pub skip: Linear,
}

/// The trainable parts of an FNO.
#[derive(Module, Debug)]
pub struct FnoWeights {
    /// Inputs → width.
    pub lifting: Linear,
    /// The layers.
    pub layers: Vec<FnoLayer>,
    /// Width → hidden.
    pub projection: Linear,
    /// Hidden → output channels.
    pub output: Linear,
    /// Embedding of time, where time enters by FiLM.
    pub time: Option<TimeEmbedding>,
    /// Given other fields with their mark → width; `None` if the network takes no such fields.
    pub condition: Option<Linear>,
}

/// A Fourier neural operator for functions on boxes of one dimension.
#[derive(Debug, Clone)]
pub struct Fno {
    pub(crate) config: FnoConfig,
    pub(crate) channels: usize,
    pub(crate) boundaries: Vec<Boundary>,
    pub(crate) modes: Vec<usize>,
    pub(crate) padding: Vec<f64>,
    pub(crate) reach: Vec<f64>,
    pub(crate) coordinates: Coordinates,
    pub(crate) weights: FnoWeights,
    pub(crate) device: Device,
    pub(crate) operators: Operators,
    pub(crate) bases: PerGrid<SpectralBasis>,
    pub(crate) neighbours: PerGrid<LocalBasis>,
    pub(crate) plans: PerGrid<SpectralPlan>,
    pub(crate) finer: PerGrid<OversamplingBasis>,
}

impl Fno {
    /// A network for `channels`-channel functions on the box of `grid`, with seeded weights and a
    /// zero output layer.
    ///
    /// # Errors
    /// [`NetError::Config`] for values out of range.
    pub fn new(
        config: &FnoConfig,
        grid: &Grid,
        channels: usize,
        seed: u64,
        device: &Device,
    ) -> Result<Self, NetError> {
        config.check()?;
        let modes = config.modes_for(grid.dim())?;
        let periodic = |b| b == Boundary::Periodic;
        let padding =
            grid.axes().iter().map(|a| if periodic(a.boundary) { 0.0 } else { config.padding });
        let coordinates = config.coordinates.unwrap_or_else(|| {
            let all = grid.axes().iter().all(|a| periodic(a.boundary));
            if all { Coordinates::None } else { Coordinates::Centres }
        });
        let inputs = channels
            + if coordinates == Coordinates::None { 0 } else { grid.dim() }
            + usize::from(config.conditioning == Conditioning::InputChannel);
        let linear =
            |i, o| LinearConfig::new(i, o).with_initializer(Initializer::Zeros).init(device);
        let weights = FnoWeights {
            lifting: linear(inputs, config.width),
            layers: (0..config.layers)
                .map(|_| FnoLayer {
                    local: (config.local == LocalKernels::Depthwise)
                        .then(|| LocalConv::zeros(grid.dim(), config.width, device)),
                    spectral: SpectralConv::zeros(&modes, config.width, device),
                    skip: linear(config.width, config.width),
                })
                .collect(),
            projection: linear(config.width, config.projection),
            output: linear(config.projection, channels),
            time: (config.conditioning == Conditioning::Film)
                .then(|| TimeEmbedding::zeros(config.layers * 2 * config.width, device)),
            condition: None,
        };
        let mut fno = Self {
            config: config.clone(),
            channels,
            boundaries: grid.axes().iter().map(|a| a.boundary).collect(),
            modes,
            padding: padding.collect(),
            reach: config.reaches(grid),
            coordinates,
            weights,
            device: device.clone(),
            operators: Operators::for_device(device),
            bases: PerGrid::default(),
            neighbours: PerGrid::default(),
            plans: PerGrid::default(),
            finer: PerGrid::default(),
        };
        let mut start = fno.parameters()?;
        start.initialise(seed);
        fno.set_parameters(&start)?;
        Ok(fno)
    }

    /// Shape and options.
    pub fn config(&self) -> &FnoConfig {
        &self.config
    }

    /// Channels of the functions.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The trainable tensors, for traversal with Burn's visitors.
    pub fn weights(&self) -> &FnoWeights {
        &self.weights
    }

    /// The device the weights live on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The operators used: fused where the device allows it.
    pub fn operators(&self) -> Operators {
        self.operators
    }

    /// Selects other operators.
    ///
    /// # Errors
    /// [`NetError::Config`] for fused operators on a device that they do not run on.
    pub fn set_operators(&mut self, operators: Operators) -> Result<(), NetError> {
        operators.check(karhunen_kernels::supports(&self.device))?;
        self.operators = operators;
        Ok(())
    }

    /// A copy of all parameters on the host, by name.
    ///
    /// # Errors
    /// [`NetError::Compute`] if the device does not return them.
    pub fn parameters(&self) -> Result<Parameters, NetError> {
        Parameters::of(&self.weights)
    }

    /// Replaces all parameters.
    ///
    /// # Errors
    /// [`NetError::Parameter`] where a name is missing or a shape differs.
    pub fn set_parameters(&mut self, parameters: &Parameters) -> Result<(), NetError> {
        self.weights = parameters.assign(self.weights.clone(), &self.device)?;
        Ok(())
    }

    /// Adds a table of `count` classes with seeded rows. The rest of the network stays the same.
    ///
    /// # Errors
    /// [`NetError::Config`] where time enters as an input channel: classes enter by FiLM.
    pub fn add_classes(&mut self, count: usize, seed: u64) -> Result<(), NetError> {
        let time = self.film("classes enter by FiLM; film takes labelled data")?;
        self.weights.time = Some(time.with_classes(count, seed, &self.device)?);
        Ok(())
    }

    /// Adds two seeded rows for each of `count` attributes. The rest of the network stays the same.
    ///
    /// # Errors
    /// [`NetError::Config`] where time enters as an input channel: attributes enter by FiLM.
    pub fn add_attributes(&mut self, count: usize, seed: u64) -> Result<(), NetError> {
        let time = self.film("attributes enter by FiLM; film takes them")?;
        self.weights.time = Some(time.with_attributes(count, seed, &self.device)?);
        Ok(())
    }

    /// Adds an input of `channels` channels of other fields, with seeded weights. The rest of the
    /// network stays the same.
    ///
    /// # Errors
    /// Those of reading and writing parameters.
    pub fn add_condition(&mut self, channels: usize, seed: u64) -> Result<(), NetError> {
        let map = LinearConfig::new(channels + 1, self.config.width)
            .with_initializer(Initializer::Zeros)
            .init(&self.device);
        self.weights.condition = Some(map);
        let parameters = self.parameters()?.with_started("condition", seed);
        self.set_parameters(&parameters)
    }

    /// The embedding of time, where time enters by FiLM.
    pub(crate) fn film(&self, requirement: &'static str) -> Result<TimeEmbedding, NetError> {
        let value = "input-channel".into();
        let other = NetError::Config { key: "conditioning", value, requirement };
        self.weights.time.clone().ok_or(other)
    }

    /// Number of attributes; 0 for most networks.
    pub fn attribute_count(&self) -> usize {
        self.weights.time.as_ref().map_or(0, TimeEmbedding::attribute_count)
    }

    /// Number of channels of other fields that the network takes; 0 for most networks.
    pub fn condition_channels(&self) -> usize {
        self.weights.condition.as_ref().map_or(0, |map| map.weight.dims()[0] - 1)
    }

    /// Number of classes; 0 for an unlabelled network.
    pub fn class_count(&self) -> usize {
        self.weights.time.as_ref().map_or(0, TimeEmbedding::class_count)
    }

    /// See [`crate::Network::release_parameters`].
    pub fn release_parameters(&mut self) {
        self.weights = released(self.weights.clone(), &self.device);
    }

    /// Whether the nonlinearities between the layers are evaluated on a finer grid.
    pub(crate) fn oversampled(&self) -> bool {
        self.config.oversampling > 1
    }
}

/// x Φ(x). It is composed because on GPUs the tensor library's own GELU pairs the exact value with
/// the gradient of the tanh approximation, which is off by a thousandth.
pub(crate) fn gelu(x: Tensor<3>) -> Tensor<3> {
    let twice_phi = (x.clone() * std::f64::consts::FRAC_1_SQRT_2).erf() + 1.0;
    x * twice_phi * 0.5
}
