//! A small convolutional network that learns to distinguish two sets of fields.
//!
//! Each block is a 3^d convolution, a group normalisation and SiLU. The first block keeps the grid,
//! and each later block halves it. The mean of each channel of each block over all points enters
//! one linear output: the logit of "the field is real". Textures therefore count wherever they lie,
//! fine textures through the first blocks and coarse shapes through the last. The first
//! normalisation has ε = 1, which preserves the information in a field's contrast. The later ones
//! have a small ε.
//!
//! The convolutions are the fused ones of the U-Net, in every dimension. A field of dimension 1 is
//! an image of one row. In dimension 3 each of the three taps along the first axis is an image
//! convolution of shifted planes, and the three are added.
//!
//! The kernels are measured in cells, so the network works on one grid and is no operator. It runs
//! on the CPU. Crate `train` (`distinguish`) holds its training and the interpretation of its
//! scores.

use std::sync::Arc;

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{GroupNorm, GroupNormConfig, Initializer, Linear, LinearConfig};
use burn::tensor::{Device, Gradients, Tensor};
use karhunen_field::Grid;
use karhunen_kernels::{ConvPlan, ConvShape, NormParameters, group_norm_silu, tensor_data};

use crate::parameters::released;
use crate::planes::Plan;
use crate::{NetError, Parameters};

/// Channels of the first block and of all later ones, indexed by dimension minus one. Volumes have
/// so many points that the first block has half as many channels.
const CHANNELS: [[usize; 2]; 3] = [[16, 32], [16, 32], [8, 32]];

/// Channels of the second block of volumes, whose convolution would otherwise cost more than all
/// others.
const SECOND_OF_VOLUMES: usize = 16;

/// Largest number of blocks that halve the grid.
const HALVINGS: usize = 5;

/// Number of cells along the longest axis at which halving stops.
const COARSEST: usize = 4;

/// Groups of each normalisation after that of the first block.
const GROUPS: usize = 4;

/// ε of the first normalisation, and of the others.
const EPSILON: [f64; 2] = [1.0, 1e-2];

/// One block: a convolution and its normalisation.
#[derive(Module, Debug)]
pub struct DiscriminatorBlock {
    /// The taps along the last two axes. In dimension 3 there is one for each tap along the first
    /// axis.
    pub convolutions: Vec<Conv2d>,
    /// The normalisation before SiLU.
    pub norm: GroupNorm,
}

/// The trainable parts of a discriminator.
#[derive(Module, Debug)]
pub struct DiscriminatorWeights {
    /// The blocks, fine to coarse.
    pub blocks: Vec<DiscriminatorBlock>,
    /// Means of all blocks' channels → logit.
    pub output: Linear,
}

/// A network that distinguishes two sets of fields on one grid.
#[derive(Debug, Clone)]
pub struct Discriminator {
    grid: Grid,
    channels: usize,
    weights: DiscriminatorWeights,
    device: Device,
    plans: Vec<Plan>,
}

impl Discriminator {
    /// A discriminator of `channels`-channel fields on `grid` with seeded weights. Initially all
    /// logits are 0.
    ///
    /// # Errors
    /// [`NetError::Kernel`] for a grid that is too large for a convolution.
    pub fn new(grid: Grid, channels: usize, seed: u64, device: &Device) -> Result<Self, NetError> {
        let points = grid.points();
        let volume = points.len() == 3;
        let mut sides = match points[..] {
            [n] => [1, n],
            [.., rows, columns] => [rows, columns],
            [] => [1, 1],
        };
        let mut depth = volume.then(|| points[0]);
        let (mut plans, mut blocks) = (Vec::new(), Vec::new());
        let (mut inputs, mut means) = (channels, 0);
        for block in 0..=halvings(&points) {
            let stride = if block == 0 { 1 } else { 2 };
            let outputs = match block {
                0 => CHANNELS[points.len() - 1][0],
                1 if volume => SECOND_OF_VOLUMES,
                _ => CHANNELS[points.len() - 1][1],
            };
            let shape = ConvShape { sides, enlarged: sides, kernel: 3, stride };
            let plane = Arc::new(ConvPlan::new(shape)?);
            plans.push(Plan { plane, planes: depth.map(|n| (n, stride)) });
            blocks.push(DiscriminatorBlock {
                convolutions: (0..if volume { 3 } else { 1 })
                    .map(|tap| taps(inputs, outputs, tap == 0, device))
                    .collect(),
                norm: GroupNormConfig::new(if block == 0 { 1 } else { GROUPS }, outputs)
                    .with_epsilon(EPSILON[block.min(1)])
                    .init(device),
            });
            sides = sides.map(|n| n.div_ceil(stride));
            depth = depth.map(|n| n.div_ceil(stride));
            inputs = outputs;
            means += outputs;
        }
        let output = LinearConfig::new(means, 1).with_initializer(Initializer::Zeros).init(device);
        let weights = DiscriminatorWeights { blocks, output };
        let mut network = Self { grid, channels, weights, device: device.clone(), plans };
        let mut start = network.parameters()?;
        start.initialise(seed);
        network.set_parameters(&start)?;
        Ok(network)
    }

