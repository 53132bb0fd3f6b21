//! A network made of one stage a level of the ladder, each on its own grid.
//!
//! Stage ℓ lives on the grid of level ℓ and nowhere else, so its kernels of a few *cells* have one
//! physical size. On the grid of level ℓ the stages 0 … ℓ run:
//!
//! ```text
//! h    = stem_ℓ(x_ℓ, coordinates) + what stage ℓ + 1 sends
//! h    = blocks_ℓ(h)                                          way down
//! h   += raise_ℓ(stage_{ℓ-1}(x_{ℓ-1}, send_ℓ(h)))             if ℓ > 0
//! h    = blocks_ℓ(h)                                          way up
//! F_ℓ  = prolong(F_{ℓ-1}) + head_ℓ(h)
//! ```
//!
//! x_{ℓ-1} = P x_ℓ is the spectral restriction of the very same noisy field. Because
//! P(a X₀ + b η) = a P X₀ + b P η, a coarse stage meets on every finer grid the inputs that it was
//! trained on. `send` and `head` start at zero: a new stage changes nothing until it has learned.
//!
//! A block is h + MLP(FiLM(norm(depthwise kernel(h)))): the kernel sees a few cells, the norm is over
//! the channels of one point, FiLM takes scale and shift from the log-SNR and the class. No step
//! averages over space, so the network does not depend on the extent of the box.
//!
//! Beyond the ends of an axis a kernel sees what the axis repeats: the field again where it is periodic,
//! its mirror image elsewhere. On a Dirichlet axis too: features are no odd functions there, and the
//! answer is taken to the walls by the preconditioner.
//!
//! **Source** the nested stages of Gu et al., "Matryoshka diffusion models" (2023), with spectral
//! restriction in the place of pooling, and the block of Liu et al., "A ConvNet for the 2020s" (2022).
//! **Cost** a point and block of width w, kernel k and expansion e: 2·k^d·w + 4·e·w² flops.

use burn::module::{Module, Param};
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::tensor::{Device, Tensor, TensorData};
use karhunen_field::{Boundary, Grid};
use karhunen_kernels::{
    MlpParameters, ResidualParameters, pointwise_linear, pointwise_mlp, residual_mlp,
};

use crate::NetError;
use crate::fno::gelu;
use crate::fno_config::Coordinates;
use crate::grid_transfer::Transfer;
use crate::local::{LocalBasis, LocalConv};
use crate::nested_config::{FEWEST_CELLS, NestedConfig};
use crate::operators::Operators;
use crate::parameters::{Parameters, released};
use crate::time_embedding::TimeEmbedding;

/// ε of the norm over channels, as the fused operator has it.
const EPSILON: f64 = 1e-6;

/// One residual block.
#[derive(Module, Debug)]
pub struct NestedBlock {
    /// One small kernel a channel.
    pub local: LocalConv,
    /// Channels → hidden.
    pub hidden: Linear,
    /// Hidden → channels.
    pub output: Linear,
}

/// What a stage and the coarser one tell each other.
#[derive(Module, Debug)]
pub struct Between {
    /// This stage's channels → the coarser one's.
    pub send: Linear,
    /// The coarser stage's channels → this one's.
    pub raise: Linear,
}

/// The stage of one level.
#[derive(Module, Debug)]
pub struct NestedStage {
    /// Field and coordinates → channels.
    pub stem: Linear,
    /// The blocks, those of the way down first.
    pub blocks: Vec<NestedBlock>,
    /// To and from the coarser stage; the coarsest has none.
    pub between: Option<Between>,
    /// Channels → hidden of the answer.
    pub head: Linear,
    /// Hidden → field.
    pub output: Linear,
    /// Scale and shift of every block.
    pub time: TimeEmbedding,
}

/// The trainable parts of a nested network.
#[derive(Module, Debug)]
pub struct NestedWeights {
    /// Coarse to fine.
    pub stages: Vec<NestedStage>,
}

