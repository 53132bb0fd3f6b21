//! The U-Net of score-based image generation: the finite-dimensional baseline.
//!
//! Its convolutions cover 3×3 *cells*, so its kernels shrink with the cell. It is therefore no
//! operator on functions, and on a grid other than the trained one it acts as a different network.
//! This is the baseline to which the operators are compared.
//!
//! The network is a convolution to `channels`, the way down, a middle, the way up, and [norm, SiLU,
//! convolution] to the output. On the way down each multiplier has `blocks` residual blocks and a
//! strided convolution. The middle has two blocks. The way up is the same with one block more a
//! stage; each takes the features kept on the way down as additional input. A residual block adds
//! [GroupNorm, SiLU, conv, GroupNorm, scale and shift by time, SiLU, conv] to its input. There is
//! no attention.
//!
//! Convolutions see zeros beyond the edge, as published, for any boundary. Any size works: halves
//! are rounded up, and the way up takes the size of the kept features.
//!
//! **Source** arXiv 2303.04772 §5 (channels 64, multipliers 1, 2, 2) after Ho et al. 2020.
//! Departures from it: time enters as scale and shift from the embedding of the log-SNR, as in
//! [`crate::Fno`], and the last layer starts at zero. On the CPU it is computed by fused operators
//! (`unet_fused`). Other devices use the composition in `unet_composed`, which is also the test
//! oracle. **Cost** a field, for N points: about 18·N·channels² flops a convolution at the finest
//! stage.

use std::sync::Arc;

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{GroupNorm, GroupNormConfig, Initializer, PaddingConfig2d};
use burn::tensor::{Device, Tensor};
use karhunen_field::{Grid, PerGrid};

use crate::operators::Operators;
use crate::parameters::{Parameters, released};
use crate::time_embedding::TimeEmbedding;
use crate::unet_config::UNetConfig;
use crate::unet_fused::{Plans, stages};
use crate::{Given, NetError};

/// One residual block.
#[derive(Module, Debug)]
pub struct ResidualBlock {
    /// Normalisation before the first convolution.
    pub first_norm: GroupNorm,
    /// In → out.
    pub first: Conv2d,
    /// Normalisation before the second convolution.
    pub second_norm: GroupNorm,
    /// Out → out.
    pub second: Conv2d,
    /// 1×1 convolution of the input, where the number of channels changes.
    pub beside: Option<Conv2d>,
}

/// Residual blocks on one grid, and the convolution at the change to the next grid.
#[derive(Module, Debug)]
pub struct Stage {
    /// The blocks.
    pub blocks: Vec<ResidualBlock>,
    /// Way down: with stride two. Way up: after doubling.
    pub resample: Option<Conv2d>,
}

/// The trainable parts of a U-Net.
#[derive(Module, Debug)]
pub struct UNetWeights {
    /// Field → channels.
    pub input: Conv2d,
    /// Stages of the way down, fine to coarse.
    pub down: Vec<Stage>,
    /// Blocks on the coarsest grid.
    pub middle: Vec<ResidualBlock>,
    /// Stages of the way up, coarse to fine.
    pub up: Vec<Stage>,
    /// Normalisation before the output.
    pub norm: GroupNorm,
    /// Channels → field.
    pub output: Conv2d,
    /// Embedding that gives scale and shift of every block.
    pub time: TimeEmbedding,
}

/// A U-Net for functions on boxes of dimension 2.
#[derive(Debug, Clone)]
pub struct UNet {
    config: UNetConfig,
    channels: usize,
    weights: UNetWeights,
    device: Device,
    operators: Operators,
    /// Plans of the stages, fine to coarse, for every grid used so far.
    plans: PerGrid<Vec<Plans>>,
}

