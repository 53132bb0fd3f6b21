//! Convolutions of any dimension by those of images: of one row in dimension 1, of shifted planes in dimension 3.

use std::sync::Arc;

use burn::nn::conv::Conv2d;
use burn::tensor::Tensor;
use karhunen_kernels::{ConvPlan, convolution};

use crate::NetError;

/// The geometry of a block's convolution.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The convolution on one plane of the last two axes.
    pub plane: Arc<ConvPlan>,
    /// Number of input planes, and the stride from one output plane to the next; `None` below
    /// dimension 3.
    pub planes: Option<(usize, usize)>,
}

impl Plan {
    /// The convolution of `[field, point, channel]`.
    pub fn apply(&self, convolutions: &[Conv2d], x: Tensor<3>) -> Result<Tensor<3>, NetError> {
        let Some((planes, stride)) = self.planes else {
            return self.on_planes(&convolutions[0], x, None);
        };
        let [batch, _, channels] = x.dims();
        let ([cells, targets], out) = (self.plane.points(), planes.div_ceil(stride));
        // zeros beyond the edges; with a stride, every second plane is one of two columns
        let columns = out + usize::from(stride > 1);
        let after = columns * stride + 2 * usize::from(stride == 1) - 1 - planes;
        let edge = |count: usize| Tensor::<3>::zeros([batch, count * cells, channels], &x.device());
        let padded = Tensor::cat(vec![edge(1), x.clone(), edge(after)], 1);
        let mut sum: Option<Tensor<3>> = None;
        for (tap, convolution) in convolutions.iter().enumerate() {
            let shifted = if stride == 1 {
                padded.clone().narrow(1, tap * cells, planes * cells)
            } else {
                let pairs = padded.clone().reshape([batch, columns, stride * cells, channels]);
                let pairs = pairs.narrow(1, tap / stride, out);
                pairs.narrow(2, tap % stride * cells, cells).reshape([batch, out * cells, channels])
            };
            let shifted = shifted.reshape([batch * out, cells, channels]);
            sum = Some(self.on_planes(convolution, shifted, sum)?);
        }
        let sum = sum.expect("three taps along the first axis");
        let outputs = sum.dims()[2];
        Ok(sum.reshape([batch, out * targets, outputs]))
    }

    fn on_planes(
        &self,
        taps: &Conv2d,
        x: Tensor<3>,
        added: Option<Tensor<3>>,
    ) -> Result<Tensor<3>, NetError> {
        let weight = taps.weight.val();
        let bias = match &taps.bias {
            Some(bias) => bias.val(),
            None => Tensor::zeros([weight.dims()[0]], &x.device()),
        };
        Ok(convolution(x, weight, bias, added, &self.plane)?)
    }
}
