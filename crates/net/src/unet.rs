//! The U-Net of score-based image generation: the finite-dimensional baseline.
//!
//! Convolutions of 3×3 *cells*: its kernels shrink with the cell, so it is no operator on functions,
//! and on another grid than the trained one it sees another network. That is what it is here for.
//!
//! conv to `channels`; for each multiplier, `blocks` residual blocks and a strided convolution down;
//! two blocks in the middle; the same way up with one block more a stage, each behind the features
//! kept on the way down; norm, SiLU, conv to the output. A residual block is [GroupNorm, SiLU, conv,
//! GroupNorm, scale and shift by time, SiLU, conv] beside its input. No attention. Convolutions see
//! zeros beyond the edge, as published, whatever the boundary. Any size works: halves are rounded up,
//! and the way up takes the size of what was kept.
//!
//! **Source** arXiv 2303.04772 §5 (channels 64, multipliers 1, 2, 2) after Ho et al. 2020;
//! departures: time enters as scale and shift of the log-SNR's embedding, as in [`crate::Fno`], and
//! the last layer starts at zero. On the CPU fused operators compute it (`unet_fused`), elsewhere the
//! composition in `unet_composed`, which is their oracle too. **Cost** a field, for N points: about
//! 18·N·channels² flops a convolution at the finest stage.

use std::sync::Arc;

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{GroupNorm, GroupNormConfig, Initializer, PaddingConfig2d};
use burn::tensor::{Device, Tensor};
use karhunen_field::Grid;

use crate::operators::Operators;
use crate::parameters::{Parameters, released};
use crate::tables::{Tables, table};
use crate::time_embedding::TimeEmbedding;
use crate::unet_config::UNetConfig;
use crate::unet_fused::{Plans, stages};
use crate::{Given, NetError};

/// One residual block.
#[derive(Module, Debug)]
pub struct ResidualBlock {
    /// Before the first convolution.
    pub first_norm: GroupNorm,
    /// In → out.
    pub first: Conv2d,
    /// Before the second.
    pub second_norm: GroupNorm,
    /// Out → out.
    pub second: Conv2d,
    /// 1×1 beside them, where channels change.
    pub beside: Option<Conv2d>,
}

/// Residual blocks at one grid, and the convolution that follows a change to the next.
#[derive(Module, Debug)]
pub struct Stage {
    /// The blocks.
    pub blocks: Vec<ResidualBlock>,
    /// Down: with stride two. Up: after doubling.
    pub resample: Option<Conv2d>,
}

/// The trainable parts of a U-Net.
#[derive(Module, Debug)]
pub struct UNetWeights {
    /// Field → channels.
    pub input: Conv2d,
    /// Fine to coarse.
    pub down: Vec<Stage>,
    /// On the coarsest grid.
    pub middle: Vec<ResidualBlock>,
    /// Coarse to fine.
    pub up: Vec<Stage>,
    /// Before the output.
    pub norm: GroupNorm,
    /// Channels → field.
    pub output: Conv2d,
    /// Scale and shift of every block.
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
    /// Fine to coarse, on every grid met so far.
    plans: Tables<Arc<Vec<Plans>>>,
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
            plans: Arc::default(),
        };
        let mut start = unet.parameters()?;
        start.initialise(seed);
        unet.set_parameters(&start)?;
        Ok(unet)
    }

    /// Shape.
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

    /// How the network computes: fused where the device allows it.
    pub fn operators(&self) -> Operators {
        self.operators
    }

    /// Computes by other operators.
    ///
    /// # Errors
    /// [`NetError::Config`] for fused operators on a device that they do not run on.
    pub fn set_operators(&mut self, operators: Operators) -> Result<(), NetError> {
        operators.check(karhunen_kernels::supports_images(&self.device))?;
        self.operators = operators;
        Ok(())
    }

    /// What the fused convolutions need to know of a grid.
    pub(crate) fn plans(&self, grid: &Grid) -> Result<Arc<Vec<Plans>>, NetError> {
        table(&self.plans, grid, || Ok(Arc::new(stages(grid, self.config.multipliers.len())?)))
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

    /// Gives the network two rows for each of `count` attributes with seeded values; nothing else changes.
    ///
    /// # Errors
    /// Those of reading and writing parameters.
    pub fn add_attributes(&mut self, count: usize, seed: u64) -> Result<(), NetError> {
        let time = self.weights.time.clone();
        self.weights.time = time.with_attributes(count, seed, &self.device)?;
        Ok(())
    }

    /// The baseline sees no other fields.
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

    /// Channels of other fields that the network sees: none.
    pub fn condition_channels(&self) -> usize {
        0
    }

    /// Attributes that the network knows; 0 of most.
    pub fn attribute_count(&self) -> usize {
        self.weights.time.attribute_count()
    }

    /// Gives the network a table of `count` classes with seeded rows; nothing else of it changes.
    ///
    /// # Errors
    /// Those of reading and writing parameters.
    pub fn add_classes(&mut self, count: usize, seed: u64) -> Result<(), NetError> {
        let time = self.weights.time.clone();
        self.weights.time = time.with_classes(count, seed, &self.device)?;
        Ok(())
    }

    /// Classes that the network knows; 0 of an unlabelled one.
    pub fn class_count(&self) -> usize {
        self.weights.time.class_count()
    }

    /// As [`crate::Network::release_parameters`].
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

    /// Host bytes one field of a batch needs in a training step.
    ///
    /// Fused: of each block its input, joined where features join in, and what the convolutions
    /// read and write, with their gradients one block at a time; composed: what automatic
    /// differentiation holds.
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

    /// F(x, t | class) for a batch: `x` holds `[batch, points, channel]` values, so does the result.
    ///
    /// # Errors
    /// [`NetError::Kernel`] where the fused operators refuse; [`NetError::Input`] for a class the
    /// network does not know.
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

/// Makes the parts of a network.
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
        // features kept on the way down join in numbers that the groups may not divide
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