impl UNet {
    /// A network for `channels`-channel functions, with seeded weights and a zero output layer.
    ///
    /// # Errors
    /// [`NetError::Config`] for values out of range, or a box that is not of dimension 2.
    pub fn new(
        config: &UNetConfig,
        grid: &Grid,
        channels: usize,
        seed: u64,
        device: &Device,
    ) -> Result<Self, NetError> {
        config.check()?;
        if grid.dim() != 2 {
            return Err(NetError::Config {
                key: "kind",
                value: "unet".into(),
                requirement: "it takes fields of dimension 2; fno takes any",
            });
        }
        let make = Make { groups: config.groups, device };
        let shape = config.shape();
        let resampled = config.resampled();
        let widths = |blocks: &[Vec<[usize; 2]>]| -> usize {
            blocks.iter().flatten().map(|[_, out]| *out).sum()
        };
        let conditioned = widths(&shape.down)
            + widths(&shape.up)
            + shape.middle.iter().map(|[_, out]| *out).sum::<usize>();
        let stages = |all: &[Vec<[usize; 2]>], next: &dyn Fn(usize) -> Option<Conv2d>| {
            let stage = |(i, blocks): (usize, &Vec<[usize; 2]>)| Stage {
                blocks: blocks.iter().map(|b| make.block(*b)).collect(),
                resample: next(i),
            };
            all.iter().enumerate().map(stage).collect::<Vec<_>>()
        };
        let down = |i: usize| resampled.get(i).map(|&c| make.conv([c, c], 3, 2));
        let coarsest_first: Vec<usize> =
            config.multipliers.iter().rev().map(|m| m * config.channels).collect();
        let up = |i: usize| {
            (i + 1 < coarsest_first.len()).then(|| make.conv([coarsest_first[i]; 2], 3, 1))
        };
        let weights = UNetWeights {
            input: make.conv([channels, config.channels], 3, 1),
            down: stages(&shape.down, &down),
            middle: shape.middle.iter().map(|b| make.block(*b)).collect(),
            up: stages(&shape.up, &up),
            norm: make.norm(config.channels * config.multipliers[0]),
            output: make.conv([config.channels * config.multipliers[0], channels], 3, 1),
            time: TimeEmbedding::zeros(2 * conditioned, device),
        };
        let mut unet = Self {
            config: config.clone(),
            channels,
            weights,
            device: device.clone(),
            operators: match karhunen_kernels::supports_images(device) {
                true => Operators::Fused,
                false => Operators::Composed,
            },
            plans: PerGrid::default(),
        };
        let mut start = unet.parameters()?;
        start.initialise(seed);
        unet.set_parameters(&start)?;
        Ok(unet)
    }

    /// The shape of the network.
    pub fn config(&self) -> &UNetConfig {
        &self.config
    }

    /// Channels of the functions.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The trainable tensors.
    pub fn weights(&self) -> &UNetWeights {
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
        operators.check(karhunen_kernels::supports_images(&self.device))?;
        self.operators = operators;
        Ok(())
    }