/// What a stage knows of its grid.
#[derive(Debug, Clone)]
struct StageGrid {
    grid: Grid,
    neighbours: LocalBasis,
    /// `[point, axis]`, if coordinates enter.
    coordinates: Option<Vec<f32>>,
    between: Option<Transfers>,
}

/// Between the grid of a stage and that of the coarser one.
#[derive(Debug, Clone)]
struct Transfers {
    restrict_field: Transfer,
    prolong_field: Transfer,
    restrict: Transfer,
    prolong: Transfer,
}

/// A nested network for functions on one box, with a stage for each level.
#[derive(Debug, Clone)]
pub struct Nested {
    config: NestedConfig,
    channels: usize,
    weights: NestedWeights,
    grids: Vec<StageGrid>,
    device: Device,
    operators: Operators,
}

impl Nested {
    /// A network for `channels`-channel functions on the grids of `levels`, coarse first, with seeded
    /// weights; it starts as the zero function.
    ///
    /// # Errors
    /// [`NetError::Config`] for values out of range; [`NetError::Levels`] for levels that are not in
    /// rising order, or have an axis of fewer than four cells.
    pub fn new(
        config: &NestedConfig,
        levels: &[Grid],
        channels: usize,
        seed: u64,
        device: &Device,
    ) -> Result<Self, NetError> {
        config.check()?;
        check_levels(levels)?;
        let dim = levels[0].dim();
        let coordinates = config.coordinates.unwrap_or_else(|| {
            let periodic = |a: &karhunen_field::Axis| a.boundary == Boundary::Periodic;
            let all = levels[0].axes().iter().all(periodic);
            if all { Coordinates::None } else { Coordinates::Centres }
        });
        let with_coordinates = coordinates != Coordinates::None;
        let inputs = channels + if with_coordinates { dim } else { 0 };
        let linear =
            |i, o| LinearConfig::new(i, o).with_initializer(Initializer::Zeros).init(device);
        let taps = config.kernel_in(dim).pow(dim as u32);
        let stage = |level: usize| {
            let (width, (before, after)) = (config.width_of(level), config.blocks_of(level));
            let hidden = config.expansion * width;
            let block = || NestedBlock {
                local: LocalConv { taps: Param::from_tensor(Tensor::zeros([taps, width], device)) },
                hidden: linear(width, hidden),
                output: linear(hidden, width),
            };
            let coarser = level.checked_sub(1).map(|coarser| config.width_of(coarser));
            NestedStage {
                stem: linear(inputs, width),
                blocks: (0..before + after).map(|_| block()).collect(),
                between: coarser.map(|coarser| Between {
                    send: linear(width, coarser),
                    raise: linear(coarser, width),
                }),
                head: linear(width, hidden),
                output: linear(hidden, channels),
                time: TimeEmbedding::zeros((before + after) * 2 * width, device),
            }
        };
        let grids = levels.iter().enumerate().map(|(level, grid)| {
            let coarser = level.checked_sub(1).map(|coarser| &levels[coarser]);
            Ok(StageGrid {
                grid: *grid,
                neighbours: LocalBasis::of_cells(grid, config.kernel_in(dim))?,
                coordinates: with_coordinates.then(|| centres(grid)),
                between: coarser.map(|coarser| Transfers::new(grid, coarser)).transpose()?,
            })
        });
        let mut network = Self {
            config: config.clone(),
            channels,
            weights: NestedWeights { stages: (0..levels.len()).map(stage).collect() },
            grids: grids.collect::<Result<_, NetError>>()?,
            device: device.clone(),
            operators: match karhunen_kernels::supports_residual(device) {
                true => Operators::Fused,
                false => Operators::Composed,
            },
        };
        let mut start = network.parameters()?;
        start.initialise(seed);
        network.set_parameters(&start)?;
        Ok(network)
    }

    /// Shape and options.
    pub fn config(&self) -> &NestedConfig {
        &self.config
    }

    /// Channels of the functions.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The trainable tensors, to walk over with Burn's visitors.
    pub fn weights(&self) -> &NestedWeights {
        &self.weights
    }

