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
//! This file is long: it holds both implementations of the network, fused and composed, beside its
//! costs.

use std::sync::Arc;

use burn::module::Module;
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::tensor::{Device, Tensor, TensorData};
use karhunen_field::{Boundary, Grid};
use karhunen_kernels::{
    Activation, LayerParameters, MlpParameters, SpectralPlan, pointwise_linear, pointwise_mlp,
    spectral_block, spectral_block_oversampled, supports_oversampling,
};

use crate::fno_config::{Conditioning, Coordinates, FnoConfig, LocalKernels};
use crate::local::{self, LocalBasis, LocalConv};
use crate::operators::Operators;
use crate::oversampling::OversamplingBasis;
use crate::parameters::{Parameters, released};
use crate::spectral::{SpectralBasis, SpectralConv, held_modes, window_size};
use crate::tables::{Tables, table};
use crate::time_embedding::TimeEmbedding;
use crate::{Given, NetError};

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
    config: FnoConfig,
    channels: usize,
    boundaries: Vec<Boundary>,
    modes: Vec<usize>,
    padding: Vec<f64>,
    reach: Vec<f64>,
    coordinates: Coordinates,
    weights: FnoWeights,
    device: Device,
    operators: Operators,
    bases: Tables<SpectralBasis>,
    neighbours: Tables<LocalBasis>,
    plans: Tables<Arc<SpectralPlan>>,
    finer: Tables<OversamplingBasis>,
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
            bases: Arc::default(),
            neighbours: Arc::default(),
            plans: Arc::default(),
            finer: Arc::default(),
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
    fn film(&self, requirement: &'static str) -> Result<TimeEmbedding, NetError> {
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

    /// Floating-point operations of the products in one forward pass of one field. Transforms are
    /// folded about the centre of the box, with modes ±k together, and include only modes that the
    /// grid holds.
    pub fn flops(&self, grid: &Grid) -> f64 {
        let (n, w) = (grid.len() as f64, self.config.width as f64);
        let held = held_modes(&grid.points(), &self.modes, &self.padding);
        let kept: Vec<f64> = held.into_iter().map(|m| m as f64).collect();
        let last = kept.len() - 1;
        let (mut transforms, mut rows) = (0.0, n);
        for axis in (0..=last).rev() {
            let points = grid.axes()[axis].points as f64;
            // folded, a mode costs one multiplication and one addition for each real value of a
            // pair
            transforms += 2.0 * rows * kept[axis] * w;
            rows *= kept[axis] / points;
        }
        let mixing = 8.0 * kept.iter().product::<f64>() * w * w;
        let local = match self.config.local {
            LocalKernels::None => 0.0,
            LocalKernels::Depthwise => 2.0 * n * w * local::taps(grid.dim()) as f64,
        };
        let layer = 2.0 * transforms + mixing + 2.0 * n * w * w + local;
        let layers = self.config.layers as f64 * layer + self.oversampling_flops(grid);
        let p = self.config.projection as f64;
        layers + 2.0 * n * p * (w + self.channels as f64) + 2.0 * n * w * 4.0
    }

    /// The part of these operations spent on interpolation to the finer grid and back, also folded.
    fn oversampling_flops(&self, grid: &Grid) -> f64 {
        if !self.oversampled() {
            return 0.0;
        }
        let (mut lines, mut both_ways) = (1.0, 0.0);
        for axis in grid.axes() {
            both_ways += 2.0 * lines * axis.points as f64;
            lines *= 2.0;
        }
        let values = grid.len() as f64 * self.config.width as f64;
        (self.config.layers - 1) as f64 * both_ways * values
    }

    /// Whether the nonlinearities between the layers are evaluated on a finer grid.
    fn oversampled(&self) -> bool {
        self.config.oversampling > 1
    }

    /// Host memory in bytes that one field of a batch needs in a training step.
    ///
    /// Fused operators keep the input of each layer, the values before conditioning, and two
    /// spectra at a time. Composed operators keep everything that automatic differentiation stores.
    pub fn training_bytes(&self, grid: &Grid) -> f64 {
        let (n, w) = (grid.len() as f64, self.config.width as f64);
        let window = window_size(&self.modes) as f64;
        let (layer, hidden) = match self.operators {
            Operators::Fused => (2.0 * n * w + 2.0 * window * w, 0.0),
            Operators::Composed => {
                let spectrum: f64 = self.modes.iter().map(|m| 2.0 * *m as f64).product();
                let finer = match self.oversampled() {
                    true => 8.0 * 2f64.powi(grid.dim() as i32) * n * w,
                    false => 0.0,
                };
                (9.0 * n * w + 6.0 * spectrum * w + finer, 6.0 * n * self.config.projection as f64)
            }
        };
        let layer = match self.config.local {
            LocalKernels::None => layer,
            LocalKernels::Depthwise => layer + n * w,
        };
        let shared = 2.0 * n * w + 4.0 * window * w + 8.0 * n * self.channels as f64;
        4.0 * (self.config.layers as f64 * layer + hidden + shared)
    }

    /// F(x, t) for a batch.
    ///
    /// **Shape** `x` holds `[batch, points, channel]` values; so does the result, on the device.
    ///
    /// # Errors
    /// [`NetError::Input`] if the grid's boundaries differ from those the network was built for, if
    /// the values have the wrong length, or if there is not one log-SNR for each time.
    pub fn forward(
        &self,
        grid: &Grid,
        x: &[f32],
        times: &[f64],
        half_log_snr: &[f64],
    ) -> Result<Tensor<3>, NetError> {
        self.forward_of(grid, x, times, half_log_snr, &Given::default())
    }

    /// F(x, t | given) for a batch.
    ///
    /// # Errors
    /// As [`Fno::forward`]; [`NetError::Input`] for a class that the network does not have.
    pub fn forward_of(
        &self,
        grid: &Grid,
        x: &[f32],
        times: &[f64],
        half_log_snr: &[f64],
        given: &Given,
    ) -> Result<Tensor<3>, NetError> {
        let (batch, points) = (times.len(), grid.len());
        let boundaries: Vec<Boundary> = grid.axes().iter().map(|a| a.boundary).collect();
        if boundaries != self.boundaries || x.len() != batch * points * self.channels {
            return Err(NetError::Input {
                expected: format!("{:?} axes and {} channel(s)", self.boundaries, self.channels),
                found: format!("{boundaries:?} axes and {} values for {batch} fields", x.len()),
            });
        }
        if half_log_snr.len() != batch {
            return Err(NetError::Input {
                expected: format!("one log-SNR for each of {batch} times"),
                found: format!("{} log-SNRs", half_log_snr.len()),
            });
        }
        self.answer(grid, self.inputs(grid, x, times), half_log_snr, given)
    }

    fn answer(
        &self,
        grid: &Grid,
        inputs: Tensor<3>,
        half_log_snr: &[f64],
        given: &Given,
    ) -> Result<Tensor<3>, NetError> {
        let film = self.weights.time.as_ref().map(|t| t.forward(half_log_snr, given, &self.device));
        let film = film.transpose()?;
        let [batch, points, _] = inputs.dims();
        let other = given.tensor(self.condition_channels(), (batch, points), &self.device)?;
        let inputs = (inputs, other);
        match self.operators {
            Operators::Fused => self.fused(grid, inputs, film),
            Operators::Composed => self.composed(grid, inputs, film),
        }
    }

    /// ∂F(x, t)* w: the transposed derivative of a batch's answers, applied to `w`. `None` on a
    /// device that does not track derivatives.
    ///
    /// **Shape** `x`, `w` and the result hold `[batch, points, channel]` values.
    ///
    /// # Errors
    /// As [`Fno::forward_of`]; [`NetError::Compute`] if the device does not return the result.
    pub fn pullback(
        &self,
        grid: &Grid,
        x: &[f32],
        w: &[f32],
        (times, half_log_snr): (&[f64], &[f64]),
        given: &Given,
    ) -> Result<Option<Vec<f32>>, NetError> {
        if !self.device.is_autodiff() {
            return Ok(None);
        }
        let inputs = self.inputs(grid, x, times).require_grad();
        let answers = self.answer(grid, inputs.clone(), half_log_snr, given)?;
        let shape = answers.dims();
        let w = Tensor::<3>::from_data(TensorData::new(w.to_vec(), shape), &self.device);
        let gradients = (answers * w).sum().backward();
        let failed = |e: String| NetError::Compute(e);
        let found =
            inputs.grad(&gradients).ok_or_else(|| failed("no derivative came back".into()))?;
        let width = found.dims()[2];
        let all: Vec<f32> =
            found.without_autodiff().try_into_vec_as().map_err(|e| failed(e.to_string()))?;
        Ok(Some(all.chunks_exact(width).flat_map(|v| &v[..self.channels]).copied().collect()))
    }

    /// The fused implementation: one operator a layer, and one each for lifting and projection.
    fn fused(
        &self,
        grid: &Grid,
        (inputs, other): (Tensor<3>, Option<Tensor<3>>),
        film: Option<Tensor<3>>,
    ) -> Result<Tensor<3>, NetError> {
        let plan = self.plan(grid)?;
        let (width, weights) = (self.config.width, &self.weights);
        let mut h = pointwise_linear(inputs, weights.lifting.weight.val(), bias(&weights.lifting))?;
        if let (Some(map), Some(other)) = (&weights.condition, other) {
            h = h + pointwise_linear(other, map.weight.val(), bias(map))?;
        }
        for (i, layer) in weights.layers.iter().enumerate() {
            if let Some(local) = &layer.local {
                h = local.fused(h, &self.neighbours(grid)?)?;
            }
            let parameters = LayerParameters {
                real: layer.spectral.real.val(),
                imaginary: layer.spectral.imaginary.val(),
                skip: layer.skip.weight.val(),
                bias: bias(&layer.skip),
                film: film.as_ref().map(|f| f.clone().narrow(2, 2 * i * width, 2 * width)),
            };
            let last = i + 1 == weights.layers.len();
            h = match last {
                true => spectral_block(h, parameters, Activation::Identity, &plan)?,
                false if self.oversampled() => self.fused_finer(grid, h, parameters, &plan)?,
                false => spectral_block(h, parameters, Activation::Gelu, &plan)?,
            };
        }
        let parameters = MlpParameters {
            hidden: weights.projection.weight.val(),
            hidden_bias: bias(&weights.projection),
            output: weights.output.weight.val(),
            output_bias: bias(&weights.output),
        };
        Ok(pointwise_mlp(h, parameters)?)
    }

    /// A layer whose nonlinearity is evaluated on a finer grid. On GPUs only its linear part is
    /// fused.
    fn fused_finer(
        &self,
        grid: &Grid,
        h: Tensor<3>,
        parameters: LayerParameters,
        plan: &Arc<SpectralPlan>,
    ) -> Result<Tensor<3>, NetError> {
        let finer = self.finer(grid)?;
        if supports_oversampling(&self.device) {
            return Ok(spectral_block_oversampled(h, parameters, plan, &finer.plan)?);
        }
        let film = parameters.film.clone();
        let linear = LayerParameters { film: None, ..parameters };
        let q = spectral_block(h, linear, Activation::Identity, plan)?;
        Ok(finer.gelu(q, film.as_ref()))
    }

    /// The same by tensor operations.
    fn composed(
        &self,
        grid: &Grid,
        (inputs, other): (Tensor<3>, Option<Tensor<3>>),
        film: Option<Tensor<3>>,
    ) -> Result<Tensor<3>, NetError> {
        let basis = self.basis(grid);
        let width = self.config.width;
        let mut h = self.weights.lifting.forward(inputs);
        if let (Some(map), Some(other)) = (&self.weights.condition, other) {
            h = h + map.forward(other);
        }
        for (i, layer) in self.weights.layers.iter().enumerate() {
            if let Some(local) = &layer.local {
                h = local.composed(h, &self.neighbours(grid)?);
            }
            h = layer.spectral.forward(h.clone(), &basis) + layer.skip.forward(h);
            let film = film.as_ref().map(|f| f.clone().narrow(2, 2 * i * width, 2 * width));
            let curved = i + 1 < self.weights.layers.len();
            if curved && self.oversampled() {
                h = self.finer(grid)?.gelu(h, film.as_ref());
                continue;
            }
            if let Some(film) = film {
                let scale = film.clone().narrow(2, 0, width);
                h = h * (scale + 1.0) + film.narrow(2, width, width);
            }
            if curved {
                h = gelu(h);
            }
        }
        Ok(self.weights.output.forward(gelu(self.weights.projection.forward(h))))
    }

    /// `[batch, points, field channels + coordinates (+ time)]`.
    fn inputs(&self, grid: &Grid, x: &[f32], times: &[f64]) -> Tensor<3> {
        let points = grid.len();
        let coordinates: Vec<Vec<f32>> = (0..points)
            .map(|flat| {
                let at = grid.position(flat);
                let axes = grid.axes().iter().zip(at);
                match self.coordinates {
                    Coordinates::None => vec![],
                    Coordinates::Centres => {
                        axes.map(|(a, j)| (2.0 * a.centre(j) / a.length - 1.0) as f32).collect()
                    }
                    Coordinates::Endpoints => {
                        axes.map(|(a, j)| j as f32 / (a.points.max(2) - 1) as f32).collect()
                    }
                }
            })
            .collect();
        let time = self.config.conditioning == Conditioning::InputChannel;
        let inputs = self.channels + coordinates[0].len() + usize::from(time);
        let mut values = Vec::with_capacity(times.len() * points * inputs);
        for (field, t) in x.chunks_exact(points * self.channels).zip(times) {
            for (v, c) in field.chunks_exact(self.channels).zip(&coordinates) {
                values.extend_from_slice(v);
                values.extend_from_slice(c);
                if time {
                    values.push(*t as f32);
                }
            }
        }
        Tensor::from_data(TensorData::new(values, [times.len(), points, inputs]), &self.device)
    }

    fn basis(&self, grid: &Grid) -> SpectralBasis {
        let make = || Ok(SpectralBasis::new(grid, &self.modes, &self.padding, &self.device));
        let Ok::<_, std::convert::Infallible>(basis) = table(&self.bases, grid, make);
        basis
    }

    fn neighbours(&self, grid: &Grid) -> Result<LocalBasis, NetError> {
        table(&self.neighbours, grid, || LocalBasis::new(grid, &self.reach, &self.device))
    }

    fn finer(&self, grid: &Grid) -> Result<OversamplingBasis, NetError> {
        table(&self.finer, grid, || OversamplingBasis::new(grid, &self.device))
    }

    fn plan(&self, grid: &Grid) -> Result<Arc<SpectralPlan>, NetError> {
        let periods: Vec<f64> = self.padding.iter().map(|p| 1.0 + p).collect();
        table(&self.plans, grid, || {
            Ok(Arc::new(SpectralPlan::new(&grid.points(), &self.modes, &periods)?))
        })
    }
}

/// x Φ(x). It is composed because on GPUs the tensor library's own GELU pairs the exact value with
/// the gradient of the tanh approximation, which is off by a thousandth.
pub(crate) fn gelu(x: Tensor<3>) -> Tensor<3> {
    let twice_phi = (x.clone() * std::f64::consts::FRAC_1_SQRT_2).erf() + 1.0;
    x * twice_phi * 0.5
}

/// The bias of a linear map. Every linear map here has one.
fn bias(linear: &Linear) -> Tensor<1> {
    linear.bias.as_ref().expect("a linear map with bias").val()
}
