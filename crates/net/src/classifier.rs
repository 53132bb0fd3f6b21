//! A small convolutional classifier of two-dimensional fields. It predicts the class of a field and
//! gives features for comparing sets of fields.
//!
//! It has three 3×3 convolutions (the second and the third halve the grid), a hidden layer of
//! [`FEATURES`] values and one score a class, with ReLU between. Its kernels are measured in cells,
//! so it works on one grid and is no operator: fields must be resampled to its grid first. It is
//! about sixty times smaller than usual for such distances. That is enough to distinguish digits
//! after a minute of training on a CPU. Crate `train` holds the training and the resampling.

use std::sync::Arc;

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Initializer, Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::{Device, Gradients, Tensor, activation::relu};
use karhunen_field::Grid;
use karhunen_kernels::{ConvPlan, ConvShape, convolution, tensor_data};

use crate::parameters::released;
use crate::{NetError, Parameters};

/// Length of a field's feature vector.
pub const FEATURES: usize = 64;
/// Channels of each convolution.
const CHANNELS: [usize; 3] = [16, 32, 48];
/// Stride of each convolution.
const STRIDES: [usize; 3] = [1, 2, 2];

/// The trainable parts of a classifier.
#[derive(Module, Debug)]
pub struct ClassifierWeights {
    /// Field → channels, at every cell.
    pub convolutions: Vec<Conv2d>,
    /// All cells and channels → features.
    pub hidden: Linear,
    /// Features → scores.
    pub output: Linear,
}

/// A classifier of fields on one grid.
#[derive(Debug, Clone)]
pub struct Classifier {
    grid: Grid,
    channels: usize,
    classes: usize,
    weights: ClassifierWeights,
    device: Device,
    plans: Vec<Arc<ConvPlan>>,
}

impl Classifier {
    /// A classifier with seeded weights and equal initial scores, for `channels`-channel fields on
    /// `grid`.
    ///
    /// # Errors
    /// [`NetError::Config`] for a grid that is not of dimension 2, or fewer than two classes.
    pub fn new(
        grid: Grid,
        channels: usize,
        classes: usize,
        seed: u64,
        device: &Device,
    ) -> Result<Self, NetError> {
        let refuse = |key, value: usize, requirement| {
            Err(NetError::Config { key, value: value.to_string(), requirement })
        };
        if grid.dim() != 2 {
            return refuse("dimension", grid.dim(), "the classifier reads fields of dimension 2");
        }
        if classes < 2 {
            return refuse("classes", classes, "there must be at least two to tell apart");
        }
        let points = grid.points();
        let mut sides = [points[0], points[1]];
        let (mut plans, mut convolutions, mut inputs) = (Vec::new(), Vec::new(), channels);
        for (outputs, stride) in CHANNELS.into_iter().zip(STRIDES) {
            let shape = ConvShape { sides, enlarged: sides, kernel: 3, stride };
            plans.push(Arc::new(ConvPlan::new(shape)?));
            convolutions.push(
                Conv2dConfig::new([inputs, outputs], [3, 3])
                    .with_stride([stride, stride])
                    .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                    .with_initializer(Initializer::Zeros)
                    .init(device),
            );
            sides = sides.map(|n| n.div_ceil(stride));
            inputs = outputs;
        }
        let linear =
            |i, o| LinearConfig::new(i, o).with_initializer(Initializer::Zeros).init(device);
        let weights = ClassifierWeights {
            convolutions,
            hidden: linear(sides[0] * sides[1] * inputs, FEATURES),
            output: linear(FEATURES, classes),
        };
        let mut classifier =
            Self { grid, channels, classes, weights, device: device.clone(), plans };
        let mut start = classifier.parameters()?;
        start.initialise(seed);
        classifier.set_parameters(&start)?;
        Ok(classifier)
    }

    /// The grid on which it reads fields.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Channels of the fields.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
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

    /// Features and scores of a batch.
    ///
    /// **Shape** `x` holds `[field, point, channel]` values on the classifier's grid; the results are
    /// `[field, FEATURES]` and `[field, class]`.
    ///
    /// # Errors
    /// [`NetError::Input`] for values that do not fill fields of the grid; [`NetError::Kernel`] on
    /// devices where the convolutions do not run.
    pub fn forward(&self, x: &[f32]) -> Result<(Tensor<2>, Tensor<2>), NetError> {
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
        for (conv, plan) in self.weights.convolutions.iter().zip(&self.plans) {
            let bias = conv.bias.as_ref().expect("a convolution with bias").val();
            h = relu(convolution(h, conv.weight.val(), bias, None, plan)?);
        }
        let h: Tensor<2> = h.flatten(1, 2);
        let features = relu(self.weights.hidden.forward(h));
        let scores = self.weights.output.forward(features.clone());
        Ok((features, scores))
    }
}
