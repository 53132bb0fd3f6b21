//! The U-Net by plain tensor operations, channels first. It serves devices without fused operators,
//! and it is the test oracle of the fused ones.

use burn::tensor::module::interpolate;
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};
use burn::tensor::{Tensor, TensorData, activation::silu};
use karhunen_field::Grid;

use crate::unet::{ResidualBlock, UNet};

impl UNet {
    /// F(x, t) from the conditioning `[batch, 1, features]`.
    pub(crate) fn composed(&self, grid: &Grid, x: &[f32], film: Tensor<3>) -> Tensor<3> {
        let (weights, batch, sides) = (self.weights(), film.dims()[0], grid.points());
        let shape = [batch, sides[0], sides[1], self.channels()];
        let x = Tensor::<4>::from_data(TensorData::new(x.to_vec(), shape), self.device());
        let mut film = Film { values: film, at: 0 };
        let mut h = weights.input.forward(x.permute([0, 3, 1, 2]));
        let mut kept = vec![h.clone()];
        for stage in &weights.down {
            for block in &stage.blocks {
                h = block.forward(h, &mut film);
                kept.push(h.clone());
            }
            if let Some(down) = &stage.resample {
                h = down.forward(h);
                kept.push(h.clone());
            }
        }
        for block in &weights.middle {
            h = block.forward(h, &mut film);
        }
        for stage in &weights.up {
            for block in &stage.blocks {
                let beside = kept.pop().expect("one kept for each block on the way up");
                h = block.forward(Tensor::cat(vec![h, beside], 1), &mut film);
            }
            if let (Some(up), Some(next)) = (&stage.resample, kept.last()) {
                h = up.forward(nearest(h, next.dims()[2..].try_into().expect("two axes")));
            }
        }
        let y = weights.output.forward(silu(weights.norm.forward(h)));
        y.permute([0, 2, 3, 1]).reshape([batch, grid.len(), self.channels()])
    }
}

/// Scales and shifts of the blocks, read one after another.
struct Film {
    /// `[batch, 1, features]`.
    values: Tensor<3>,
    at: usize,
}

impl Film {
    /// (1 + scale) h + shift.
    fn apply(&mut self, h: Tensor<4>) -> Tensor<4> {
        let [batch, channels, _, _] = h.dims();
        let part =
            |at| self.values.clone().narrow(2, at, channels).reshape([batch, channels, 1, 1]);
        let (scale, shift) = (part(self.at), part(self.at + channels));
        self.at += 2 * channels;
        h * (scale + 1.0) + shift
    }
}

impl ResidualBlock {
    fn forward(&self, x: Tensor<4>, film: &mut Film) -> Tensor<4> {
        let h = self.first.forward(silu(self.first_norm.forward(x.clone())));
        let h = film.apply(self.second_norm.forward(h));
        let h = self.second.forward(silu(h));
        match &self.beside {
            Some(beside) => beside.forward(x) + h,
            None => x + h,
        }
    }
}

/// Nearest-neighbour upsampling: every cell takes the value of its parent cell.
fn nearest(x: Tensor<4>, sides: [usize; 2]) -> Tensor<4> {
    interpolate(x, InterpolateOptions::new(InterpolateMode::Nearest).with_output_size(sides))
}