    /// The device the weights live on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// How the network computes: fused where the device allows it.
    pub fn operators(&self) -> Operators {
        self.operators
    }

    /// Computes by other operators.
    ///
    /// # Errors
    /// [`NetError::Config`] for fused operators on a device that they do not run on.
    pub fn set_operators(&mut self, operators: Operators) -> Result<(), NetError> {
        operators.check(karhunen_kernels::supports_residual(&self.device))?;
        self.operators = operators;
        Ok(())
    }

    /// A copy of all parameters on the host, by name.
    ///
    /// # Errors
    /// [`NetError::Compute`] if the device does not hand them back.
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

    /// Gives every stage a table of `count` classes with seeded rows; nothing else changes.
    ///
    /// # Errors
    /// Those of reading and writing parameters.
    pub fn add_classes(&mut self, count: usize, seed: u64) -> Result<(), NetError> {
        for stage in &mut self.weights.stages {
            stage.time = stage.time.clone().with_classes(count, seed, &self.device)?;
        }
        Ok(())
    }

    /// Classes that the network knows; 0 of an unlabelled one.
    pub fn class_count(&self) -> usize {
        self.weights.stages[0].time.class_count()
    }

    /// As [`crate::Network::release_parameters`].
    pub fn release_parameters(&mut self) {
        self.weights = released(self.weights.clone(), &self.device);
    }

    /// The level on which fields of a grid are answered: the coarsest one with at least as many cells
    /// along every axis, or the finest.
    pub fn level_for(&self, grid: &Grid) -> &Grid {
        let holds = |level: &&StageGrid| {
            let mut axes = level.grid.axes().iter().zip(grid.axes());
            axes.all(|(level, field)| level.points >= field.points)
        };
        let finest = self.grids.last().expect("at least one level");
        &self.grids.iter().find(holds).unwrap_or(finest).grid
    }

    /// The stage that a parameter belongs to, by its name.
    pub(crate) fn stage_of(parameter: &str) -> Option<usize> {
        parameter.strip_prefix("stages.")?.split('.').next()?.parse().ok()
    }

    /// Floating-point operations of the products in one forward pass of one field.
    pub fn flops(&self, grid: &Grid) -> f64 {
        let top = self.level_for(grid).points();
        let taps = self.config.kernel_in(grid.dim()).pow(grid.dim() as u32) as f64;
        let mut total = 0.0;
        for (level, stage) in self.grids.iter().enumerate() {
            let (points, width) = (stage.grid.len() as f64, self.config.width_of(level) as f64);
            let (before, after) = self.config.blocks_of(level);
            let hidden = self.config.expansion as f64 * width;
            let block = 2.0 * taps * width + 4.0 * hidden * width;
            let ends = 2.0 * width * 4.0 + 2.0 * hidden * (width + self.channels as f64);
            total += points * ((before + after) as f64 * block + ends);
            if let Some(between) = &stage.between {
                let coarser = self.config.width_of(level - 1) as f64;
                let coarse_points = self.grids[level - 1].grid.len() as f64;
                total += width * (between.restrict.flops() + between.prolong.flops());
                total += 4.0 * coarse_points * width * coarser;
            }
            if stage.grid.points() == top {
                break;
            }
        }
        total
    }

    /// Host bytes one field of a batch needs in a training step.
    ///
    /// Fused: of each block its input and the values behind its kernel; composed: what automatic
    /// differentiation holds.
    pub fn training_bytes(&self, grid: &Grid) -> f64 {
        let top = self.level_for(grid).points();
        let mut values = 0.0;
        for (level, stage) in self.grids.iter().enumerate() {
            let (points, width) = (stage.grid.len() as f64, self.config.width_of(level) as f64);
            let (before, after) = self.config.blocks_of(level);
            let expansion = self.config.expansion as f64;
            let block = match self.operators {
                Operators::Fused => 2.0,
                Operators::Composed => {
                    let taps = self.config.kernel_in(grid.dim()).pow(grid.dim() as u32) as f64;
                    8.0 + 5.0 * expansion + 2.0 * taps
                }
            };
            values += points * width * ((before + after) as f64 * block + 8.0);
            values += 8.0 * points * self.channels as f64;
            if stage.grid.points() == top {
                break;
            }
        }
        4.0 * values
    }