    /// The grid on which it reads fields.
    pub fn grid(&self) -> &Grid {
        &self.grid
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

    /// See [`crate::Network::release_parameters`].
    pub fn release_parameters(&mut self) {
        self.weights = released(self.weights.clone(), &self.device);
    }

    /// Removes the gradients of all parameters from `gradients` and returns them.
    ///
    /// # Errors
    /// As [`Parameters::taken_gradients`].
    pub fn taken_gradients(&self, gradients: Gradients) -> Result<Parameters, NetError> {
        Parameters::taken_gradients(&self.weights, gradients)
    }

    /// The logits of a batch.
    ///
    /// **Shape** `x` holds `[field, point, channel]` values on the network's grid, normalised; the result is
    /// `[field]`.
    ///
    /// **Cost** about 17 MFLOP a field of 64² cells, 56 of 32³; three times that with the gradient.
    ///
    /// # Errors
    /// [`NetError::Input`] for values that do not fill fields of the grid; [`NetError::Kernel`] on devices
    /// where the convolutions do not run.
    pub fn forward(&self, x: &[f32]) -> Result<Tensor<1>, NetError> {
        let field = self.grid.len() * self.channels;
        let batch = x.len() / field;
        if batch == 0 || !x.len().is_multiple_of(field) {
            return Err(NetError::Input {
                expected: format!("fields of {field} values at {}", self.grid),
                found: format!("{} values", x.len()),
            });
        }
        let x = tensor_data(x, [batch, self.grid.len(), self.channels]);
        let mut h = Tensor::<3>::from_data(x, &self.device);
        let mut means: Vec<Tensor<2>> = Vec::new();
        for (block, plan) in self.weights.blocks.iter().zip(&self.plans) {
            h = plan.apply(&block.convolutions, h)?;
            h = normalised(&block.norm, h)?;
            means.push(h.clone().mean_dim(1).flatten(1, 2));
        }
        Ok(self.weights.output.forward(Tensor::cat(means, 1)).flatten(0, 1))
    }
}

/// Number of times that a grid is halved.
fn halvings(points: &[usize]) -> usize {
    let mut longest = points.iter().copied().max().unwrap_or(1);
    let mut count = 0;
    while longest > COARSEST && count < HALVINGS {
        longest = longest.div_ceil(2);
        count += 1;
    }
    count.max(1)
}

fn taps(inputs: usize, outputs: usize, bias: bool, device: &Device) -> Conv2d {
    Conv2dConfig::new([inputs, outputs], [3, 3])
        .with_bias(bias)
        .with_initializer(Initializer::Zeros)
        .init(device)
}

fn normalised(norm: &GroupNorm, x: Tensor<3>) -> Result<Tensor<3>, NetError> {
    let affine = "a normalisation with scale and shift";
    let parameters = NormParameters {
        gamma: norm.gamma.as_ref().expect(affine).val(),
        beta: norm.beta.as_ref().expect(affine).val(),
        film: None,
        groups: norm.num_groups,
        epsilon: norm.epsilon,
    };
    Ok(group_norm_silu(x, parameters)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use karhunen_field::Boundary;

    fn filled(grid: &Grid, channels: usize, batch: usize) -> Vec<f32> {
        let count = batch * grid.len() * channels;
        (0..count).map(|i| ((i * 7919 + 13) % 1009) as f32 / 500.0 - 1.0).collect()
    }

    /// A network whose output is not zero.
    fn awake(grid: Grid, channels: usize, device: &Device) -> Discriminator {
        let mut network = Discriminator::new(grid, channels, 5, device).unwrap();
        let mut parameters = network.parameters().unwrap();
        for array in &mut parameters.arrays {
            if array.name == "output.weight" || array.name.ends_with("bias") {
                let wave = |i: usize| ((i * 31 % 17) as f32 / 8.0 - 1.0) * 0.5;
                array.values.iter_mut().enumerate().for_each(|(i, v)| *v = wave(i));
            }
        }
        network.set_parameters(&parameters).unwrap();
        network
    }

    fn host(t: Tensor<1>) -> Vec<f32> {
        t.without_autodiff().try_into_vec_as().unwrap()
    }

    #[test]
    fn each_dimension_each_size_and_each_number_of_channels_is_read() {
        for (points, channels) in [
            (&[1][..], 1),
            (&[2], 1),
            (&[37], 2),
            (&[3, 3], 1),
            (&[7, 13], 3),
            (&[1, 9], 1),
            (&[5, 7, 11], 1),
            (&[1, 4, 6], 2),
            (&[2, 3, 3], 1),
        ] {
            let grid = Grid::unit(points, Boundary::Neumann).unwrap();
            let x = filled(&grid, channels, 3);
            let device = Device::flex().autodiff();
            let start = Discriminator::new(grid, channels, 1, &device).unwrap();
            assert_eq!(host(start.forward(&x).unwrap()), [0.0; 3], "{points:?}");
            let network = awake(grid, channels, &device);
            let logits = network.forward(&x).unwrap();
            let values = host(logits.clone());
            assert!(values.iter().all(|v| v.is_finite()), "{points:?}: {values:?}");
            // fields are read one by one
            let one = host(network.forward(&x[..grid.len() * channels]).unwrap());
            assert_eq!(one[0], values[0], "{points:?}");
            // all parameters have a gradient that is finite
            let gradients = network.taken_gradients(logits.sum().backward()).unwrap();
            let finite = gradients.arrays.iter().all(|a| a.values.iter().all(|v| v.is_finite()));
            assert!(finite, "{points:?}");
            assert!(network.forward(&[]).is_err());
            // dropping one value leaves whole fields only where a field is one value
            assert_eq!(network.forward(&x[1..]).is_ok(), grid.len() * channels == 1);
        }
    }

    /// The first block of a volume against its definition, with and without a stride.
    #[test]
    fn planes_add_up_to_the_convolution_of_a_volume() {
        let device = Device::flex();
        for (planes, stride) in [(5usize, 1usize), (5, 2), (4, 2), (1, 2), (1, 1)] {
            let (rows, columns, inputs, outputs) = (4usize, 3usize, 2usize, 3usize);
            let shape =
                ConvShape { sides: [rows, columns], enlarged: [rows, columns], kernel: 3, stride };
            let plane = Arc::new(ConvPlan::new(shape).unwrap());
            let plan = Plan { plane, planes: Some((planes, stride)) };
            let number = |seed: usize| ((seed * 7919 + 3) % 101) as f32 / 50.0 - 1.0;
            let weight = |tap: usize, i: usize| number(1000 * (tap + 1) + i);
            let convolutions: Vec<Conv2d> = (0..3)
                .map(|tap| {
                    let mut conv = taps(inputs, outputs, false, &device);
                    let values: Vec<f32> =
                        (0..outputs * inputs * 9).map(|i| weight(tap, i)).collect();
                    let data = tensor_data(&values, [outputs, inputs, 3, 3]);
                    conv.weight =
                        burn::module::Param::from_tensor(Tensor::from_data(data, &device));
                    conv
                })
                .collect();
            let x: Vec<f32> = (0..planes * rows * columns * inputs).map(number).collect();
            let data = tensor_data(&x, [1, planes * rows * columns, inputs]);
            let y = plan.apply(&convolutions, Tensor::from_data(data, &device)).unwrap();
            let found: Vec<f32> = y.try_into_vec_as().unwrap();
            let at = |p: isize, r: isize, c: isize, i: usize| {
                let inside = |v: isize, n: usize| (0..n as isize).contains(&v);
                if !(inside(p, planes) && inside(r, rows) && inside(c, columns)) {
                    return 0.0;
                }
                x[((p as usize * rows + r as usize) * columns + c as usize) * inputs + i]
            };
            let mut expected = Vec::new();
            for p in (0..planes).step_by(stride) {
                for r in (0..rows).step_by(stride) {
                    for c in (0..columns).step_by(stride) {
                        for o in 0..outputs {
                            let mut sum = 0.0f64;
                            for (tap, (u, v)) in
                                (0..3).flat_map(|t| (0..9).map(move |k| (t, (k / 3, k % 3))))
                            {
                                for i in 0..inputs {
                                    let w = weight(tap, ((o * inputs + i) * 3 + u) * 3 + v);
                                    let shift = |a: usize, b: usize| (a + b) as isize - 1;
                                    let x = at(shift(p, tap), shift(r, u), shift(c, v), i);
                                    sum += f64::from(w) * f64::from(x);
                                }
                            }
                            expected.push(sum);
                        }
                    }
                }
            }
            assert_eq!(found.len(), expected.len(), "{planes} planes, stride {stride}");
            for (f, e) in found.iter().zip(&expected) {
                // 54 products of numbers up to 1 in f32
                assert!((f64::from(*f) - e).abs() < 1e-5, "{planes}, {stride}: {f} {e}");
            }
        }
    }
}
