//! The nested network: one stage for each level of the ladder, each on its own grid.
//!
//! The ladder is the list of training grids (levels), coarse to fine. Stage ℓ works only on the
//! grid of level ℓ, so its kernels of a few *cells* have one physical size. For a field on level ℓ
//! the stages 0 … ℓ run:
//!
//! ```text
//! h    = stem_ℓ(x_ℓ, coordinates) + what stage ℓ + 1 sends
//! h    = blocks_ℓ(h)                                          way down
//! h   += raise_ℓ(stage_{ℓ-1}(x_{ℓ-1}, send_ℓ(h)))             if ℓ > 0
//! h    = blocks_ℓ(h)                                          way up
//! F_ℓ  = prolong(F_{ℓ-1}) + head_ℓ(h)
//! ```
//!
//! x_{ℓ-1} = P x_ℓ is the spectral restriction of the same noisy field. Because P(a X₀ + b η) = a P
//! X₀ + b P η, a coarse stage receives on every finer grid the kind of inputs that it was trained
//! on. `send` and `head` start at zero, so a new stage changes nothing until it has learned.
//!
//! A block is h + MLP(FiLM(norm(depthwise kernel(h)))). The kernel covers a few cells. The norm is
//! over the channels of one point. FiLM takes scale and shift from the log-SNR and the class. No
//! step averages over space, so the network does not depend on the extent of the box.
//!
//! Beyond the ends of an axis a kernel sees the periodic continuation where the axis is periodic,
//! and the mirror image elsewhere. This includes Dirichlet axes: features are not odd functions
//! there, and the preconditioner makes the answer vanish at the walls.
//!
//! **Source** The nested stages are those of Gu et al., "Matryoshka diffusion models" (2023), with
//! spectral restriction in place of pooling. The block is that of Liu et al., "A ConvNet for the
//! 2020s" (2022). **Cost** for each point and block of width w, kernel k and expansion e: 2·k^d·w +
//! 4·e·w² flops.

use burn::module::Param;
use burn::nn::{Initializer, LinearConfig};
use burn::tensor::{Device, Tensor};
use karhunen_field::{Boundary, Grid};

use crate::NetError;
use crate::fno_config::Coordinates;
use crate::local::{LocalBasis, LocalConv};
use crate::nested_config::NestedConfig;
use crate::nested_stage::{
    Between, NestedBlock, NestedStage, NestedWeights, StageGrid, Transfers, centres, check_levels,
};
use crate::operators::Operators;
use crate::parameters::{Parameters, released};
use crate::time_embedding::TimeEmbedding;

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
    /// A network for `channels`-channel functions on the grids of `levels`, coarse first, with
    /// seeded weights. Initially it is the zero function.
    ///
    /// # Errors
    /// [`NetError::Config`] for values out of range; [`NetError::Levels`] for levels that are not
    /// in rising order, or have an axis of fewer than four cells.
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
                condition: None,
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
            operators: match karhunen_kernels::supports(device) {
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

    /// The trainable tensors, for traversal with Burn's visitors.
    pub fn weights(&self) -> &NestedWeights {
        &self.weights
    }

    /// The tables of each stage's grid, coarse to fine.
    pub(crate) fn grids(&self) -> &[StageGrid] {
        &self.grids
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

    /// Adds a table of `count` classes with seeded rows to every stage. The rest of the network
    /// stays the same.
    ///
    /// # Errors
    /// Any error of reading and writing parameters.
    pub fn add_classes(&mut self, count: usize, seed: u64) -> Result<(), NetError> {
        for stage in &mut self.weights.stages {
            stage.time = stage.time.clone().with_classes(count, seed, &self.device)?;
        }
        Ok(())
    }

    /// Adds two seeded rows for each of `count` attributes to every stage. The rest stays the same.
    ///
    /// # Errors
    /// Any error of reading and writing parameters.
    pub fn add_attributes(&mut self, count: usize, seed: u64) -> Result<(), NetError> {
        for stage in &mut self.weights.stages {
            stage.time = stage.time.clone().with_attributes(count, seed, &self.device)?;
        }
        Ok(())
    }

    /// Adds to every stage an input of `channels` channels of other fields, with seeded weights.
    /// The rest stays the same.
    ///
    /// # Errors
    /// Any error of reading and writing parameters.
    pub fn add_condition(&mut self, channels: usize, seed: u64) -> Result<(), NetError> {
        for (level, stage) in self.weights.stages.iter_mut().enumerate() {
            let map = LinearConfig::new(channels + 1, self.config.width_of(level))
                .with_initializer(Initializer::Zeros)
                .init(&self.device);
            stage.condition = Some(map);
        }
        let parameters = self.parameters()?.with_started("condition", seed);
        self.set_parameters(&parameters)
    }

    /// Number of channels of other fields that the network takes; 0 for most networks.
    pub fn condition_channels(&self) -> usize {
        self.weights.stages[0].condition.as_ref().map_or(0, |map| map.weight.dims()[0] - 1)
    }

    /// Number of attributes; 0 for most networks.
    pub fn attribute_count(&self) -> usize {
        self.weights.stages[0].time.attribute_count()
    }

    /// Number of classes; 0 for an unlabelled network.
    pub fn class_count(&self) -> usize {
        self.weights.stages[0].time.class_count()
    }

    /// See [`crate::Network::release_parameters`].
    pub fn release_parameters(&mut self) {
        self.weights = released(self.weights.clone(), &self.device);
    }

    /// The level on which the network evaluates fields of a grid. It is the coarsest level with at
    /// least as many cells along every axis, or else the finest level.
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

    /// Host memory in bytes that one field of a batch needs in a training step.
    ///
    /// Fused operators keep the input of each block and the values after its kernel. Composed
    /// operators keep everything that automatic differentiation stores.
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
}