    /// F(x, t | class) for a batch on the grid of a level; `classes` has one entry a field, or none at
    /// all.
    ///
    /// **Shape** `x` holds `[batch, points, channel]` values; so does the result, on the device.
    ///
    /// # Errors
    /// [`NetError::Input`] for a grid that is no level, values of another length, not one log-SNR a
    /// field, or a class the network does not know.
    pub fn forward(
        &self,
        grid: &Grid,
        x: &[f32],
        half_log_snr: &[f64],
        classes: &[Option<u32>],
    ) -> Result<Tensor<3>, NetError> {
        let batch = half_log_snr.len();
        let level = self.grids.iter().position(|level| level.grid == *grid);
        let Some(level) = level.filter(|_| x.len() == batch * grid.len() * self.channels) else {
            let levels: Vec<String> = self.grids.iter().map(|l| l.grid.to_string()).collect();
            return Err(NetError::Input {
                expected: format!("{} channel(s) on {}", self.channels, levels.join(", ")),
                found: format!("{} values for {batch} fields on {grid}", x.len()),
            });
        };
        let data = karhunen_kernels::tensor_data(x, [batch, grid.len(), self.channels]);
        let x = Tensor::<3>::from_data(data, &self.device);
        let films = self.weights.stages[..=level]
            .iter()
            .map(|stage| stage.time.forward(half_log_snr, classes, &self.device));
        let films = films.collect::<Result<Vec<_>, _>>()?;
        Ok(self.stage(level, x, None, &films)?.answer)
    }

    /// Runs a stage and, within it, the coarser ones.
    fn stage(
        &self,
        level: usize,
        x: Tensor<3>,
        sent: Option<Tensor<3>>,
        films: &[Tensor<3>],
    ) -> Result<Answered, NetError> {
        let (stage, on) = (&self.weights.stages[level], &self.grids[level]);
        let (before, _) = self.config.blocks_of(level);
        let mut h = self.linear(&stage.stem, on.input(x.clone(), &self.device))?;
        if let Some(sent) = sent {
            h = h + sent;
        }
        let width = 2 * self.config.width_of(level);
        let film = |i: usize| films[level].clone().narrow(2, i * width, width);
        let (down, up) = stage.blocks.split_at(before);
        for (i, block) in down.iter().enumerate() {
            h = self.block(block, h, film(i), on)?;
        }
        let mut below = None;
        if let (Some(between), Some(transfers)) = (&stage.between, &on.between) {
            let restricted = transfers.restrict.apply(h.clone(), self.operators)?;
            let sent = self.linear(&between.send, restricted)?;
            let x = transfers.restrict_field.apply(x, self.operators)?;
            let coarse = self.stage(level - 1, x, Some(sent), films)?;
            let raised = self.linear(&between.raise, coarse.features)?;
            h = h + transfers.prolong.apply(raised, self.operators)?;
            below = Some(transfers.prolong_field.apply(coarse.answer, self.operators)?);
        }
        for (i, block) in up.iter().enumerate() {
            h = self.block(block, h, film(before + i), on)?;
        }
        let own = self.head(stage, h.clone())?;
        let answer = match below {
            Some(below) => below + own,
            None => own,
        };
        Ok(Answered { features: h, answer })
    }

    /// One residual block.
    fn block(
        &self,
        block: &NestedBlock,
        h: Tensor<3>,
        film: Tensor<3>,
        on: &StageGrid,
    ) -> Result<Tensor<3>, NetError> {
        if self.operators == Operators::Fused {
            let u = block.local.fused(h.clone(), &on.neighbours)?;
            let mlp = mlp_parameters(&block.hidden, &block.output);
            return Ok(residual_mlp(h, u, ResidualParameters { mlp, film })?);
        }
        let u = block.local.composed(h.clone(), &on.neighbours);
        let width = u.dims()[2];
        let n = u.clone() / (u.square().mean_dim(2) + EPSILON).sqrt();
        let z = n * (film.clone().narrow(2, 0, width) + 1.0) + film.narrow(2, width, width);
        Ok(h + block.output.forward(gelu(block.hidden.forward(z))))
    }