    /// Plans of the fused convolutions on a grid.
    pub(crate) fn plans(&self, grid: &Grid) -> Result<Arc<Vec<Plans>>, NetError> {
        self.plans.try_get(grid, || stages(grid, self.config.multipliers.len()))
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

    /// Adds two seeded rows for each of `count` attributes. The rest of the network stays the same.
    ///
    /// # Errors
    /// Any error of reading and writing parameters.
    pub fn add_attributes(&mut self, count: usize, seed: u64) -> Result<(), NetError> {
        let time = self.weights.time.clone();
        self.weights.time = time.with_attributes(count, seed, &self.device)?;
        Ok(())
    }

    /// Refuses other fields, which this baseline does not support.
    ///
    /// # Errors
    /// [`NetError::Config`], always.
    pub fn add_condition(&mut self, _channels: usize, _seed: u64) -> Result<(), NetError> {
        Err(NetError::Config {
            key: "kind",
            value: "unet".into(),
            requirement: "other fields are given to a network of kind nested or fno",
        })
    }

    /// Number of channels of other fields that the network takes: always 0.
    pub fn condition_channels(&self) -> usize {
        0
    }

    /// Number of attributes; 0 for most networks.
    pub fn attribute_count(&self) -> usize {
        self.weights.time.attribute_count()
    }

    /// Adds a table of `count` classes with seeded rows. The rest of the network stays the same.
    ///
    /// # Errors
    /// Any error of reading and writing parameters.
    pub fn add_classes(&mut self, count: usize, seed: u64) -> Result<(), NetError> {
        let time = self.weights.time.clone();
        self.weights.time = time.with_classes(count, seed, &self.device)?;
        Ok(())
    }

    /// Number of classes; 0 for an unlabelled network.
    pub fn class_count(&self) -> usize {
        self.weights.time.class_count()
    }

    /// See [`crate::Network::release_parameters`].
    pub fn release_parameters(&mut self) {
        self.weights = released(self.weights.clone(), &self.device);
    }

    /// Floating-point operations of the products in one forward pass of one field.
    pub fn flops(&self, grid: &Grid) -> f64 {
        let conv = |[i, o]: [usize; 2], k: usize| 2.0 * (i * o * k * k) as f64;
        let block = |b: &[usize; 2]| {
            let beside = if b[0] == b[1] { 0.0 } else { conv(*b, 1) };
            conv(*b, 3) + conv([b[1], b[1]], 3) + beside
        };
        let shape = self.config.shape();
        let points = self.points(grid);
        let (top, coarsest) = (points[0], points[points.len() - 1]);
        let ways = shape.down.iter().zip(&points).chain(shape.up.iter().rev().zip(&points));
        let blocks: f64 = ways.map(|(b, n)| n * b.iter().map(block).sum::<f64>()).sum();
        let middle: f64 = shape.middle.iter().map(|b| coarsest * block(b)).sum();
        let resampled = self.config.resampled().into_iter().zip(points.windows(2));
        let resampled: f64 = resampled.map(|(c, n)| (n[0] + n[1]) * conv([c, c], 3)).sum();
        let ends = 2.0 * conv([self.channels, self.config.channels], 3);
        blocks + middle + resampled + top * ends
    }

    /// Host memory in bytes that one field of a batch needs in a training step.
    ///
    /// Fused operators keep the input of each block (joined with the kept features where these
    /// enter) and the values that the convolutions read and write; gradients exist one block at a
    /// time. Composed operators keep everything that automatic differentiation stores.
    pub fn training_bytes(&self, grid: &Grid) -> f64 {
        let shape = self.config.shape();
        let points = self.points(grid);
        let ways = shape.down.iter().zip(&points).chain(shape.up.iter().rev().zip(&points));
        let (of_inputs, of_outputs) = match self.operators {
            Operators::Fused => (3, 3),
            Operators::Composed => (4, 8),
        };
        let of = |blocks: &[[usize; 2]]| -> f64 {
            blocks.iter().map(|[i, o]| (of_inputs * i + of_outputs * o) as f64).sum()
        };
        let middle = points[points.len() - 1] * of(&shape.middle);
        4.0 * (ways.map(|(blocks, n)| n * of(blocks)).sum::<f64>() + middle)
    }

    /// Cells of every stage, fine to coarse.
    fn points(&self, grid: &Grid) -> Vec<f64> {
        let mut sides = grid.points();
        (0..self.config.multipliers.len())
            .map(|stage| {
                if stage > 0 {
                    sides.iter_mut().for_each(|n| *n = n.div_ceil(2));
                }
                sides.iter().map(|n| *n as f64).product()
            })
            .collect()
    }

    /// F(x, t | class) for a batch. Both `x` and the result hold `[batch, points, channel]` values.
    ///
    /// # Errors
    /// [`NetError::Kernel`] for errors of the fused operators; [`NetError::Input`] for a class that
    /// the network does not have.
    pub(crate) fn forward(
        &self,
        grid: &Grid,
        x: &[f32],
        half_log_snr: &[f64],
        given: &Given,
    ) -> Result<Tensor<3>, NetError> {
        let film = self.weights.time.forward(half_log_snr, given, &self.device)?;
        match self.operators {
            Operators::Fused => self.fused(grid, x, film),
            Operators::Composed => Ok(self.composed(grid, x, film)),
        }
    }
}

/// Builds the parts of a network.
struct Make<'a> {
    groups: usize,
    device: &'a Device,
}

impl Make<'_> {
    fn conv(&self, channels: [usize; 2], side: usize, stride: usize) -> Conv2d {
        let edge = side / 2;
        Conv2dConfig::new(channels, [side, side])
            .with_stride([stride, stride])
            .with_padding(PaddingConfig2d::Explicit(edge, edge, edge, edge))
            .with_initializer(Initializer::Zeros)
            .init(self.device)
    }

    fn norm(&self, channels: usize) -> GroupNorm {
        // with kept features joined, the number of channels may not be divisible by the number of
        // groups
        let fits = |groups: &usize| channels.is_multiple_of(*groups);
        let groups = (1..=self.groups.min(channels)).rev().find(fits).unwrap_or(1);
        GroupNormConfig::new(groups, channels).init(self.device)
    }

    fn block(&self, [inputs, outputs]: [usize; 2]) -> ResidualBlock {
        ResidualBlock {
            first_norm: self.norm(inputs),
            first: self.conv([inputs, outputs], 3, 1),
            second_norm: self.norm(outputs),
            second: self.conv([outputs, outputs], 3, 1),
            beside: (inputs != outputs).then(|| self.conv([inputs, outputs], 1, 1)),
        }
    }
}