    /// The answer of a stage.
    fn head(&self, stage: &NestedStage, h: Tensor<3>) -> Result<Tensor<3>, NetError> {
        if self.operators == Operators::Fused {
            return Ok(pointwise_mlp(h, mlp_parameters(&stage.head, &stage.output))?);
        }
        Ok(stage.output.forward(gelu(stage.head.forward(h))))
    }

    fn linear(&self, linear: &Linear, x: Tensor<3>) -> Result<Tensor<3>, NetError> {
        match self.operators {
            Operators::Fused => Ok(pointwise_linear(x, linear.weight.val(), bias(linear))?),
            Operators::Composed => Ok(linear.forward(x)),
        }
    }
}

/// What a stage hands to the finer one.
struct Answered {
    /// `[batch, points, width]`.
    features: Tensor<3>,
    /// F of this level, `[batch, points, channel]`.
    answer: Tensor<3>,
}

impl StageGrid {
    /// The field and the coordinates beside it.
    fn input(&self, x: Tensor<3>, device: &Device) -> Tensor<3> {
        let Some(coordinates) = &self.coordinates else {
            return x;
        };
        let ([batch, points, _], dim) = (x.dims(), self.grid.dim());
        let coordinates = TensorData::new(coordinates.clone(), [1, points, dim]);
        let coordinates = Tensor::<3>::from_data(coordinates, device).expand([batch, points, dim]);
        Tensor::cat(vec![x, coordinates], 2)
    }
}

impl Transfers {
    fn new(fine: &Grid, coarse: &Grid) -> Result<Self, NetError> {
        Ok(Self {
            restrict_field: Transfer::of_fields(fine, coarse)?,
            prolong_field: Transfer::of_fields(coarse, fine)?,
            restrict: Transfer::of_features(fine, coarse)?,
            prolong: Transfer::of_features(coarse, fine)?,
        })
    }
}

/// Cell centres scaled to [−1, 1], `[point, axis]`.
fn centres(grid: &Grid) -> Vec<f32> {
    let mut values = Vec::with_capacity(grid.len() * grid.dim());
    for flat in 0..grid.len() {
        let axes = grid.axes().iter().zip(grid.position(flat));
        values.extend(axes.map(|(a, j)| (2.0 * a.centre(j) / a.length - 1.0) as f32));
    }
    values
}

/// What a nested network asks of a ladder.
fn check_levels(levels: &[Grid]) -> Result<(), NetError> {
    let wrong = |grid: &Grid, requirement: &'static str| {
        Err(NetError::Levels { grid: grid.to_string(), requirement })
    };
    for (i, grid) in levels.iter().enumerate() {
        if grid.axes().iter().any(|a| a.points < FEWEST_CELLS) {
            return wrong(grid, "a nested network needs at least 4 cells along every axis");
        }
        let Some(coarser) = i.checked_sub(1).map(|coarser| &levels[coarser]) else { continue };
        let mut axes = coarser.axes().iter().zip(grid.axes());
        if coarser == grid || axes.any(|(coarse, fine)| coarse.points > fine.points) {
            return wrong(
                grid,
                "every level of a nested network must be finer than the one before",
            );
        }
    }
    Ok(())
}

fn mlp_parameters(hidden: &Linear, output: &Linear) -> MlpParameters {
    MlpParameters {
        hidden: hidden.weight.val(),
        hidden_bias: bias(hidden),
        output: output.weight.val(),
        output_bias: bias(output),
    }
}

/// Every linear map here is made with a bias.
fn bias(linear: &Linear) -> Tensor<1> {
    linear.bias.as_ref().expect("a linear map with bias").val()
}
